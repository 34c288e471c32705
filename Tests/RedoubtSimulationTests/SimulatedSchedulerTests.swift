import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

/// Goal: one seed is one history, and a world in which nothing can happen any more says so.
/// Method: small programs of several threads in simulated worlds; exit tests for the worlds that must stop.
@Suite(.timeLimit(.minutes(20))) struct SimulatedSchedulerTests {
    @Test func `the same seed gives the same history and another seed another`() {
        func history(_ seed: UInt64) -> (order: [Int], hash: UInt64) {
            let scheduler = SimulatedScheduler(seed: seed)
            let order = scheduler.run { () -> [Int] in
                let order = Mutex<[Int]>([])
                let lock = EngineLock()
                let body = { @Sendable (number: Int) in
                    for _ in 0..<10 {
                        lock.withLock {
                            Scheduling.yield()
                            order.withLock { $0.append(number) }
                        }
                        Scheduling.yield()
                    }
                }
                let shared = Shared(body: body)
                let threads = (0..<4).map { number in started("t\(number)") { shared.body(number) } }
                for thread in threads { Scheduling.join(thread) }
                return order.withLock { $0 }
            }
            return (order, scheduler.traceHash)
        }
        for seed in UInt64(1)...5 {
            let first = history(seed)
            let second = history(seed)
            #expect(first.order == second.order && first.hash == second.hash)
            #expect(first.order.count == 40)
        }
        #expect(history(1).hash != history(2).hash)
        #expect(history(1).order != history(2).order)
    }

    @Test func `virtual time jumps to the next deadline`() {
        let scheduler = SimulatedScheduler(seed: 1)
        let slept = scheduler.run { () -> UInt64 in
            let before = Scheduling.now()
            let other = started("sleeper") { Scheduling.sleep(microseconds: 3_600_000_000) }
            Scheduling.sleep(microseconds: 1_000_000)
            Scheduling.join(other)
            return Scheduling.now().nanoseconds(since: before)
        }
        #expect(slept >= 3_600_000_000_000 && slept < 3_601_000_000_000)
    }

    @Test func `a wait ends by its deadline or by a wake and says which`() {
        let outcome = SimulatedScheduler(seed: 3).run { () -> [Bool] in
            let event = Event()
            let ticket = event.ticket
            let timedOut = event.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 5))
            let other = started("signaller") {
                Scheduling.sleep(microseconds: 1000)
                event.signal()
            }
            let woken = event.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 5000))
            Scheduling.join(other)
            return [timedOut, woken]
        }
        #expect(outcome == [false, true])
    }

    @Test func `worlds run side by side`() {
        let hashes = Mutex<[UInt64]>([])
        let threads = (0..<2).map { _ in
            started("world") {
                let scheduler = SimulatedScheduler(seed: 7)
                scheduler.run {
                    let other = started("other") { for _ in 0..<200 { Scheduling.yield() } }
                    for _ in 0..<200 { Scheduling.yield() }
                    Scheduling.join(other)
                }
                hashes.withLock { $0.append(scheduler.traceHash) }
            }
        }
        for thread in threads { Scheduling.join(thread) }
        let found = hashes.withLock { $0 }
        #expect(found.count == 2 && found[0] == found[1])
    }

    @Test func `a deadlock stops the process and prints who waits for what`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            SimulatedScheduler(seed: 1).run {
                let event = Event()
                let other = started("flusher") { _ = event.wait(event.ticket, deadline: nil) }
                Scheduling.join(other)
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("deadlock"))
        #expect(text.contains("\"main\" joins thread 1 \"flusher\""))
        #expect(text.contains("\"flusher\" waits on word 0"))
    }

    @Test func `a thread that never blocks stops the process`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            SimulatedScheduler(seed: 1, patienceSeconds: 1).run {
                let word = Atomic<Bool>(false)
                while !word.load(ordering: .relaxed) {}
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("passed no blocking point") && text.contains("\"main\" runs"))
    }

    @Test func `calls of a simulated disk are points where the schedule changes`() {
        let hashes = Set(
            (UInt64(1)...8).map { seed -> UInt64 in
                let storage = plainStorage()
                SimulatedScheduler(seed: seed).run {
                    let threads = (0..<3).map { number in
                        started("writer") {
                            guard
                                let file = try? storage.open("/\(number)", role: .data, creating: true, readOnly: false)
                            else { return }
                            for offset in 0..<5 { try? write(file, [1], at: UInt64(offset)) }
                        }
                    }
                    for thread in threads { Scheduling.join(thread) }
                }
                return storage.trace.reduce(0) { sum, event in
                    if case .change(let change) = event { mixed(sum, UInt64(change.contentFile ?? 99)) } else { sum }
                }
            }
        )
        #expect(hashes.count > 1)
    }
}

/// Starts a thread, or stops the process.
func started(_ name: String, _ body: @escaping @Sendable () -> Void) -> EngineThread {
    do throws(RedoubtError) {
        return try Scheduling.start(name, body)
    } catch {
        fatalError("\(error)")
    }
}

private func mixed(_ hash: UInt64, _ value: UInt64) -> UInt64 { (hash &+ value) &* 0x9E37_79B9_7F4A_7C15 }

/// Something that threads share.
private final class Shared: Sendable {
    let body: @Sendable (Int) -> Void

    init(body: @escaping @Sendable (Int) -> Void) {
        self.body = body
    }
}
