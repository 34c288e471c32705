import RedoubtCore
import RedoubtSystem
import Synchronization

/// The processors by themselves: how uneven plain work in memory is on this machine, second by second.
///
/// As many threads as update the database change words all over memory of their own, which no file and no lock slows.
enum ProcessorControl {
    /// The words of a thread: 16 MiB, more than the caches hold.
    private static let wordCount = 1 << 21
    /// Changes between two looks at the clock of the run.
    private static let stretch = 1 << 14

    private final class Work: Sendable {
        let changes = Atomic<UInt64>(0)
        let ending = Atomic<Bool>(false)

        func run(_ seed: UInt64) {
            var words = [UInt64](repeating: 0, count: ProcessorControl.wordCount)
            var random = SeededRandom(seed: seed)
            while !ending.load(ordering: .relaxed) {
                for _ in 0..<ProcessorControl.stretch { words[random.below(words.count)] &+= 1 }
                changes.wrappingAdd(UInt64(ProcessorControl.stretch), ordering: .relaxed)
            }
        }
    }

    /// Works with `threadCount` threads for `seconds`, and returns the coefficient of variation of the changes in each
    /// second; nil if there are too few.
    static func variation(threadCount: Int, seconds: Double) throws -> Double? {
        let work = Work()
        var threads: [EngineThread] = []
        for index in 0..<threadCount {
            threads.append(try Scheduling.start("control-\(index)") { work.run(UInt64(index)) })
        }
        var rates: [Double] = []
        let end = ProcessFigures.now() + seconds
        var before = (time: ProcessFigures.now(), changes: work.changes.load(ordering: .relaxed))
        while ProcessFigures.now() < end {
            Scheduling.sleep(microseconds: Int(min(1, end - ProcessFigures.now()) * 1e6) + 1)
            let now = (time: ProcessFigures.now(), changes: work.changes.load(ordering: .relaxed))
            let elapsed = now.time - before.time
            if elapsed > 0.5 { rates.append(Double(now.changes - before.changes) / elapsed) }
            before = now
        }
        work.ending.store(true, ordering: .relaxed)
        for thread in threads { Scheduling.join(thread) }
        // The first second is that of memory that is not there yet.
        return rates.count > 3 ? Series.variation(Array(rates.dropFirst())) : nil
    }
}
