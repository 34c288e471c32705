import Glibc
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

/// Goal: a result goes where it was asked to, whole, and what else stands there stays. Method: a file, a link, a pipe
/// and a folder as targets.
@Suite(.timeLimit(.minutes(20))) struct WholeFileTests {
    @Test func `a pipe and a link were replaced by files`() throws {
        let directory = try TemporaryDirectory()
        let (pipe, file, link) = (directory.file("pipe"), directory.file("file"), directory.file("link"))
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        let end = unsafe open(pipe, O_RDWR | O_NONBLOCK)
        defer { close(end) }
        try WholeFile.write(Array("told".utf8), to: pipe)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(unsafe read(end, &bytes, 8) == 4 && bytes.prefix(4).elementsEqual("told".utf8))
        #expect(kind(pipe) == S_IFIFO)
        try WholeFile.write([1], to: file)
        #expect(unsafe symlink(file, link) == 0)
        try WholeFile.write([2, 3], to: link)
        #expect(kind(link) == S_IFLNK)
        #expect(try WholeFile.read(file, limit: 8) == [2, 3])
    }

    @Test func `a file of the user with the name of the temporary one was removed`() throws {
        let directory = try TemporaryDirectory()
        let (path, other) = (directory.file("page"), directory.file("page.new"))
        try WholeFile.write([7], to: other)
        try WholeFile.write([1], to: path)
        try WholeFile.write([2], to: path)
        #expect(try WholeFile.read(other, limit: 8) == [7] && WholeFile.read(path, limit: 8) == [2])
    }

    @Test func `a page that others could read was theirs no more`() throws {
        let directory = try TemporaryDirectory()
        let (page, new) = (directory.file("page"), directory.file("new"))
        try WholeFile.write([1], to: page)
        #expect(mode(page) == 0o600)
        #expect(unsafe chmod(page, 0o644) == 0)
        try WholeFile.write([2], to: page)
        #expect(mode(page) == 0o644)
        #expect(try WholeFile.read(page, limit: 8) == [2])
        try WholeFile.write([3], to: new)
        #expect(mode(new) == 0o600)
    }

    @Test func `a link to a file that was not there yet was replaced`() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("folder")
        #expect(unsafe mkdir(folder, 0o700) == 0)
        let targets = ["first", "folder/second", "../\(directory.path.split(separator: "/").last ?? "")/third"]
        for (number, target) in targets.enumerated() {
            let (link, chain) = (directory.file("link \(number)"), directory.file("chain \(number)"))
            #expect(unsafe symlink(target, link) == 0)
            #expect(unsafe symlink("link \(number)", chain) == 0)
            try WholeFile.write([UInt8(number)], to: chain)
            #expect(kind(link) == S_IFLNK && kind(chain) == S_IFLNK)
            #expect(try WholeFile.read(directory.file(target), limit: 8) == [UInt8(number)])
            try WholeFile.write([9], to: chain)
            #expect(try WholeFile.read(directory.file(target), limit: 8) == [9])
        }
        let (one, other) = (directory.file("one"), directory.file("other"))
        #expect(unsafe symlink(one, other) == 0)
        #expect(unsafe symlink(other, one) == 0)
        #expect(code { try WholeFile.write([1], to: one) } == .systemCallFailed)
    }

    @Test func `a file that a killed process has left kept later ones of its number from writing`() throws {
        let directory = try TemporaryDirectory()
        let (path, left) = (directory.file("page"), directory.file("page.\(getpid()).new"))
        try WholeFile.write([7], to: left)
        try WholeFile.write([1], to: path)
        #expect(try WholeFile.read(left, limit: 8) == [7] && WholeFile.read(path, limit: 8) == [1])
        #expect(try LinuxStorage().list(directory.path).count == 2)
    }

    @Test func `a target that cannot be replaced leaves nothing beside it`() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("folder")
        #expect(unsafe mkdir(folder, 0o700) == 0)
        #expect(throws: RedoubtError.self) { try WholeFile.write([1], to: folder) }
        #expect(throws: RedoubtError.self) { try WholeFile.write([1], to: directory.file("none/page")) }
        #expect(try LinuxStorage(directIO: false, asyncIO: false).list(directory.path) == ["folder"])
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// What stands at `path`, links not followed.
    private func kind(_ path: String) -> mode_t {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    }
}
