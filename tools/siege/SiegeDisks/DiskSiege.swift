import Glibc
import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// Power cuts on real file systems: a disk in memory below ext4 or xfs, with a storage engine on top.
///
/// The disk is a file that ``FUSEServer`` serves, below a loop device; so every write and flush of the file system is
/// seen in its order. A target runs a workload, and its acknowledgements are noted in the same order. Then disks are
/// made as a power cut would leave them, each is mounted, the target recovers, and what it finds must be what was
/// acknowledged. Modes that promise nothing are the controls: they must be caught.
package enum DiskSiege {
    /// Runs the siege; waits until it is done.
    package static func run(_ options: DiskOptions) -> DiskFigures {
        let begin = Scheduling.now()
        var figures = judged(options, since: begin)
        figures.seconds = Double(Scheduling.now().nanoseconds(since: begin)) / 1e9
        return figures
    }

    private static func judged(_ options: DiskOptions, since begin: EngineInstant) -> DiskFigures {
        var figures = DiskFigures()
        if let reason = missingForAll() {
            figures.skipped = ["disks: \(reason)"]
            return figures
        }
        let fileSystems = options.fileSystems.filter { fileSystem in
            let program = fileSystem.formatWords[0]
            if ChildProcess.find(program) != nil { return true }
            figures.skipped.append("\(fileSystem.rawValue): there is no \(program); \(fileSystem.package) has it")
            return false
        }
        let scratch: String
        do {
            scratch = try TextFile.makeTemporaryFolder()
        } catch {
            figures.skipped.append("disks: \(error)")
            return figures
        }
        defer { TextFile.removeFolder(scratch) }
        let peers = PeerPrograms(sources: options.peers, folder: scratch)
        var works: [DiskWork] = []
        var words: [String: Result<[String], DiskFailure>] = [:]
        for target in DiskTarget.all where options.includes(target) {
            if words[target.name] == nil { words[target.name] = start(of: target, peers, options, &figures.skipped) }
            guard let start = words[target.name] else { continue }
            for fileSystem in fileSystems {
                works.append(DiskWork(target: target, fileSystem: fileSystem, start: start, options: options))
            }
        }
        let deadline = begin.advanced(microseconds: Int(options.seconds * 1e6))
        figures.rows = run(works, jobs: options.jobs, until: deadline)
        return figures
    }

    /// Does all of `works`, so many at once; returns their rows in order.
    private static func run(_ works: [DiskWork], jobs: Int, until deadline: EngineInstant) -> [DiskFigures.Row] {
        let next = Mutex(0)
        let rows = Mutex<[Int: DiskFigures.Row]>([:])
        let labour = { @Sendable in
            while true {
                let number = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard number < works.count else { return }
                let row = works[number].run(until: deadline)
                rows.withLock { $0[number] = row }
            }
        }
        var threads: [EngineThread] = []
        for number in 1..<max(1, min(jobs, works.count)) {
            guard let thread = try? Scheduling.startOnSystem("siege \(number)", labour) else { break }
            threads.append(thread)
        }
        labour()
        for thread in threads { Scheduling.joinOnSystem(thread) }
        return rows.withLock { rows in works.indices.compactMap { rows[$0] } }
    }

    /// Returns the words that start `target` but for its mode and folder, or why there are none; nil if it is skipped.
    private static func start(
        of target: DiskTarget,
        _ peers: PeerPrograms,
        _ options: DiskOptions,
        _ skipped: inout [String]
    ) -> Result<[String], DiskFailure>? {
        guard let peer = target.peer else { return .success(options.program + ["redoubt"]) }
        do {
            if let missing = try peers.missing(for: peer) {
                let line = "\(target.name): \(missing)"
                if !skipped.contains(line) { skipped.append(line) }
                return nil
            }
            return .success([try peers.build(peer)])
        } catch {
            return .failure(DiskFailure("\(error)"))
        }
    }

    /// Returns what this machine lacks, or nil.
    package static func missingForAll() -> String? {
        if geteuid() != 0 { return "only root may mount" }
        for path in ["/dev/fuse", "/dev/loop-control"] where unsafe access(path, R_OK | W_OK) != 0 {
            return "there is no \(path)"
        }
        for program in ["unshare", "sync", "rm"] where ChildProcess.find(program) == nil {
            return "there is no \(program)"
        }
        return nil
    }
}
