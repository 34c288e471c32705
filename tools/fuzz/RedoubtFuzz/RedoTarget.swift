import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem

/// Scans a redo log that is damaged or lies, and takes its groups apart.
enum RedoTarget {
    private static let directory = FuzzWorld.path + "/redo"

    /// A group, as far as the scan hands it over.
    private struct Group: Equatable {
        let start: UInt64
        let end: UInt64
        let checksum: UInt32
    }

    /// What a scan found.
    private struct Scan: Equatable {
        var groups: [Group] = []
        /// Groups that are made of records.
        var readableCount = 0
        /// Where the stream ends; nil after an error.
        var end: UInt64?
    }

    /// The log without damage: its groups by where they start.
    private static let expected: (groups: [UInt64: Group], end: UInt64, start: UInt64) = {
        let scan = RedoTarget.scan(BuiltInDatabase.killed.disk)
        guard let end = scan.end, let first = scan.groups.first else { fatalError("the built-in log is unreadable") }
        return (Dictionary(uniqueKeysWithValues: scan.groups.map { ($0.start, $0) }), end, first.start)
    }()

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let database = BuiltInDatabase.killed
        var patches = Patches(database, database.files(where: { $0.contains("/redo/") }), mends: .asked)
        patches.apply(&feed)
        let scan = RedoTarget.scan(patches.disk)
        let forged = scan.groups.filter { $0.start >= expected.start && expected.groups[$0.start] != $0 }
        guard patches.isForged else {
            if let group = forged.first { throw FuzzFinding("a damaged log has another group: \(group)") }
            if let end = scan.end, end > expected.end {
                throw FuzzFinding("a damaged log ends at \(end), but was written up to \(expected.end)")
            }
            return .shallow
        }
        // Deep is a forged group that is made of records.
        return !forged.isEmpty && scan.readableCount == scan.groups.count ? .deep : .shallow
    }

    /// Scans the log on `disk`, twice.
    private static func scan(_ disk: DiskImage) -> Scan {
        var scan = Scan()
        do throws(RedoubtError) {
            let storage = SimulatedStorage(disk, options: FuzzWorld.options)
            var scanner = try LogScanner.open(storage: storage, directory: directory, readOnly: true)
            defer { scanner.close() }
            try read(&scanner, &scan)
            let result = try scanner.finish()
            scan.end = result.endLSN.rawValue
            try scanner.rewind()
            var again = Scan()
            try read(&scanner, &again)
            precondition(again.groups == scan.groups, "a second scan finds \(again), the first found \(scan)")
        } catch {}
        return scan
    }

    private static func read(_ scanner: inout LogScanner, _ scan: inout Scan) throws(RedoubtError) {
        while try unsafe scanner.next({ (range, payload) throws(RedoubtError) in
            let checksum = unsafe Checksum.crc32c(payload)
            scan.groups.append(Group(start: range.start.rawValue, end: range.end.rawValue, checksum: checksum))
            do throws(RedoubtError) {
                _ = try PageTrial.recordCount(ofGroup: unsafe Array(payload))
                scan.readableCount += 1
            } catch {}
        }) {}
    }
}
