import Redoubt
import RedoubtCore
package import RedoubtSimulation

/// Explores the epochs of the engine that are too large for one disk after the other: a full doublewrite batch, before
/// and after its copies are durable, and a long tail of the redo.
package enum EngineEpochs {
    /// One epoch, and what it came to.
    package struct Epoch: Sendable, CustomStringConvertible {
        /// What was under way.
        package let name: String
        /// The exploration.
        package let report: LazyReport<String>
        /// The outcomes that it must have.
        let outcomeCount: Int
        /// The fewest places that must be uncertain in it.
        let placeMinimum: Int

        /// What is wrong with it; nil if nothing is.
        package var wrong: String? {
            if report.placeCount < placeMinimum { return "\(name): only \(report.placeCount) places" }
            if report.auditedCount == 0 { return "\(name): no disk was judged by itself" }
            if !report.isComplete { return "\(name): not every disk was covered: \(report)" }
            if let bad = report.outcomes.first(where: { !$0.hasSuffix(", 0 findings") }) { return "\(name): \(bad)" }
            let count = report.outcomes.count
            return count == outcomeCount ? nil : "\(name): \(count) outcomes instead of \(outcomeCount)"
        }

        /// The exploration in one line.
        package var description: String { "\(name): \(report)" }
    }

    /// The limits of an exploration: pages of data files are decided as a whole.
    static var options: LazyExplorer.Options {
        var options = LazyExplorer.Options()
        options.unitByteCount = EngineRecording.unitByteCount
        options.runLimit = 400_000
        return options
    }

    /// Explores a checkpoint that writes `pageCount` pages in one batch: before their copies are durable, and after.
    ///
    /// Nothing is acknowledged in it and nothing may be lost: the redo has it all, so there is one outcome. Waits.
    ///
    /// - Throws: What stops the recording.
    package static func batch(pageCount: Int) throws -> [Epoch] {
        let epochs = LazyExplorer.epochs(of: try recordedBatch(pageCount: pageCount), options: options)
        return try ["dw_", ".ibd"].map { kind in
            let ofKind = epochs.filter { $0.paths.allSatisfy { $0.contains(kind) } }
            guard let largest = ofKind.max(by: { $0.placeCount < $1.placeCount }) else {
                throw CrashRun.Finding("no epoch writes \(kind) alone")
            }
            let name =
                "\(pageCount) pages, \(kind == "dw_" ? "their copies not yet durable" : "being written in place")"
            let report = largest.explore(EngineRecording.large.judge)
            // Each page has 32 sectors.
            return Epoch(name: name, report: report, outcomeCount: 1, placeMinimum: 8 * pageCount)
        }
    }

    /// Explores a tail of the redo with `rowCount` rows, of which the last one alone is written.
    ///
    /// A recovery finds the rows up to some row: one outcome for each number of them. Waits.
    ///
    /// - Throws: What stops the recording.
    package static func tail(rowCount: Int) throws -> Epoch {
        let recording = EngineRecording.small
        let before = try recording.record(isClosing: true) { _ = try $0.createKeyspace("rows") }
        let storage = try recording.record(on: before.image) { database in
            let keyspace = try database.keyspace(named: "rows")
            // A row is less than a block of redo.
            for number in 0..<rowCount {
                let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 470)
                let durability = number == rowCount - 1 ? Durability.written : .deferred
                try keyspace.put(Array("row \(1000 + number)".utf8), value, durability: durability)
            }
        }
        guard let last = LazyExplorer.epochs(of: storage, options: options).last else {
            throw CrashRun.Finding("nothing of the redo was left uncertain")
        }
        let report = last.explore(recording.judge)
        return Epoch(
            name: "a redo tail of \(rowCount) rows",
            report: report,
            outcomeCount: rowCount + 1,
            placeMinimum: rowCount
        )
    }

    /// Records a database with pages in memory that a checkpoint writes, one row of each changed.
    static func recordedBatch(pageCount: Int) throws -> SimulatedStorage {
        let recording = EngineRecording.large
        let rowsPerPage = 5
        func key(_ number: Int) -> [UInt8] { Array("row \(100_000 + number)".utf8) }
        let before = try recording.record(isClosing: true) { database in
            let keyspace = try database.createKeyspace("rows")
            for number in 0..<(pageCount * rowsPerPage) {
                try keyspace.put(key(2 * number), [UInt8](repeating: 1, count: 2900), durability: .deferred)
                try keyspace.put(key(2 * number + 1), [UInt8](repeating: 1, count: 40), durability: .deferred)
            }
        }
        return try recording.record(on: before.image) { database in
            let keyspace = try database.keyspace(named: "rows")
            for number in stride(from: 0, to: pageCount * rowsPerPage, by: rowsPerPage) {
                try keyspace.put(key(2 * number + 1), [UInt8](repeating: 2, count: 40), durability: .deferred)
            }
            try database.checkpoint()
        }
    }
}
