/// What is read ten times a second while a database is under load.
struct Sample: Sendable {
    /// The figures, cumulative unless said otherwise.
    enum Field: Int, CaseIterable, Sendable {
        /// Nanoseconds of the monotonic clock.
        case time
        /// Updates a second that the threads aim at, now; 0 is a pause, negative is as fast as they can.
        case pace
        /// Updates done.
        case updates
        /// The end of the redo, what is durable of it, the last checkpoint, and the oldest change in no file; now.
        case currentLSN, flushedLSN, checkpointLSN, oldestLSN
        /// The redo age that the policy aims at (0 if it has none), and at which flushing hurries and must; now.
        case targetAge, asyncAge, syncAge
        /// Frames, free ones, dirty ones; now.
        case frames, free, dirty
        /// Pages read from files, and written.
        case pagesRead, pagesWritten
        /// Pages written for lack of frames, for their age, and because they adjoin one that had to be.
        case pagesForFrames, pagesForAge, pagesBeside
        /// Bytes written to the doublewrite file, and batches of them.
        case doublewriteBytes, doublewriteBatches
        /// Bytes that the process has had written to the device.
        case deviceBytes
        /// Resident bytes of the process; now.
        case resident
        /// 0 normal, 1 delayed, 2 stopped; now.
        case backPressure
        /// The longest update that ended since the last sample, in nanoseconds.
        case longest
        /// Nanoseconds of the updating threads: all of them, those on a processor, and those ready to run but not
        /// running; the latter two outside of waits.
        case accounted, running, runnable
    }

    private var figures = [Int](repeating: 0, count: Field.allCases.count)
    /// Nanoseconds that the updating threads waited, by reason.
    var waits: [Int] = []
    /// The durations of the updates since the last sample.
    var latencies = Histogram()

    /// Creates a sample of zeros.
    init() {}

    /// A figure.
    subscript(field: Field) -> Int {
        get { figures[field.rawValue] }
        set { figures[field.rawValue] = newValue }
    }

    /// The sample as a line of text.
    var line: String {
        let numbers = figures.map(String.init).joined(separator: " ")
        let buckets = latencies.counts.map { "\($0.key):\($0.value)" }.joined(separator: " ")
        return "S|\(numbers)|\(waits.map(String.init).joined(separator: " "))|\(buckets)"
    }

    /// Reads ``line``; nil if it is none.
    init?(_ line: String) {
        let parts = line.split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "S" else { return nil }
        figures = parts[1].split(separator: " ").compactMap { Int($0) }
        guard figures.count == Field.allCases.count else { return nil }
        waits = parts[2].split(separator: " ").compactMap { Int($0) }
        for pair in parts[3].split(separator: " ") {
            let numbers = pair.split(separator: ":").compactMap { UInt64($0) }
            guard numbers.count == 2 else { return nil }
            latencies.add(Int(numbers[0]), numbers[1])
        }
    }

    /// The time in seconds.
    var seconds: Double { Double(self[.time]) / 1e9 }
    /// The redo since the oldest change that is in no file.
    var age: Int { self[.currentLSN] - min(self[.oldestLSN], self[.currentLSN]) }
    /// The redo since the last checkpoint.
    var checkpointAge: Int { self[.currentLSN] - self[.checkpointLSN] }
}
