import RedoubtCore

/// The doublewrite files as recorded writes leave them: which copies of pages are in them whatever a power cut makes of
/// what no sync has covered, and are such that a recovery takes them.
///
/// Holds the bytes themselves, so that what a header says is not believed.
struct CopyTrace {
    /// What a copy is to be of.
    struct Wanted {
        /// The page, and the end of its newest change.
        let image: RecordedBytes.Image
        /// The bytes that are written to its data file: all of the page, or the first of them.
        let bytes: ArraySlice<UInt8>
        /// What its data file may hold of it before: sectors are laid over any mixture of these.
        let versions: [ArraySlice<UInt8>]
        /// The database; nil if it is not known.
        let database: DatabaseID?
        /// Whether it is enough that the page is named: that it is torn will be told.
        let isNameEnough: Bool
    }

    private var files: [Int: DoublewriteTrace] = [:]

    /// Whether there has been any file of copies.
    private(set) var isUsed = false

    /// Takes note of a doublewrite file that durably holds `bytes`.
    mutating func add(_ file: Int, _ bytes: [UInt8] = []) {
        files[file] = DoublewriteTrace(bytes)
        isUsed = true
    }

    /// Takes note that a doublewrite file is gone.
    mutating func remove(_ file: Int) { files[file] = nil }

    /// Takes note of a write to a doublewrite file by event `number`, which has ended or not.
    mutating func write(_ file: Int, _ offset: UInt64, _ bytes: [UInt8], number: Int, isEnded: Bool) {
        files[file]?.write(Int(offset), bytes, number: number, isEnded: isEnded)
    }

    /// Takes note of the end of the write that event `number` began.
    mutating func finish(_ number: Int) {
        for file in files.keys { files[file]?.finish(number) }
    }

    /// Takes note that a doublewrite file was made shorter.
    mutating func truncate(_ file: Int, to size: UInt64) { files[file]?.truncate(to: Int(size)) }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(_ file: Int, hasFailed: Bool) { files[file]?.sync(hasFailed: hasFailed) }

    /// Whether there is a durable copy of what is `wanted`, whole or of sectors.
    func holds(_ wanted: Wanted) -> Bool { files.values.contains { $0.holds(wanted) } }
}
