import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: whatever is in the shared statistics file, reading it gives the numbers that were written or an error, and
/// never a mixture. Method: images cut, changed and forged at random; a writer that never pauses beside a reader.
@Suite struct StatisticsImageTests {
    /// Statistics in which every number is `number`.
    private func uniform(_ number: UInt64, instances: Int = 3) -> EngineStatistics {
        var statistics = EngineStatistics()
        statistics.processID = number
        statistics.wallNanoseconds = number
        statistics.monotonicNanoseconds = number
        statistics.values = statistics.values.map { _ in number }
        var instance = InstanceStatistics()
        instance.words = [UInt64](repeating: number, count: InstanceStatistics.wordCount)
        statistics.instances = Array(repeating: instance, count: instances)
        var wait = WaitStatistics()
        wait.words = [UInt64](repeating: number, count: WaitStatistics.wordCount)
        statistics.waits = statistics.waits.map { _ in wait }
        return statistics
    }

    @Test("what was written is read back", arguments: [0, 1, 64])
    func roundTrip(instances: Int) {
        let statistics = uniform(.max, instances: instances)
        let words = StatisticsImage.encode(statistics, sequence: 6)
        #expect(words.count <= StatisticsImage.wordCountMaximum)
        #expect(StatisticsImage.decode(words) == .statistics(statistics))
        // A longer file is one that an older image had filled.
        #expect(StatisticsImage.decode(words + [1, 2, 3]) == .statistics(statistics))
    }

    @Test("an odd sequence says that the image is being written")
    func odd() {
        #expect(StatisticsImage.decode(StatisticsImage.encode(uniform(1), sequence: 7)) == .unfinished)
        #expect(StatisticsImage.decode([]) == .unfinished)
    }

    @Test("every changed bit, every cut and every forged header is noticed")
    func damage() {
        var random = SeededRandom(seed: testSeed())
        let words = StatisticsImage.encode(uniform(77), sequence: 2)
        for word in words.indices where word != StatisticsImage.sequenceWord && word != 15 {
            var changed = words
            changed[word] ^= 1 << UInt64(random.below(64))
            if case .statistics = StatisticsImage.decode(changed) { Issue.record("word \(word) may change unseen") }
        }
        for length in stride(from: 0, to: words.count, by: 7) {
            if case .statistics = StatisticsImage.decode(Array(words[..<length])) { Issue.record("cut at \(length)") }
        }
        for _ in 0..<2000 {
            // Offsets and counts that overflow, reach outside or overlap, with a checksum that fits them.
            var forged = words
            for _ in 0..<3 {
                let extremes: [UInt64] = [0, 1, 16, UInt64(words.count), .max, .max - 1, 1 << 62, random.next()]
                forged[6 + random.below(8)] = extremes[random.below(8)]
            }
            let length = forged[6]
            if length >= 16, length <= UInt64(forged.count) {
                forged[14] = StatisticsImage.checksum(Array(forged[..<Int(length)]))
            }
            // That it returns is what is tested.
            _ = StatisticsImage.decode(forged)
        }
    }

    @Test("a reader beside a writer that never pauses sees whole images, newer and newer")
    func race() throws {
        let directory = try TemporaryDirectory()
        let storage = LinuxStorage(directIO: false, asyncIO: false)
        let path = directory.file("redoubt.stats")
        let output = try storage.open(path, role: .control, creating: true, readOnly: false)
        let isDone = Atomic<Bool>(false)
        let readCount = Atomic<Int>(0)
        let writtenCount = Atomic<UInt64>(0)
        try onThreads(2) { thread in
            if thread == 0 {
                var sequence: UInt64 = 0
                while !isDone.load(ordering: .acquiring) {
                    let number = writtenCount.wrappingAdd(1, ordering: .releasing).newValue
                    try StatisticsPublisher.write(uniform(number), sequence: &sequence, to: output)
                    // Without a breath the reader would find no gap to read in.
                    if number % 4 == 0 { Scheduling.sleep(microseconds: 200) }
                }
                return
            }
            defer { isDone.store(true, ordering: .releasing) }
            let input = try storage.open(path, role: .control, creating: false, readOnly: true)
            var last: UInt64 = 0
            let deadline = Scheduling.now().advanced(milliseconds: 10_000)
            while readCount.load(ordering: .relaxed) < 500, Scheduling.now() < deadline {
                let floor = writtenCount.load(ordering: .acquiring)
                let statistics = try StatisticsFile.read(input)
                let number = statistics.engine.processID
                #expect(statistics.engine == uniform(number), "a mixture")
                #expect(number >= last && number + 1 >= floor, "\(number) after \(last) and \(floor)")
                last = number
                readCount.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(readCount.load(ordering: .relaxed) >= 500)
    }
}
