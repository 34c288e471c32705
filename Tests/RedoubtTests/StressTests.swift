import Foundation
import Redoubt
import RedoubtCore
import TestSupport
import Testing

/// Goal: whatever threads do to a database at once, no row is lost, invented or torn, nothing hangs, and what is found
/// after closing and opening is what was there.
///
/// Method: threads of the operating system over real files, in a pool of some 300 pages with 2 MiB of redo, so that
/// eviction, flushing, sync flushing and checkpoints never stop. Each thread owns blocks of keys between those of the
/// others, and compares every answer with a model of its own; counters that all of them raise must have the right sum;
/// another thread creates, fills, renames and drops keyspaces. It lasts `REDOUBT_STRESS_SECONDS`, else a few.
@Suite(.serialized) struct StressTests {
    @Test(
        "many threads over two keyspaces, in a pool and a redo log that are too small",
        arguments: [Configuration.RedoLog.Shape.single, .dedicated, .selfWriting]
    )
    func everything(_ shape: Configuration.RedoLog.Shape) throws {
        let seed = testSeed("everything(\(shape))")
        let fixture = Fixture()
        let configuration = Self.configuration(shape, seed: seed)
        let database = try Database.open(at: fixture.path, configuration: configuration)
        let world = StressWorld(
            keyspaces: [
                try database.keyspace(named: "left", createIfMissing: true),
                try database.keyspace(named: "right", createIfMissing: true),
            ],
            deadline: ContinuousClock.now + .seconds(Self.seconds)
        )
        let workers = (0..<StressWorld.threadCount).map { StressWorker(world, thread: $0, seed: seed) }
        try onThreads(workers.count + 1, within: Self.seconds + 240) { thread in
            if thread < workers.count {
                try workers[thread].run()
            } else {
                try StressChurn(world, seed: seed).run()
            }
        }
        let statistics = try database.statistics()
        let steps = workers.reduce(0) { $0 + $1.stepCount }
        print(
            "\(shape): \(steps) steps, \(statistics.pagesRead) pages read, \(statistics.pagesWritten) written, "
                + "\(statistics.currentLSN) of redo through \(statistics.redoCapacity)"
        )
        #expect(try database.check() == [])
        try Self.verify(workers, world.keyspaces)
        try database.close()

        let again = try Database.open(at: fixture.path, configuration: configuration)
        try Self.verify(workers, [try again.keyspace(named: "left"), try again.keyspace(named: "right")])
        #expect(try again.keyspaceNames() == ["left", "right"])
        #expect(try again.check() == [])
        try again.close()
    }

    /// How long the threads work.
    private static var seconds: Double {
        ProcessInfo.processInfo.environment["REDOUBT_STRESS_SECONDS"].flatMap(Double.init) ?? 4
    }

    /// The smallest pool and redo log that are allowed, in one part or several.
    private static func configuration(_ shape: Configuration.RedoLog.Shape, seed: UInt64) -> Configuration {
        var configuration = Configuration()
        configuration.durability = .deferred
        configuration.memory = .mebibytes(8)
        configuration.bufferPool.instanceCount = seed % 2 == 0 ? 1 : 4
        configuration.bufferPool.oldSublistMilliseconds = seed % 3 == 0 ? 0 : 1000
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        configuration.redoLog.shape = shape
        configuration.redoLog.checkpointIntervalMilliseconds = 20
        configuration.redoLog.deferredFlushMilliseconds = 100
        return configuration
    }

    /// Compares all rows of `keyspaces` with what the workers say, and the sum of the counters with what they added.
    private static func verify(_ workers: [StressWorker], _ keyspaces: [Keyspace]) throws {
        for (number, keyspace) in keyspaces.enumerated() {
            var expected: [[UInt8]: [UInt8]] = [:]
            for worker in workers { expected.merge(worker.rows(ofKeyspace: number)) { first, _ in first } }
            var found = 0
            var total = 0
            var wrong: [String] = []
            try keyspace.scan { (key, value) throws(RedoubtError) in
                if key.first == StressWorld.counterRegion {
                    total += StressWorld.count(in: value)
                    return true
                }
                found += 1
                if expected[key] != value {
                    wrong.append("\(key.prefix(8)): \(value.prefix(12)), \(value.count) bytes")
                }
                return true
            }
            #expect(wrong == [], "rows of keyspace \(number) that are wrong")
            #expect(found == expected.count, "rows of keyspace \(number)")
            #expect(total == workers.reduce(0) { $0 + $1.increments[number] }, "counters of keyspace \(number)")
        }
    }
}
