import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: writers together add redo at the set rate, nobody is held longer than is due, and a new rate holds at once.
/// Method: writers in virtual time against the log's credit, so that every sleep is exact; seeds are in the failures.
@Suite(.timeLimit(.minutes(20))) struct AdmissionTests {
    /// What writers did in a simulation.
    struct Outcome: Sendable {
        var bytes = 0
        var seconds = 0.0
        /// The longest that a writer waited, beyond what the bytes drawn before it made due.
        var excess = 0.0
        var waits = WaitTotals()
        var shares: [Int] = []
    }

    /// Lets `writers` add groups of `sizes` bytes for `seconds` of virtual time at `rate`.
    private func outcome(
        seed: UInt64,
        rate: Double,
        writers: Int,
        sizes: ClosedRange<Int>,
        used: Double = 1,
        seconds: Double = 5
    ) -> Outcome {
        SimulatedScheduler(seed: seed).run {
            guard let fixture = try? LogFixture(Self.large) else { fatalError("no log") }
            let log = fixture.log
            log.admission.setRate(rate)
            let start = Scheduling.now()
            let end = start.advanced(milliseconds: Int(seconds * 1000))
            let outcome = Mutex(Outcome())
            let threads = (0..<writers).map { number in
                started("writer-\(number)") {
                    var random = SeededRandom(seed: seed &+ UInt64(number) &* 977)
                    var share = 0
                    while Scheduling.now() < end {
                        let size = sizes.lowerBound + random.below(sizes.count)
                        let appended = max(5, Int(Double(size) * used))
                        guard (try? log.acquireCapacity(bytes: size)) != nil else { fatalError("no capacity") }
                        share += appended
                        log.releaseCapacity(bytes: size, used: appended)
                        Scheduling.yield()
                    }
                    outcome.withLock {
                        $0.bytes += share
                        $0.shares.append(share)
                    }
                }
            }
            for thread in threads { Scheduling.join(thread) }
            var result = outcome.withLock { $0 }
            result.seconds = Double(Scheduling.now().nanoseconds(since: start)) / 1e9
            result.waits = log.waits[.backPressure]
            log.stop()
            return result
        }
    }

    private static var large: Configuration.RedoLog {
        var configuration = LogFixture.smallest
        configuration.capacity = .mebibytes(64)
        return configuration
    }

    @Test(arguments: [(1, 100_000.0), (4, 1_000_000), (16, 5_000_000)])
    func `the rate is obeyed within two percent`(writers: Int, rate: Double) {
        for seed in UInt64(1)...2 {
            let result = outcome(seed: seed, rate: rate, writers: writers, sizes: 40...400, seconds: 1.5)
            let admitted = Double(result.bytes) * 512 / 496 / result.seconds
            #expect(abs(admitted / rate - 1) < 0.02, "seed \(seed): \(admitted) of \(rate) bytes/s")
            // Equal demand, served in turn: nobody gets less than two thirds of the mean.
            let mean = result.bytes / writers
            #expect(result.shares.allSatisfy { $0 * 3 >= mean * 2 }, "seed \(seed): \(result.shares)")
        }
    }

    @Test func `bytes that were paid and not used do not count`() {
        let result = outcome(seed: 9, rate: 1_000_000, writers: 4, sizes: 2000...2000, used: 0.1)
        let admitted = Double(result.bytes) * 512 / 496 / result.seconds
        #expect(abs(admitted / 1_000_000 - 1) < 0.03, "\(admitted)")
    }

    @Test func `nobody waits longer than what is due and a slice`() {
        let rate = 200_000.0
        let writers = 8
        let size = 1000
        let result = outcome(seed: 4, rate: rate, writers: writers, sizes: size...size, seconds: 3)
        // Each waits for the stretches of all others and its own.
        let due = Double(writers * size) * 512 / 496 / rate
        let slice = Double(Admission.sliceMicroseconds) / 1e6
        let longest = Double(result.waits.nanosecondsMaximum) / 1e9
        #expect(longest <= due + slice, "\(longest) s, due \(due) s")
        #expect(longest > due / 2)
    }

    @Test func `without a rate nobody waits and nothing is charged`() {
        let total = SimulatedScheduler(seed: 1).run { () -> (UInt64, Bool) in
            guard let fixture = try? LogFixture() else { fatalError("no log") }
            let log = fixture.log
            for rate in [nil, Double.infinity, .nan, 1e18] {
                log.admission.setRate(rate)
                for _ in 0..<1000 {
                    _ = log.tryAcquireCapacity(bytes: 1000)
                    log.releaseCapacity(bytes: 1000)
                }
            }
            defer { log.stop() }
            return (log.waits[.backPressure].count, log.backPressure == .normal)
        }
        #expect(total == (0, true))
    }

    @Test func `a stop holds until the next rate, and lifting it lets all go on`() {
        let times = SimulatedScheduler(seed: 6).run { () -> [UInt64] in
            guard let fixture = try? LogFixture() else { fatalError("no log") }
            let log = fixture.log
            log.admission.setRate(0)
            let start = Scheduling.now()
            let ends = Mutex<[UInt64]>([])
            let threads = (0..<5).map { number in
                started("writer-\(number)") {
                    guard (try? log.acquireCapacity(bytes: 500)) != nil else { fatalError("no capacity") }
                    ends.withLock { $0.append(Scheduling.now().nanoseconds(since: start)) }
                    log.releaseCapacity(bytes: 500, used: 500)
                }
            }
            Scheduling.sleep(microseconds: 300_000)
            #expect(ends.withLock { $0.isEmpty } && log.backPressure == .stopped)
            log.admission.setRate(10_000)
            Scheduling.sleep(microseconds: 110_000)
            #expect(ends.withLock { $0.count } == 2 && log.backPressure == .delayed, "500 bytes take 52 ms each")
            log.admission.setRate(nil)
            for thread in threads { Scheduling.join(thread) }
            defer { log.stop() }
            return ends.withLock { $0 }
        }
        #expect(times.allSatisfy { $0 < 412_000_000 }, "\(times)")
    }

    @Test func `a fence ends the wait with its error`() {
        let code = SimulatedScheduler(seed: 8).run { () -> RedoubtError.Code? in
            guard let fixture = try? LogFixture() else { fatalError("no log") }
            fixture.log.admission.setRate(0)
            let code = Mutex<RedoubtError.Code?>(nil)
            let thread = started("writer") {
                do throws(RedoubtError) {
                    try fixture.log.acquireCapacity(bytes: 100)
                } catch {
                    code.withLock { $0 = error.code }
                }
            }
            Scheduling.sleep(microseconds: 50_000)
            fixture.health.fence(RedoubtError(.systemCallFailed, "a write failed"))
            Scheduling.join(thread)
            return code.withLock { $0 }
        }
        #expect(code == .fenced)
    }

    @Test func `who gives up on a full disk makes nobody behind wait for what was not added`() {
        let (code, seconds) = SimulatedScheduler(seed: 5).run { () -> (RedoubtError.Code?, Double) in
            guard let fixture = try? LogFixture(Self.large) else { fatalError("no log") }
            let log = fixture.log
            defer { log.stop() }
            log.admission.setRate(10_000)
            let code = Mutex<RedoubtError.Code?>(nil)
            let thread = started("writer") {
                do throws(RedoubtError) {
                    try log.acquireCapacity(bytes: 40_000)
                } catch {
                    code.withLock { $0 = error.code }
                }
            }
            Scheduling.sleep(microseconds: 50_000)
            let seeker = SpaceSeeker(fixture.health.space)
            // What waits, and then a try that began after the writer did.
            for _ in 0..<2 {
                seeker.begin()
                _ = seeker.noteVain(RedoubtError(.diskFull, "no space"))
            }
            Scheduling.join(thread)
            _ = seeker.noteFound()
            let start = Scheduling.now()
            guard (try? log.acquireCapacity(bytes: 100)) != nil else { fatalError("no capacity") }
            log.releaseCapacity(bytes: 100)
            return (code.withLock { $0 }, Double(Scheduling.now().nanoseconds(since: start)) / 1e9)
        }
        #expect(code == .diskFull)
        #expect(seconds < 1, "\(seconds) s, and 40,000 bytes take 4 s")
    }

    @Test func `who refuses to wait is told so and has paid nothing`() throws {
        let fixture = try LogFixture()
        defer { fixture.log.stop() }
        let log = fixture.log
        try Scheduling.with(.fails) {
            try log.acquireCapacity(bytes: 100)
            log.releaseCapacity(bytes: 100)
        }
        log.admission.setRate(0)
        let error = #expect(throws: RedoubtError.self) {
            try Scheduling.with(.fails) { try log.acquireCapacity(bytes: 100) }
        }
        #expect(error?.code == .busy)
        #expect(log.waits[.backPressure].count == 0)
        #expect(Scheduling.slowdownManner == .waits, "the refusal ends with its closure")
    }

    @Test func `a rate that nobody has to wait for is not shown as a delay`() {
        let states = SimulatedScheduler(seed: 3).run { () -> [BackPressure] in
            guard let fixture = try? LogFixture(Self.large) else { fatalError("no log") }
            let log = fixture.log
            defer { log.stop() }
            var states: [BackPressure] = []
            func write(_ bytes: Int) {
                guard (try? log.acquireCapacity(bytes: bytes)) != nil else { fatalError("no capacity") }
                log.releaseCapacity(bytes: bytes, used: bytes)
                states.append(log.backPressure)
            }
            log.admission.setRate(1_000_000)
            states.append(log.backPressure)
            Scheduling.sleep(microseconds: 20_000)
            write(1000)
            write(30_000)
            Scheduling.sleep(microseconds: 300_000)
            states.append(log.backPressure)
            _ = try? Scheduling.with(.fails) { try log.acquireCapacity(bytes: 30_000) }
            states.append(log.backPressure)
            log.admission.setRate(nil)
            states.append(log.backPressure)
            return states
        }
        #expect(states == [.normal, .normal, .delayed, .normal, .delayed, .normal])
    }

    @Test func `a group that can never fit is told so at once, and nobody pays for it`() {
        let result = SimulatedScheduler(seed: 5).run { () -> ([RedoubtError.Code], UInt64) in
            guard let fixture = try? LogFixture() else { fatalError("no log") }
            let log = fixture.log
            defer { log.stop() }
            log.admission.setRate(10_000)
            let start = Scheduling.now()
            var codes: [RedoubtError.Code] = []
            for manner in [SlowdownManner.waits, .fails, .goesOn] {
                do throws(RedoubtError) {
                    try Scheduling.with(manner) { () throws(RedoubtError) in
                        try log.acquireCapacity(bytes: log.limits.capacity.rawValue)
                    }
                } catch {
                    codes.append(error.code)
                }
            }
            guard (try? log.acquireCapacity(bytes: 100)) != nil else { fatalError("no capacity") }
            log.releaseCapacity(bytes: 100)
            return (codes, Scheduling.now().nanoseconds(since: start))
        }
        #expect(result.0 == [.batchTooLarge, .batchTooLarge, .batchTooLarge])
        #expect(result.1 < 15_000_000, "100 bytes are 10 ms: \(result.1) ns")
    }

    @Test func `the lower of the policy's rate and the limit holds`() throws {
        let fixture = try LogFixture()
        defer { fixture.log.stop() }
        let admission = fixture.log.admission
        let cases: [(Double?, Double?, Double?)] = [
            (nil, nil, nil), (5000, nil, 5000), (nil, 70, 70), (5000, 70, 70), (0.3, 70, 0),
        ]
        for (rate, limit, expected) in cases {
            admission.setRate(rate)
            admission.setRate(limit, by: .throttle)
            #expect(admission.rate == expected)
        }
        admission.setRate(nil)
        admission.setRate(nil, by: .throttle)
        #expect(admission.rate == nil && fixture.log.backPressure == .normal)
    }

    @Test func `who gives back goes on, and the others pay for it`() throws {
        let fixture = try LogFixture()
        defer { fixture.log.stop() }
        let log = fixture.log
        log.admission.setRate(100_000)
        let start = Scheduling.now()
        try Scheduling.with(.goesOn) { try log.acquireCapacity(bytes: 10_000) }
        log.releaseCapacity(bytes: 10_000, used: 10_000)
        #expect(log.waits[.backPressure].count == 0)
        try log.acquireCapacity(bytes: 500)
        #expect(Scheduling.now().nanoseconds(since: start) > 90_000_000, "10000 bytes are 100 ms")
        log.releaseCapacity(bytes: 500)
    }

    @Test func `what the log can never hold is refused at once, and nobody pays for it`() throws {
        let fixture = try LogFixture()
        defer { fixture.log.stop() }
        let log = fixture.log
        log.admission.setRate(100_000)
        let start = Scheduling.now()
        let error = #expect(throws: RedoubtError.self) { try log.acquireCapacity(bytes: 3 << 20) }
        #expect(error?.code == .batchTooLarge)
        try log.acquireCapacity(bytes: 500)
        log.releaseCapacity(bytes: 500)
        // 3 MiB are half a minute.
        #expect(Scheduling.now().nanoseconds(since: start) < 5_000_000_000)
    }

    private func started(_ name: String, _ body: @escaping @Sendable () -> Void) -> EngineThread {
        do {
            return try Scheduling.start(name, body)
        } catch {
            fatalError("\(error)")
        }
    }
}
