import RedoubtSimulation
import RedoubtSystem

/// The siege of one target in one mode on one file system.
struct DiskWork: Sendable {
    let target: DiskTarget
    let fileSystem: FileSystem
    /// The words that start the target but for its mode and folder.
    let start: Result<[String], DiskFailure>
    let options: DiskOptions

    /// One state in so many is opened a second time after a kill.
    private static let secondLookInterval = 4

    /// Does it; stops judging at `deadline`.
    func run(until deadline: EngineInstant) -> DiskFigures.Row {
        var row = DiskFigures.Row(
            target: target.name,
            mode: target.mode,
            fileSystem: fileSystem.rawValue,
            promise: target.promise.rawValue
        )
        do {
            let words = try start.get() + [target.mode, "{folder}"]
            let bench = try DiskBench(size: fileSystem.diskSize, program: options.program)
            defer { bench.close() }
            try bench.format(fileSystem)
            let judge = DiskJudge(
                bench: bench,
                fileSystem: fileSystem,
                words: words,
                workload: DiskWorkload(seed: options.seed, count: options.commits),
                promise: target.promise
            )
            try run(judge, until: deadline, &row)
        } catch {
            row.failure = "\(error)"
        }
        return row
    }

    private func run(_ judge: DiskJudge, until deadline: EngineInstant, _ row: inout DiskFigures.Row) throws {
        let image = judge.bench.disk.image
        let epochs = CrashEpoch.list(start: image, events: try judge.record())
        let crashes = CrashStates(epochs, seed: options.seed)
        if let folder = options.traceFolder {
            let path = "\(folder)/\(target.name)-\(target.mode)-\(fileSystem.rawValue).txt"
            try TextFile.write(epochs.enumerated().map { "epoch \($0)\n\($1)\n" }.joined(), to: path)
        }
        row.epochCount = crashes.epochs.count
        row.writeCount = crashes.epochs.reduce(0) { $0 + $1.writes.count }
        var findings: [UInt64: DiskJudge.Finding] = [:]
        for state in crashes.states {
            let limit = options.stateLimit(target, isCaught: row.violations > 0)
            if findings.count >= limit { break }
            if Scheduling.now() >= deadline {
                row.failure = "the time was out after \(findings.count) of \(limit) disks"
                break
            }
            let epoch = crashes.epochs[state.epoch]
            let disk = state.choice.image(epoch)
            let finding: DiskJudge.Finding
            if let known = findings[disk.hash] {
                // The same disk again; it counts only if it fails what is asked of it now.
                guard isLoss(known, epoch), row.violations == 0 else { continue }
                finding = known
            } else {
                finding = try judge.judge(
                    disk.bytes,
                    looksTwice: findings.count % Self.secondLookInterval == 0
                )
                findings[disk.hash] = finding
                row.states = findings.count
                if state.choice.torn != nil { row.torn += 1 }
            }
            count(finding, epoch, crashes.text(state), &row)
        }
    }

    private func isLoss(_ finding: DiskJudge.Finding, _ epoch: CrashEpoch) -> Bool {
        guard case .commits(let number) = finding else { return false }
        let allowance = target.promise == .exceptLast ? 1 : 0
        return number < epoch.window.lowerBound - allowance
    }

    private func count(
        _ finding: DiskJudge.Finding,
        _ epoch: CrashEpoch,
        _ name: String,
        _ row: inout DiskFigures.Row
    ) {
        let text: String
        switch finding {
        case .commits(let number):
            if isLoss(finding, epoch) {
                row.lost += 1
                text = "only \(number) commits are left"
            } else if number > epoch.window.upperBound {
                row.damaged += 1
                text = "\(number) commits, more than were issued"
            } else {
                return
            }
        case .damage(let what):
            row.damaged += 1
            text = what
        case .unmountable(let what):
            row.unmountable += 1
            text = what
        }
        if row.firstText == nil { row.firstText = "\(text); \(name)" }
        if row.firstViolation == nil && row.violations > 0 { row.firstViolation = row.states }
    }
}
