import Glibc
import RedoubtSystem
import Synchronization

/// A disk that can be mounted, and what mounts it: a ``FUSEServer`` here, a ``DiskAgent`` in another process.
///
/// Not for several threads at once. Every call has a deadline; after one that failed the bench can only be closed.
final class DiskBench {
    private static let seconds = 40.0
    // Else one agent could inherit what another's pair of sockets was before it was given its number.
    private static let starting = Mutex(())

    /// The disk.
    let disk: BlockDisk
    private let folder: String
    private let server: FUSEServer
    private let agent: ChildProcess
    private let agentEnd: Int32
    private let targetEnd: Int32
    private let channel: LineChannel

    /// Makes a disk of `size` bytes; `program` are the words that start this program.
    init(size: Int, program: [String]) throws {
        disk = BlockDisk(size: size)
        folder = try TextFile.makeTemporaryFolder()
        let (disk, folder) = (disk, folder)
        (server, agent, agentEnd, targetEnd) = try Self.starting.withLock { _ in
            let ours = try ChildProcess.socketPair()
            let targets = try ChildProcess.socketPair()
            let server = try FUSEServer(disk)
            defer {
                Glibc.close(ours.1)
                Glibc.close(targets.1)
            }
            do {
                let agent = try ChildProcess.start(
                    ["unshare", "--mount", "--propagation", "private"] + program + ["agent", folder],
                    descriptors: [
                        (ours.1, 0), (ours.1, 1), (server.descriptor, DiskAgent.fuseDescriptor),
                        (targets.1, DiskAgent.targetDescriptor),
                    ]
                )
                return (server, agent, ours.0, targets.0)
            } catch {
                server.stop()
                throw error
            }
        }
        channel = LineChannel(agentEnd)
        do {
            _ = try answer(to: "the start of the agent")
        } catch {
            close()
            throw error
        }
    }

    /// Ends the processes and the thread; unmounts what is mounted.
    func close() {
        Glibc.close(agentEnd)
        _ = agent.end(within: 5)
        server.stop()
        Glibc.close(targetEnd)
        TextFile.removeFolder(folder)
    }

    // MARK: The disk

    /// Makes a file system.
    func format(_ fileSystem: FileSystem) throws {
        try ask((["format"] + fileSystem.formatWords).joined(separator: "\t"))
    }
    /// Mounts it, which replays its journal.
    func mount(_ fileSystem: FileSystem) throws { try ask("mount\t\(fileSystem.kind)") }
    /// Unmounts it, which writes all of it.
    func unmount() throws { try ask("unmount") }
    /// Unmounts it without writing what is not written.
    func drop() throws { try ask("drop") }
    /// Has the file system make all durable.
    func sync() throws { try ask("sync") }

    /// Returns where on the disk the contents of files are.
    func extents() throws -> [Range<Int>] {
        try ask("extents").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let first = Int(words[1]), let end = Int(words[2]), first < end else { return nil }
            return first..<end
        }
    }

    // MARK: Targets

    /// Starts a target by `words`; `{folder}` in them is where it shall keep its files.
    func start(_ words: [String]) throws -> TargetProcess {
        let place = words.map { $0 == "{folder}" ? folder + "/mounted/database" : $0 }
        try ask((["start"] + place).joined(separator: "\t"))
        return TargetProcess(LineChannel(targetEnd))
    }

    /// Kills a target, if it has not ended, and waits until it has.
    func stop(_ target: TargetProcess) throws {
        if target.hasEnded { return }
        try ask("stop")
        try target.awaitEnd()
    }

    @discardableResult
    private func ask(_ command: String) throws -> [String] {
        channel.send(command)
        return try answer(to: command)
    }

    /// Returns the lines of an answer, but for the last one.
    private func answer(to command: String) throws -> [String] {
        var lines: [String] = []
        let name = command.split(separator: "\t").joined(separator: " ")
        while true {
            let line: String
            do throws(LineChannel.Silence) {
                line = try channel.receive(seconds: Self.seconds)
            } catch {
                throw DiskFailure("\(name): the agent is \(error == .late ? "silent" : "gone")", endsBench: true)
            }
            if line.hasPrefix("failed ") { throw DiskFailure(String(line.dropFirst(7))) }
            if line == "ok" { return lines }
            lines.append(line)
        }
    }
}
