import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: every order is carried out exactly once, the counts always agree with the states, and who coordinates sees all
/// outcomes.
///
/// Method: seeded random walks of the state machine against a model that knows only sets; then the table with its lock
/// and events, coordinator and workers in simulated schedules.
@Suite struct CleanerSlotsTests {
    @Test("Random walks agree with a model of sets", arguments: 0..<40 as Range<UInt64>)
    func walks(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = 1 + random.below(9)
        var slots = CleanerSlots(count: count)
        var waiting: Set<Int> = []
        var taken: Set<Int> = []
        var done: [Int: Int] = [:]
        for round in 0..<200 {
            switch random.below(3) {
            case 0 where waiting.isEmpty && taken.isEmpty && done.isEmpty:
                let orders = (0..<count).map { CleanerSlots.Order(lruPages: $0, listPages: round) }
                slots.request(orders, CleanerSlots.Terms(lsnLimit: UInt64(round)))
                waiting = Set(0..<count)
            case 1:
                let work = slots.take()
                #expect(work?.number == waiting.min())
                if let work {
                    #expect(work.order.lruPages == work.number && work.terms.lsnLimit == UInt64(work.order.listPages))
                    waiting.remove(work.number)
                    taken.insert(work.number)
                }
            default:
                guard let number = taken.randomElement(from: &random) else { continue }
                taken.remove(number)
                let isLast = slots.finish(number, CleanerSlots.Outcome(freed: 1000 * round + number))
                done[number] = 1000 * round + number
                #expect(isLast == (waiting.isEmpty && taken.isEmpty))
                if isLast {
                    #expect(slots.collect().map(\.freed) == (0..<count).map { done[$0] })
                    done = [:]
                }
            }
            #expect(slots.requestedCount == waiting.count && slots.flushingCount == taken.count)
            #expect(slots.finishedCount == done.count)
            for number in 0..<count {
                let state: CleanerSlots.State =
                    waiting.contains(number) ? .requested : taken.contains(number) ? .flushing : .none
                #expect(slots.state(number) == (done[number] == nil ? state : .finished))
            }
        }
    }

    @Test("Coordinator and workers carry out each order once in every schedule", arguments: 1..<30 as Range<UInt64>)
    func threads(_ seed: UInt64) {
        let scheduler = SimulatedScheduler(seed: seed)
        let failure: String? = scheduler.run { TableWorld(seed).run() }
        #expect(failure == nil, "seed \(seed)")
    }
}

/// A coordinator and its workers over a table of slots.
private final class TableWorld: Sendable {
    private let seed: UInt64
    private let slotCount: Int
    private let table: CleanerTable
    private let stopping = Atomic<Bool>(false)
    private let served: Mutex<[Int]>
    private let workerShare = Atomic<Int>(0)

    init(_ seed: UInt64) {
        self.seed = seed
        slotCount = 1 + Int(seed % 8)
        table = CleanerTable(count: slotCount)
        served = Mutex(Array(repeating: 0, count: slotCount))
    }

    /// Serves a slot: takes a while, and says so in the outcome.
    private func serve(_ work: CleanerSlots.Work) -> CleanerSlots.Outcome {
        Scheduling.sleep(microseconds: 1 + work.number * 7 % 5)
        served.withLock { $0[work.number] += 1 }
        return CleanerSlots.Outcome(listWritten: work.order.listPages)
    }

    func run() -> String? {
        var workers: [EngineThread] = []
        for number in 0..<3 {
            do throws(RedoubtError) {
                workers.append(try Scheduling.start("worker \(number)") { self.work() })
            } catch {
                return error.message
            }
        }
        var random = SeededRandom(seed: seed)
        var expected = Array(repeating: 0, count: slotCount)
        var failure: String?
        for _ in 0..<50 {
            let orders = (0..<slotCount).map { _ in CleanerSlots.Order(lruPages: 0, listPages: random.below(3)) }
            for (number, order) in orders.enumerated() where !order.isEmpty { expected[number] += 1 }
            let outcomes = table.run(orders, CleanerSlots.Terms()) { self.serve($0) }
            if outcomes.map(\.listWritten) != orders.map(\.listPages) { failure = "outcomes \(outcomes)" }
            if served.withLock({ $0 }) != expected { failure = "\(served.withLock { $0 }) served, not \(expected)" }
        }
        stopping.store(true, ordering: .releasing)
        table.workWanted.signal()
        for worker in workers { Scheduling.join(worker) }
        if slotCount > 3 && workerShare.load(ordering: .relaxed) == 0 { failure = "no worker ever worked" }
        return failure
    }

    private func work() {
        while !stopping.load(ordering: .acquiring) {
            let ticket = table.workWanted.ticket
            if table.serveOne({ self.serve($0) }) {
                workerShare.wrappingAdd(1, ordering: .relaxed)
                continue
            }
            if stopping.load(ordering: .acquiring) { return }
            table.workWanted.wait(ticket)
        }
    }
}

extension Set<Int> {
    /// An element that the seed decides, nil if there is none.
    fileprivate func randomElement(from random: inout SeededRandom) -> Int? {
        isEmpty ? nil : sorted()[random.below(count)]
    }
}
