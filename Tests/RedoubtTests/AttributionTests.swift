import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import Redoubt

/// Goal: of the time of foreground threads nearly nothing is unexplained: waits by reason, work, and being queued for a
/// processor add up to it.
/// Method: threads that update uniformly random rows of a data set larger than the pool, on a real device; each is
/// measured by its own clocks from beginning to end.
@Suite(.serialized, .timeLimit(.minutes(20))) struct AttributionTests {
    private static let threadCount = 4
    private static let rowCount = 12_000

    @Test(arguments: [Durability.deferred, .flushed])
    func `waits, work and the run queue cover the time of writers`(durability: Durability) throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.memory = .mebibytes(12)
        configuration.redoLog.capacity = .mebibytes(16)
        let database = try Database.open(at: fixture.path, configuration: configuration)
        let keyspace = try database.createKeyspace("rows")
        // About three times the pool.
        for number in 0..<Self.rowCount {
            try keyspace.put(Self.key(number), Self.value(number), durability: .deferred)
        }
        let sum = Mutex(Sum())
        let seed = testSeed()
        try onThreads(Self.threadCount, within: 200) { thread in
            var random = SeededRandom(seed: seed &+ UInt64(thread))
            let account = try ThreadAccount.measure { () throws(RedoubtError) in
                let end = Scheduling.now().advanced(milliseconds: 3000)
                while Scheduling.now() < end {
                    let number = random.below(Self.rowCount)
                    try keyspace.put(Self.key(number), Self.value(number &+ 1), durability: durability)
                }
            }
            sum.withLock { $0.add(account) }
        }
        let result = sum.withLock { $0 }
        print("attribution, \(durability): \(result)")
        #expect(result.waited > 0, "a test in which nobody waits shows nothing")
        #expect(result.coverage >= 0.97, "\(result)")
        // The kernel counts time that the host took away as queued and as run; a wait counted twice shows far above.
        #expect(result.coverage <= 1.05, "\(result)")
        try database.close()
    }

    private static func key(_ number: Int) -> [UInt8] {
        let mixed = UInt32(truncatingIfNeeded: number &* 40_503)
        return [UInt8(mixed >> 8 & 255), UInt8(mixed & 255), UInt8(number >> 8), UInt8(number & 255)]
    }

    private static func value(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 2500)
    }
}

/// The accounts of several threads together.
private struct Sum: Sendable, CustomStringConvertible {
    var wall = 0.0
    var waited = 0.0
    var work = 0.0
    var queued = 0.0
    var waits = 0
    var reasons = [Double](repeating: 0, count: WaitReason.allCases.count)

    mutating func add(_ account: ThreadAccount) {
        wall += Double(account.total.wall) / 1e9
        waited += Double(account.waiting.wall) / 1e9
        work += Double(account.work) / 1e9
        queued += Double(account.queued) / 1e9
        waits += account.waitCount
        for reason in WaitReason.allCases { reasons[reason.index] += Double(account[reason]) / 1e9 }
    }

    var coverage: Double { (waited + work + queued) / wall }

    var description: String {
        func percent(_ part: Double) -> String { "\((part / wall * 1000).rounded() / 10) %" }
        let parts = WaitReason.allCases.filter { reasons[$0.index] > 0 }
            .map { "\($0.rawValue) \(percent(reasons[$0.index]))" }
        return "\(percent(waited + work + queued)) of \((wall * 10).rounded() / 10) s: work \(percent(work)), "
            + "run queue \(percent(queued)), \(waits) waits \(percent(waited)) (\(parts.joined(separator: ", ")))"
    }
}
