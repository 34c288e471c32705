import RedoubtSimulation

/// Mounts what a power cut left, has the target recover, and says what it found.
struct DiskJudge {
    /// What was found on a disk.
    enum Finding: Sendable {
        /// The content after so many commits, and the target goes on working.
        case commits(Int)
        /// Something else; the text says what.
        case damage(String)
        /// The file system itself could not be mounted: then it is not about the target.
        case unmountable(String)
    }

    let bench: DiskBench
    let fileSystem: FileSystem
    /// The words that start the target.
    let words: [String]
    let workload: DiskWorkload
    /// What the mode promises.
    let promise: DiskTarget.Promise

    /// Runs the workload on the disk as it is, from the creation of the database to its end; returns what happened.
    func record() throws -> [BlockEvent] {
        let disk = bench.disk
        disk.beginRecording()
        try bench.mount(fileSystem)
        let target = try bench.start(words)
        do {
            try target.awaitReady()
            for (index, changes) in workload.transactions.enumerated() {
                disk.note(.issued(index + 1))
                try target.commit(changes)
                disk.note(.acknowledged(index + 1))
                disk.note(.extents(try bench.extents()))
                // What a system does by itself from time to time; else modes that do not sync would write nothing.
                if index % Self.syncInterval == Self.syncInterval - 1 {
                    try bench.sync()
                    disk.note(.extents(try bench.extents()))
                }
            }
            try target.quit()
        } catch {
            try? bench.stop(target)
            throw error
        }
        try bench.stop(target)
        disk.note(.extents(try bench.extents()))
        try bench.unmount()
        return disk.endRecording()
    }

    private static let syncInterval = 9

    /// Judges the disk `image`; opens it a second time after a kill if `looksTwice`.
    ///
    /// - Throws: what stops the bench itself.
    func judge(_ image: SparseBytes, looksTwice: Bool) throws -> Finding {
        bench.disk.image = image
        do {
            try bench.mount(fileSystem)
        } catch let failure as DiskFailure where !failure.endsBench {
            return .unmountable("\(failure)")
        }
        let finding = try look(looksTwice)
        try bench.drop()
        return finding
    }

    private func look(_ looksTwice: Bool) throws -> Finding {
        let target = try bench.start(words)
        let rows: [String: String]
        let extra = DiskWorkload.Change(key: "after", value: "the-cut")
        do throws(TargetProcess.Failure) {
            try target.awaitReady()
            rows = try target.dump()
            try target.verify()
            try target.commit([extra])
        } catch {
            try bench.stop(target)
            return .damage("\(error)")
        }
        try bench.stop(target)
        guard let number = workload.contents.firstIndex(of: rows) else { return .damage(difference(rows)) }
        guard looksTwice else { return .commits(number) }
        let again = try bench.start(words)
        var text: String?
        do throws(TargetProcess.Failure) {
            try again.awaitReady()
            var second = try again.dump()
            let written = second.removeValue(forKey: extra.key)
            // Before a mere kill what was acknowledged may be lost only in modes that do not promise to keep it.
            let mayLose = promise != .durable && written == nil
            if second != rows || !mayLose && written != extra.value {
                text = "the second opening finds something else: \(difference(second))"
            }
        } catch {
            text = "the second opening: \(error)"
        }
        try bench.stop(again)
        return text.map { .damage($0) } ?? .commits(number)
    }

    /// Says how `rows` differ from the content that is nearest to them.
    private func difference(_ rows: [String: String]) -> String {
        var best = (number: 0, count: Int.max, key: "")
        for (number, content) in workload.contents.enumerated() {
            let keys = Set(content.keys).union(rows.keys).filter { content[$0] != rows[$0] }
            if keys.count <= best.count { best = (number, keys.count, keys.min() ?? "") }
        }
        let found = rows[best.key].map { "has \($0.prefix(12))" } ?? "is missing"
        let wanted = workload.contents[best.number][best.key].map { "should have \($0.prefix(12))" } ?? "should not be"
        return "\(rows.count) rows are no prefix: against \(best.number) commits \(best.count) rows differ; "
            + "\(best.key) \(found), \(wanted)"
    }
}
