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

    @Test func `a target that cannot be replaced leaves nothing beside it`() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("folder")
        #expect(unsafe mkdir(folder, 0o700) == 0)
        #expect(throws: RedoubtError.self) { try WholeFile.write([1], to: folder) }
        #expect(throws: RedoubtError.self) { try WholeFile.write([1], to: directory.file("none/page")) }
        #expect(try LinuxStorage(directIO: false, asyncIO: false).list(directory.path) == ["folder"])
    }

    /// What stands at `path`, links not followed.
    private func kind(_ path: String) -> mode_t {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    }
}
