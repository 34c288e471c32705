import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: `memory` changes while threads read and write, no row suffers, and less memory is less memory.
///
/// Method: four writers, each with keys of its own, and two readers, over real files, while the memory goes up and
/// down; then all rows are compared, and what the process has resident before and after a shrink.
@Suite(.serialized, .timeLimit(.minutes(20))) struct MemoryResizeTests {
    private static let writerCount = 4
    private static let rowCount = 2000
    private static let small = ByteCount.mebibytes(12)
    private static let large = ByteCount.mebibytes(64)

    private static var configuration: Configuration {
        var configuration = Fixture.configuration
        configuration.memory = small
        configuration.memoryMaximum = large
        configuration.durability = .deferred
        configuration.redoLog.capacity = .mebibytes(32)
        configuration.bufferPool.instanceCount = 2
        return configuration
    }

    /// The value that `version` of a row has: some 4 KiB, so that the rows fill the larger pool.
    private static func value(_ key: Int, _ version: Int) -> [UInt8] {
        var value = [UInt8](repeating: UInt8(truncatingIfNeeded: key &* 31 &+ version), count: 3600 + key % 600)
        for index in 0..<8 { value[index] = UInt8(truncatingIfNeeded: version >> (8 * index)) }
        return value
    }

    private static func key(_ number: Int) -> [UInt8] {
        [UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    @Test func `memory goes up and down under four writers and two readers`() throws {
        let seed = testSeed("memory goes up and down")
        let fixture = Fixture()
        let base = ProcessFigures.now().residentByteCount >> 20
        let database = try Database.open(at: fixture.path, configuration: Self.configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        let versions = Mutex<[Int: Int]>([:])
        let left = Atomic<Int>(Self.writerCount)
        let sizes = Mutex<(changes: Int, settled: Int)>((0, 0))
        try onThreads(Self.writerCount + 3, within: 240) { thread in
            var random = SeededRandom(seed: seed &+ UInt64(thread))
            switch thread {
            case 0..<Self.writerCount:
                defer { left.wrappingSubtract(1, ordering: .releasing) }
                var mine: [Int: Int] = [:]
                for step in 1...2 * Self.rowCount {
                    let number = step <= Self.rowCount ? step - 1 : random.below(Self.rowCount)
                    let key = number * Self.writerCount + thread
                    try keyspace.put(Self.key(key), Self.value(key, step))
                    mine[key] = step
                }
                versions.withLock { $0.merge(mine) { $1 } }
            case Self.writerCount:
                while left.load(ordering: .acquiring) > 0 {
                    let size = 10 + random.below(54)
                    try database.change { $0.memory = .mebibytes(size) }
                    let isSettled = random.below(2) == 0 && spin(within: 20) { database.poolResize.phase == .none }
                    sizes.withLock { $0 = ($0.changes + 1, $0.settled + (isSettled ? 1 : 0)) }
                    Scheduling.sleep(microseconds: random.below(60_000))
                }
            default:
                while left.load(ordering: .acquiring) > 0 {
                    let key = random.below(Self.rowCount * Self.writerCount)
                    guard let found = try keyspace.get(Self.key(key)) else { continue }
                    let version = found.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                    #expect(found == Self.value(key, version), "row \(key)")
                }
            }
        }
        let (changes, settled) = sizes.withLock { $0 }
        #expect(changes > 5 && settled > 0)
        // Other tests of this process come and go, and grow meanwhile: not every time.
        var falls: [Double] = []
        while falls.count < 8 && (falls.max() ?? 0) <= 0.5 { falls.append(try Self.fall(database, keyspace)) }
        #expect((falls.max() ?? 0) > 0.5, "resident memory fell by these parts of the frames that left: \(falls)")
        let withdrawn = try database.statistics()[.poolFramesWithdrawn]
        print("opened at \(base) MiB; \(changes) changes, \(settled) waited for, \(withdrawn) frames")
        #expect(try database.check() == [])
        let expected = versions.withLock { $0 }
        #expect(expected.count == Self.rowCount * Self.writerCount)
        var wrong = 0
        for (key, version) in expected where try keyspace.get(Self.key(key)) != Self.value(key, version) { wrong += 1 }
        #expect(wrong == 0, "seed \(seed)")
        try database.close()
    }

    /// Reads all rows into the larger pool and shrinks it; returns by how much the resident memory falls, in parts of
    /// the memory of the frames that leave.
    private static func fall(_ database: Database, _ keyspace: Keyspace) throws -> Double {
        try database.change { $0.memory = large }
        for key in 0..<rowCount * writerCount { _ = try keyspace.get(Self.key(key)) }
        let before = try database.statistics()
        try database.change { $0.memory = small }
        #expect(spin(within: 60) { database.poolResize.phase == .none })
        let after = try database.statistics()
        #expect(after[.poolFrames] == after[.poolFrameTarget] && after[.poolFrames] < before[.poolFrames])
        #expect(after[.memoryLimit] == UInt64(small.rawValue))
        let used = before[.poolFrames] - before[.poolFreeFrames] - after[.poolFrames]
        let fall = Int64(before[.residentMemory]) - Int64(after[.residentMemory])
        print("resident: \(before[.residentMemory] >> 20) to \(after[.residentMemory] >> 20) MiB")
        return Double(fall) / Double(used * 16384)
    }

    @Test func `memory out of range is refused by name and range`() throws {
        let fixture = Fixture()
        let database = try Database.open(at: fixture.path, configuration: Fixture.configuration)
        // Without memoryMaximum the memory at opening is the most.
        for size in [ByteCount.mebibytes(33), .mebibytes(8)] {
            do throws(RedoubtError) {
                try database.change { $0.memory = size }
                #expect(size == .mebibytes(8))
            } catch {
                #expect(size == .mebibytes(33) && error.code == .invalidConfiguration)
                #expect(error.message.hasPrefix("memory is \(size.rawValue), but must be in "))
                #expect(error.message.contains("...\(32 << 20)"))
            }
        }
        #expect(database.configuration.memory == .mebibytes(8))
        try database.change { $0.memory = .mebibytes(32) }
        #expect(database.poolResize.frameCount == database.poolResize.targetFrameCount)
        try database.close()
    }

    @Test func `closing during a shrink loses nothing`() throws {
        let fixture = Fixture()
        for round in 0..<3 {
            let database = try Database.open(at: fixture.path, configuration: Self.configuration)
            let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
            try database.change { $0.memory = Self.large }
            for key in 0..<3000 { try keyspace.put(Self.key(key), Self.value(key, round)) }
            try database.change { $0.memory = Self.small }
            try database.close()
        }
        let database = try Database.open(at: fixture.path, configuration: Self.configuration)
        let keyspace = try database.keyspace(named: "rows")
        for key in 0..<3000 { #expect(try keyspace.get(Self.key(key)) == Self.value(key, 2)) }
        #expect(try database.check() == [])
        try database.close()
    }
}
