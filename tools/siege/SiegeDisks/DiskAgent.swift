import Glibc

/// The process that mounts: it lives in a mount namespace of its own, so that with it everything goes that it mounted,
/// and it does not serve what it waits for.
///
/// Its commands come over standard input, a line each; it answers with lines of which the last is `ok` or begins with
/// `failed`. Descriptor 3 is /dev/fuse, descriptor 4 the other end of what targets read and write.
final class DiskAgent {
    static let fuseDescriptor: Int32 = 3
    static let targetDescriptor: Int32 = 4
    private static let shutDown: UInt = 0x8004_587D
    private static let withoutLog: UInt32 = 2

    private let folder: String
    private let loop: LoopDevice
    private let commands = LineChannel(0)
    private let targetEnd = LineChannel(targetDescriptor)
    private var target: ChildProcess?

    private var mountPoint: String { folder + "/mounted" }

    /// Serves commands until nobody is left to send any; `folder` is where to mount.
    static func run(folder: String) -> Int32 {
        do {
            let agent = try DiskAgent(folder: folder)
            agent.commands.send("ok")
            agent.serve()
            return 0
        } catch {
            LineChannel(0).send("failed \(error)")
            return 1
        }
    }

    private init(folder: String) throws {
        self.folder = folder
        _ = fcntl(Self.targetDescriptor, F_SETFD, FD_CLOEXEC)
        let served = folder + "/served"
        _ = unsafe mkdir(served, 0o700)
        _ = unsafe mkdir(folder + "/mounted", 0o700)
        let options = "fd=\(Self.fuseDescriptor),rootmode=40000,user_id=0,group_id=0"
        let code = unsafe options.withCString { unsafe mount("siege", served, "fuse", 0, UnsafeRawPointer($0)) }
        guard code == 0 else { throw DiskFailure.ofCall("mount of FUSE") }
        close(Self.fuseDescriptor)
        let file = unsafe open("\(served)/\(FUSEFolder.fileName)", O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw DiskFailure.ofCall("open of the disk") }
        defer { close(file) }
        loop = try LoopDevice(over: file)
    }

    private func serve() {
        while true {
            do throws(LineChannel.Silence) {
                let line = try commands.receive(seconds: target == nil ? nil : 0.005)
                do {
                    try answer(line.split(separator: "\t").map(String.init))
                    commands.send("ok")
                } catch {
                    commands.send("failed \(error)")
                }
            } catch {
                reportEnd(ofTarget: nil)
                if error == .late { continue }
                if let target { kill(target.id, SIGKILL) }
                _ = unsafe umount2(mountPoint, Int32(MNT_DETACH))
                return
            }
        }
    }

    private func answer(_ words: [String]) throws {
        switch words.first ?? "" {
        case "format": try require("format", Array(words.dropFirst()) + [loop.path])
        case "mount": try mountDisk(words[1])
        case "unmount": try unmount()
        case "drop":
            shutDownDisk()
            try unmount()
        case "sync": try require("sync", ["sync", "-f", mountPoint])
        case "extents":
            for range in FileExtents.below(mountPoint) {
                commands.send("extent \(range.lowerBound) \(range.upperBound)")
            }
        case "start": try start(Array(words.dropFirst()))
        case "stop":
            if let target {
                kill(target.id, SIGKILL)
                reportEnd(ofTarget: target.wait())
            }
        default: throw DiskFailure("there is no command \(words)")
        }
    }

    // MARK: The disk

    private func require(_ name: String, _ words: [String]) throws {
        let log = "\(folder)/\(name).log"
        let ending = try ChildProcess.run(words, log: log, seconds: 30)
        guard ending == .code(0) else {
            let text = TextFile.lines(log).first ?? ""
            throw DiskFailure("\(words.joined(separator: " ")) ended with \(ending): \(text)")
        }
    }

    private func mountDisk(_ fileSystem: String) throws {
        try loop.forget()
        // Copies of one disk are mounted at once, which xfs refuses for equal identifiers.
        let options = fileSystem == "xfs" ? "nouuid" : ""
        let code = unsafe options.withCString {
            unsafe mount(loop.path, mountPoint, fileSystem, UInt(MS_NOATIME), UnsafeRawPointer($0))
        }
        guard code == 0 else { throw DiskFailure.ofCall("mount of \(fileSystem)") }
    }

    private func unmount() throws {
        // What was killed a moment ago may still have files open.
        for _ in 0..<200 {
            if unsafe umount2(mountPoint, 0) == 0 { return }
            guard errno == EBUSY else { break }
            usleep(1000)
        }
        throw DiskFailure.ofCall("umount")
    }

    /// Has the file system forget what it has not written.
    private func shutDownDisk() {
        let root = unsafe open(mountPoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { return }
        defer { close(root) }
        var flags = Self.withoutLog
        _ = unsafe ioctl(root, Self.shutDown, &flags)
    }

    // MARK: The target

    private func start(_ words: [String]) throws {
        guard target == nil else { throw DiskFailure("a target runs already") }
        // Commands that an earlier one died before.
        targetEnd.drain()
        let end = Self.targetDescriptor
        target = try ChildProcess.start(words, descriptors: [(end, 0), (end, 1), (end, 2)])
    }

    /// Says over the target's line that it has ended, if it has.
    private func reportEnd(ofTarget known: ChildProcess.Ending?) {
        guard let ending = known ?? target?.endedAlready() else { return }
        target = nil
        targetEnd.send("\nended \(ending)")
    }
}
