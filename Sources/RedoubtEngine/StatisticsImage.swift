import RedoubtCore

/// The shared statistics file `redoubt.stats`: what a running database says about itself to whoever may read the file.
///
/// All fields are 64-bit little-endian words. Offsets are in words.
///
///     word  field
///        0  magic "RDBTSTAT"
///        1  version, 1
///        2  sequence: odd while the words behind it are being written
///        3  process id
///        4  time of day, nanoseconds since 1970
///        5  monotonic clock, nanoseconds
///        6  length of the image in words
///        7  CRC-32C of the names of all numbers and waits, in order
///        8  offset, 9 count of the numbers: one word each, in the order of `CounterName`
///       10  offset, 11 count of the pool instances: `InstanceStatistics.wordCount` words each
///       12  offset, 13 count of the reasons to wait: `WaitStatistics.wordCount` words each
///       14  CRC-32C of words 3 to 13 and 15 to the end
///       15  zero
///       16  numbers, instances, waits
///
/// A reader takes the sequence, the image, and the sequence again; the image counts if both are the same even number.
/// The checksum covers what a sequence cannot: a file that something else wrote.
package enum StatisticsImage {
    /// The name of the file in the directory of the database.
    package static let fileName = "redoubt.stats"
    /// The words of the longest image.
    package static let wordCountMaximum = 4096
    /// The word that holds the sequence.
    package static let sequenceWord = 2
    /// "RDBTSTAT" as it stands in the file.
    static let magic: UInt64 = 0x5441_5453_5442_4452
    static let version: UInt64 = 1
    static let headerWordCount = 16
    static let instanceCountMaximum = 64

    /// What an image holds.
    package enum Content: Sendable, Equatable {
        /// Statistics.
        case statistics(EngineStatistics)
        /// Being written; to be read again.
        case unfinished
        /// An image of a version with other numbers.
        case otherVersion
        /// Nothing that an engine wrote.
        case garbage
    }

    /// Returns the words of `statistics`, with `sequence` in their place.
    package static func encode(_ statistics: EngineStatistics, sequence: UInt64) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: headerWordCount)
        words[0] = magic
        words[1] = version
        words[sequenceWord] = sequence
        words[3] = statistics.processID
        words[4] = statistics.wallNanoseconds
        words[5] = statistics.monotonicNanoseconds
        words[7] = layout
        words[8] = UInt64(words.count)
        words[9] = UInt64(statistics.values.count)
        words += statistics.values
        let instances = statistics.instances.prefix(instanceCountMaximum)
        words[10] = UInt64(words.count)
        words[11] = UInt64(instances.count)
        for instance in instances { words += instance.words }
        words[12] = UInt64(words.count)
        words[13] = UInt64(statistics.waits.count)
        for wait in statistics.waits { words += wait.words }
        words[6] = UInt64(words.count)
        words[14] = checksum(words)
        return words
    }

    /// Reads an image, of which any word may be anything.
    package static func decode(_ words: [UInt64]) -> Content {
        // A new file has no words yet, or only the sequence.
        guard words.count > sequenceWord, words[sequenceWord] % 2 == 0 else { return .unfinished }
        guard words.count >= headerWordCount, words[0] == magic else { return .garbage }
        guard words[1] == version else { return .otherVersion }
        guard words[6] >= UInt64(headerWordCount), words[6] <= UInt64(words.count) else { return .garbage }
        let image = Array(words[..<Int(words[6])])
        guard image[14] == checksum(image) else { return .garbage }
        guard image[7] == layout else { return .otherVersion }
        guard let values = section(image, 8, size: 1, most: CounterName.allCases.count),
            let instances = section(image, 10, size: InstanceStatistics.wordCount, most: instanceCountMaximum),
            let waits = section(image, 12, size: WaitStatistics.wordCount, most: WaitReason.allCases.count),
            values.count == CounterName.allCases.count, waits.count == WaitReason.allCases.count
        else { return .garbage }
        var statistics = EngineStatistics()
        statistics.processID = image[3]
        statistics.wallNanoseconds = image[4]
        statistics.monotonicNanoseconds = image[5]
        statistics.values = values.map { $0[0] }
        statistics.instances = instances.map { words in
            var instance = InstanceStatistics()
            instance.words = words
            return instance
        }
        for (index, words) in waits.enumerated() { statistics.waits[index].words = words }
        return .statistics(statistics)
    }

    /// What the order of the numbers means: images of other versions differ in it.
    static let layout: UInt64 = {
        let names = CounterName.allCases.map(\.rawValue) + WaitReason.allCases.map { "\($0)" }
        return checksum(of: Array(names.joined(separator: " ").utf8))
    }()

    /// The `size`-word entries of the section whose offset stands in word `place`, nil if they are not all there.
    private static func section(_ image: [UInt64], _ place: Int, size: Int, most: Int) -> [[UInt64]]? {
        let offset = image[place]
        let count = image[place + 1]
        guard count <= UInt64(most), offset >= UInt64(headerWordCount), offset <= UInt64(image.count) else {
            return nil
        }
        guard Int(offset) + Int(count) * size <= image.count else { return nil }
        return (0..<Int(count)).map { index in
            let start = Int(offset) + index * size
            return Array(image[start..<start + size])
        }
    }

    static func checksum(_ words: [UInt64]) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 8)
        for (index, word) in words.enumerated() where index > sequenceWord && index != 14 {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
        }
        return checksum(of: bytes)
    }

    private static func checksum(of bytes: [UInt8]) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe UInt64(Checksum.crc32c($0)) }
    }
}
