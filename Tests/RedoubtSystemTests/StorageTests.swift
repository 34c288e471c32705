import Foundation
import Glibc
import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

/// Goal: files of the operating system do what the storage protocol promises, with and without direct I/O.
/// Method: a real directory; each test with both kinds of I/O.
@Suite struct StorageTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func pattern(_ count: Int, _ start: UInt8 = 1) throws -> AlignedBuffer {
        let buffer = try AlignedBuffer(byteCount: count)
        for index in 0..<count { unsafe buffer.bytes[index] = start &+ UInt8(truncatingIfNeeded: index % 251) }
        return buffer
    }

    @Test("what is written is read back, in a new open too", arguments: [true, false])
    func roundTrip(direct: Bool) throws {
        let storage = LinuxStorage(directIO: direct)
        let path = directory.file("a.ibd")
        let file = try storage.open(path, role: .data, creating: true, readOnly: false)
        let source = try pattern(65536)
        try unsafe file.write(UnsafeRawBufferPointer(source.bytes), at: 16384)
        try file.sync()
        #expect(try file.size() == 81920)
        file.close()
        let reader = try storage.open(path, role: .data, creating: false, readOnly: true)
        let target = try AlignedBuffer(byteCount: 65536)
        #expect(try unsafe reader.read(into: target.bytes, at: 16384) == 65536)
        #expect(unsafe target.bytes.elementsEqual(source.bytes))
        #expect(try unsafe reader.read(into: target.bytes, at: 0) == 65536)
        #expect(unsafe target.bytes[0] == 0)
        #expect(code { try unsafe reader.write(UnsafeRawBufferPointer(source.bytes), at: 0) } == .readOnly)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("a read at the end of the file is short", arguments: [true, false])
    func shortRead(direct: Bool) throws {
        let storage = LinuxStorage(directIO: direct)
        let file = try storage.open(directory.file("a"), role: .data, creating: true, readOnly: false)
        try file.extend(to: 20480)
        let target = try AlignedBuffer(byteCount: 16384)
        #expect(try unsafe file.read(into: target.bytes, at: 8192) == 12288)
        #expect(try unsafe file.read(into: target.bytes, at: 20480) == 0)
        #expect(try unsafe file.read(into: target.bytes, at: 1 << 20) == 0)
        try file.truncate(to: 20000)
        #expect(try unsafe file.read(into: target.bytes, at: 16384) == 3616)
    }

    @Test("a file grows by zeros in both ways", arguments: [true, false], [4096, 3 << 20, (1 << 20) + 4096])
    func growth(direct: Bool, size: Int) throws {
        let storage = LinuxStorage(directIO: direct)
        for byWriting in [true, false] {
            let name = "\(byWriting)"
            let file = try storage.open(directory.file(name), role: .redo, creating: true, readOnly: false)
            let first = try pattern(4096)
            try unsafe file.write(UnsafeRawBufferPointer(first.bytes), at: 0)
            try byWriting ? file.extendByWriting(to: UInt64(size)) : file.extend(to: UInt64(size))
            try byWriting ? file.extendByWriting(to: 512) : file.extend(to: 512)
            #expect(try file.size() == UInt64(max(size, 4096)))
            let target = try AlignedBuffer(byteCount: size)
            #expect(try unsafe file.read(into: target.bytes, at: 0) == size)
            #expect(unsafe target.bytes[0..<4096].elementsEqual(first.bytes))
            #expect(unsafe target.bytes[4096...].allSatisfy { $0 == 0 })
        }
    }

    @Test("growth by writing keeps the bytes of a ragged end, and makes one")
    func raggedGrowth() throws {
        let storage = LinuxStorage()
        let file = try storage.open(directory.file("a"), role: .redo, creating: true, readOnly: false)
        let first = try pattern(4096)
        try unsafe file.write(UnsafeRawBufferPointer(first.bytes), at: 0)
        try file.truncate(to: 1000)
        try file.extendByWriting(to: 9001)
        #expect(try file.size() == 9001)
        let target = try AlignedBuffer(byteCount: 12288)
        #expect(try unsafe file.read(into: target.bytes, at: 0) == 9001)
        #expect(unsafe target.bytes[0..<1000].elementsEqual(first.bytes[0..<1000]))
        #expect(unsafe target.bytes[1000..<9001].allSatisfy { $0 == 0 })
    }

    @Test("a control file is read and written byte by byte")
    func controlFile() throws {
        let storage = LinuxStorage()
        let file = try storage.open(directory.file("pool.dump"), role: .control, creating: true, readOnly: false)
        #expect(file.alignment == 1)
        let bytes: [UInt8] = [1, 2, 3]
        try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 7) }
        #expect(try file.size() == 10)
    }

    @Test("errors say the kind, the path and the number")
    func errors() throws {
        let storage = LinuxStorage()
        let path = directory.file("missing")
        do {
            _ = try storage.open(path, role: .data, creating: false, readOnly: false)
            Issue.record("a missing file was opened")
        } catch {
            #expect(error.code == .missingFile && error.errno == 2 && error.path == path)
            #expect(error.message == "open failed: No such file or directory")
        }
        #expect(code { try storage.remove(path) } == .missingFile)
        #expect(code { try storage.rename(path, to: directory.file("b")) } == .missingFile)
        #expect(code { _ = try storage.list(path) } == .missingFile)
        let file = try storage.open(path, role: .data, creating: true, readOnly: false)
        #expect(code { _ = try storage.open(path, role: .data, creating: true, readOnly: false) } == .systemCallFailed)
        file.close()
        file.close()
        #expect(code { try file.sync() } == .closed)
    }

    @Test("directories are made, listed and synced; files renamed and removed")
    func directories() throws {
        let storage = LinuxStorage()
        let path = directory.file("x/y/z")
        try storage.createDirectory(path)
        try storage.createDirectory(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        for name in ["b", "a", "c"] {
            try storage.open(path + "/" + name, role: .control, creating: true, readOnly: false).close()
        }
        try storage.rename(path + "/a", to: path + "/d")
        try storage.remove(path + "/b")
        try storage.syncDirectory(path)
        #expect(try storage.list(path) == ["c", "d"])
        #expect(code { try storage.renameNew(path + "/c", to: path + "/d") } == .exists)
        #expect(code { try storage.renameNew(path + "/none", to: path + "/e") } == .missingFile)
        #expect(try storage.list(path) == ["c", "d"])
        try storage.renameNew(path + "/c", to: path + "/e")
        try storage.renameNew(path + "/e", to: path + "/c")
        #expect(try storage.list(path) == ["c", "d"])
        #expect(try storage.exists(path + "/d"))
        #expect(try !storage.exists(path + "/a"))
        #expect(try !storage.exists(path + "/d/e"))
        #expect(code { try storage.createDirectory(path + "/d") } == .systemCallFailed)
    }

    @Test("a pipe in place of a file keeps nobody waiting", arguments: FileRole.allCases)
    func pipe(role: FileRole) throws {
        let path = directory.file("pipe \(role)")
        #expect(unsafe mkfifo(path, 0o600) == 0)
        for isDirect in [true, false] {
            let storage = LinuxStorage(directIO: isDirect)
            for readOnly in [true, false] {
                #expect(
                    code { _ = try storage.open(path, role: role, creating: false, readOnly: readOnly) } == .readFailed
                )
            }
        }
        #expect(try LinuxStorage().exists(path))
    }

    @Test func `what stands in place of a file was named by the text of a system call, and taken for a lock`() throws {
        let names = ["a folder", "a link", "a socket", "a pipe"]
        #expect(unsafe mkdir(directory.file(names[0]), 0o700) == 0)
        #expect(unsafe symlink(directory.file("nothing"), directory.file(names[1])) == 0)
        #expect(unsafe mknod(directory.file(names[2]), S_IFSOCK | 0o600, 0) == 0)
        #expect(unsafe mkfifo(directory.file(names[3]), 0o600) == 0)
        for name in names {
            let path = directory.file(name)
            func complaint(_ body: () throws(RedoubtError) -> Void) -> String {
                do throws(RedoubtError) {
                    try body()
                    return ""
                } catch {
                    #expect(error.code == .readFailed, "\(name)")
                    return error.message
                }
            }
            var complaints: [String] = []
            for isDirect in [true, false] {
                let storage = LinuxStorage(directIO: isDirect)
                for (role, readOnly) in [(FileRole.data, true), (.data, false), (.control, true), (.control, false)] {
                    complaints.append(
                        complaint { () throws(RedoubtError) in
                            _ = try storage.open(path, role: role, creating: false, readOnly: readOnly)
                        }
                    )
                }
            }
            let storage = LinuxStorage()
            complaints.append(complaint { () throws(RedoubtError) in _ = try storage.lock(path) })
            complaints.append(complaint { () throws(RedoubtError) in _ = try storage.shareLock(path) })
            complaints.append(complaint { () throws(RedoubtError) in _ = try storage.isLocked(path) })
            for text in complaints { #expect(text.hasSuffix("in place of a file; remove it"), "\(name): \(text)") }
        }
        #expect(try LinuxStorage().list(directory.path) == names.sorted())
    }

    @Test("a database is locked once, and the error names the holder")
    func lockTwice() throws {
        let storage = LinuxStorage()
        let path = directory.file("redoubt.lock")
        let lock = try storage.lock(path)
        do {
            _ = try LinuxStorage().lock(path)
            Issue.record("the lock was taken twice")
        } catch {
            #expect(error.code == .alreadyOpen)
            #expect(error.message.contains("\(ProcessInfo.processInfo.processIdentifier)"))
        }
        withExtendedLifetime(lock) {}
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == "\(ProcessInfo.processInfo.processIdentifier)\n")
    }

    @Test("those who look at a database keep out who would change it, and not each other")
    func sharedLock() throws {
        let storage = LinuxStorage()
        let path = directory.file("redoubt.lock")
        #expect(try storage.shareLock(path) == nil)
        var taken: (any AnyObject & Sendable)? = try storage.lock(path)
        #expect(try storage.isLocked(path))
        #expect(code { () throws(RedoubtError) in _ = try storage.shareLock(path) } == .alreadyOpen)
        withExtendedLifetime(taken) {}
        taken = nil
        let first = try storage.shareLock(path)
        var second = try storage.shareLock(path)
        #expect(first != nil && second != nil)
        #expect(try !storage.isLocked(path))
        do {
            _ = try storage.lock(path)
            Issue.record("the lock was taken under a reader")
        } catch {
            #expect(error.code == .alreadyOpen && error.message.contains("looks at"))
        }
        withExtendedLifetime((first, second)) {}
        second = nil
        #expect(code { () throws(RedoubtError) in _ = try storage.lock(path) } == .alreadyOpen)
        withExtendedLifetime(first) {}
    }

    @Test("a lock that was released can be taken again")
    func lockAgain() throws {
        let storage = LinuxStorage()
        for _ in 0..<3 {
            let lock = try storage.lock(directory.file("redoubt.lock"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("the lock of another process keeps this one out")
    func lockOfAnotherProcess() throws {
        let path = directory.file("redoubt.lock")
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        holder.arguments = [
            "-c",
            """
            import fcntl, os, struct, sys
            f = open(sys.argv[1], "w+")
            fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
            f.write("%d\\n" % os.getpid()); f.flush()
            print("held", flush=True)
            sys.stdin.read()
            """, path,
        ]
        let (input, output) = (Pipe(), Pipe())
        holder.standardInput = input
        holder.standardOutput = output
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else { return }
        try holder.run()
        defer {
            try? input.fileHandleForWriting.close()
            holder.waitUntilExit()
        }
        guard output.fileHandleForReading.availableData == Data("held\n".utf8) else { return }
        do {
            _ = try LinuxStorage().lock(path)
            Issue.record("the lock of another process was taken")
        } catch {
            #expect(error.code == .alreadyOpen)
            #expect(error.message.contains("process \(holder.processIdentifier);"))
        }
    }
}
