import RedoubtCore
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtSimulation

/// Goal: an exploration by reads covers all disks, in as many runs as are counted by hand, and says when it does not.
/// Method: small programs; the sets of outcomes are compared with those of all disks one by one.
@Suite(.timeLimit(.minutes(20))) struct LazyTests {
    /// A disk with a file of zeros to which `writes` were made and not synced.
    private static func disk(size: UInt64 = 1 << 20, _ writes: [(offset: Int, bytes: [UInt8])]) throws
        -> SimulatedStorage
    {
        let storage = SimulatedStorage()
        let file = try storage.open("/f", role: .redo, creating: true, readOnly: false)
        try file.extend(to: size)
        try file.sync()
        try storage.syncDirectory("/")
        for write in writes {
            let buffer = try AlignedBuffer(byteCount: write.bytes.count)
            unsafe buffer.bytes.copyBytes(from: write.bytes)
            try unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: UInt64(write.offset))
        }
        return storage
    }

    private static func filled(_ value: UInt8, _ count: Int = 512) -> [UInt8] {
        [UInt8](repeating: value, count: count)
    }

    /// A log of blocks that hold 1, which begins at `start`.
    private static func log(_ count: Int) throws -> SimulatedStorage { try disk([(0, filled(1, count * 512))]) }

    private static func last(_ storage: SimulatedStorage, _ options: LazyExplorer.Options = .init()) throws
        -> LazyExplorer
    {
        try #require(LazyExplorer.epochs(of: storage, options: options).last)
    }

    /// Reads sector after sector of "/f", `step` bytes at once, as long as they begin with 1.
    @Sendable private static func follow(_ storage: SimulatedStorage, step: Int = 512) -> Int {
        do {
            let file = try storage.open("/f", role: .redo, creating: false, readOnly: true)
            let buffer = try AlignedBuffer(byteCount: step)
            var count = 0
            while try unsafe file.read(into: buffer.bytes, at: UInt64(count * step)) == step,
                unsafe buffer.bytes[0] == 1
            {
                count += 1
            }
            return count
        } catch {
            return -1
        }
    }

    /// What `judge` says of all disks, one by one.
    private static func exhausted<Outcome: Hashable>(
        _ explorer: LazyExplorer,
        _ judge: (SimulatedStorage) -> Outcome
    ) -> Set<Outcome> {
        var outcomes: Set<Outcome> = []
        var names = UncertainPlaces.Names()
        StateSpace(explorer.uncertain, CrashExplorer.Options()).forEach { choice, _ in
            let storage = SimulatedStorage(explorer.uncertain.image(choice, &names), options: .judging)
            outcomes.insert(judge(storage))
        }
        return outcomes
    }

    @Test(arguments: [1, 7, 200]) func `a log of k blocks has k + 1 runs`(_ count: Int) throws {
        let report = try Self.last(Self.log(count)).explore { Self.follow($0) }
        #expect(report.isComplete, "\(report)")
        #expect(report.runCount == count + 1 && report.placeCount == count)
        #expect(abs(report.combinationBits - Double(count)) < 0.001)
        #expect(report.outcomes == Set(0...count))
        #expect(report.findings.allSatisfy { $0.runCount == 1 })
    }

    @Test func `what is not read is not decided, and what looks the same does not fork`() throws {
        // Two blocks that are read, one that the second write leaves as it was, one of which only the first sector of
        // two is read.
        let storage = try Self.disk([
            (0, Self.filled(1)), (512, Self.filled(1)), (512, Self.filled(0)), (2048, Self.filled(1, 1024)),
        ])
        var options = LazyExplorer.Options()
        options.unitByteCount = { _ in 2048 }
        let report = try Self.last(storage, options).explore { disk in
            guard let file = try? disk.open("/f", role: .redo, creating: false, readOnly: true),
                let buffer = try? AlignedBuffer(byteCount: 512)
            else { return -1 }
            _ = try? unsafe file.read(into: buffer.bytes, at: 2048)
            let first = unsafe Int(buffer.bytes[0])
            _ = try? unsafe file.read(into: buffer.bytes, at: 2048)
            return unsafe 10 * first + Int(buffer.bytes[0])
        }
        // Sectors 0 and 1 have two versions each: zeros came back.
        #expect(report.placeCount == 4 && report.combinationBits == 4)
        #expect(report.runCount == 2 && report.outcomes == [0, 11] && report.isComplete, "\(report)")
    }

    @Test(arguments: [512, 1024, 4096]) func `large reads fork on every sector in them`(_ step: Int) throws {
        let explorer = try Self.last(Self.log(8))
        let report = explorer.explore { Self.follow($0, step: step) }
        #expect(report.isComplete && report.outcomes == Self.exhausted(explorer) { Self.follow($0, step: step) })
        // One sector at a time; two, of which only the first says whether to go on; all eight.
        let runs = [512: 9, 1024: 2 + 2 * (2 + 2 * (2 + 2 * 4)), 4096: 256]
        #expect(report.runCount == runs[step], "\(report)")
    }

    @Test func `what was overwritten is known`() throws {
        let report = try Self.last(Self.log(3)).explore { disk in
            guard let file = try? disk.open("/f", role: .redo, creating: false, readOnly: false),
                let buffer = try? AlignedBuffer(byteCount: 1024)
            else { return -1 }
            unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 7)
            // Whole sectors without reading them, and a part of another, for which the rest is decided.
            try? unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: 0)
            _ = try? unsafe file.read(into: buffer.bytes, at: 512)
            return unsafe Int(buffer.bytes[0]) * 10 + Int(buffer.bytes[512])
        }
        #expect(report.runCount == 2 && report.outcomes == [70, 71] && report.isComplete, "\(report)")
    }

    @Test func `names and sizes are part of what is uncertain`() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("/f", role: .redo, creating: true, readOnly: false)
        let buffer = try AlignedBuffer(byteCount: 1024)
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
        try unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: 0)
        let explorer = try Self.last(storage)
        let report = explorer.explore { Self.follow($0) }
        #expect(report.isComplete && report.outcomes == Self.exhausted(explorer) { Self.follow($0) }, "\(report)")
        #expect(report.outcomes == [-1, 0, 1, 2])
    }

    @Test(arguments: 0..<40) func `random programs on random disks come to what they come to on all`(_ round: Int)
        throws
    {
        var random = SeededRandom(seed: UInt64(round))
        let writes = (0..<(1 + random.below(5))).map { _ in
            (offset: 512 * random.below(8), bytes: Self.filled(UInt8(1 + random.below(2)), 512 * (1 + random.below(2))))
        }
        var options = LazyExplorer.Options()
        options.unitByteCount = { _ in round % 2 == 0 ? 512 : 2048 }
        let explorer = try Self.last(Self.disk(writes), options)
        let judge = { @Sendable (disk: SimulatedStorage) -> UInt64 in Self.wander(disk, seed: UInt64(round)) }
        let report = explorer.explore(judge)
        #expect(report.isComplete && report.outcomes == Self.exhausted(explorer, judge), "\(report)")
    }

    /// Reads and writes here and there, as what it has read says; comes to merge points.
    @Sendable private static func wander(_ disk: SimulatedStorage, seed: UInt64) -> UInt64 {
        var random = SeededRandom(seed: seed)
        var state: UInt64 = 0
        guard let file = try? disk.open("/f", role: .redo, creating: false, readOnly: false),
            let buffer = try? AlignedBuffer(byteCount: 2048)
        else { return 1 }
        for step in 0..<12 {
            let drawn = random.next() &+ state
            let count = [512, 1024, 2048][Int(drawn % 3)]
            let offset = drawn / 3 % 8 * 512
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
            if drawn / 24 % 4 == 0 {
                unsafe part.initializeMemory(as: UInt8.self, repeating: UInt8(drawn / 96 % 3))
                try? unsafe file.write(UnsafeRawBufferPointer(part), at: offset)
            } else {
                _ = try? unsafe file.read(into: part, at: offset)
                // Few values, so that different disks meet again.
                for place in stride(from: 0, to: count, by: 512) { unsafe state = (state + UInt64(part[place])) % 3 }
            }
            do throws(RedoubtError) {
                try Scheduling.merge(at: .other, UInt64(step) << 8 | state)
            } catch {
                return .max
            }
        }
        return state
    }

    @Test func `limits are said`() throws {
        var options = LazyExplorer.Options()
        options.runLimit = 20
        let report = try Self.last(Self.log(50), options).explore { Self.follow($0) }
        #expect(!report.isComplete && report.runCount == 20 && "\(report)".contains("INCOMPLETE"))
    }

    @Test func `a program that is not a function of what it reads is found out`() throws {
        let calls = CallCount()
        let report = try Self.last(Self.log(4)).explore { disk in
            // Every second call looks at less.
            calls.next() % 2 == 0 ? Self.follow(disk) : 9
        }
        #expect(!report.isComplete, "\(report)")
    }

    #if REDOUBT_INTERLEAVING
    @Test(arguments: [PageStore.Mistake.none, .confusesTwo, .missingChecksum]) func `pages meet again at merge points`(
        _ mistake: PageStore.Mistake
    ) throws {
        let count = 5
        var options = LazyExplorer.Options()
        options.unitByteCount = { $0 == "/pages" ? PageStore.pageSize : 512 }
        let judge = { @Sendable (disk: SimulatedStorage) in PageStore.recover(disk, count, mistake) }
        let explorer = try Self.last(PageStore.written(count), options)
        let report = explorer.explore(judge)
        #expect(report.isComplete && report.outcomes == Self.exhausted(explorer, judge), "\(report)")
        #expect(report.outcomes == (mistake == .none ? [true] : [true, false]))
        options.merges = false
        let apart = try Self.last(PageStore.written(count), options).explore(judge)
        #expect(apart.isComplete && apart.outcomes == report.outcomes, "\(apart)")
        // Both sectors of each page, old or new: 4 to the 5th; or nothing is read behind the first page that is torn.
        #expect(apart.runCount >= (mistake == .missingChecksum ? 64 : 1024), "\(apart)")
        #expect(report.runCount < apart.runCount)
    }

    @Test func `a mistake with two torn pages of many is found by covering all disks only`() throws {
        #if DEBUG
        let count = 12
        #else
        let count = 32
        #endif
        let storage = try PageStore.written(count)
        var listing = CrashExplorer.Options()
        listing.seededSubsetCount = 200
        listing.firstEvent = storage.trace.count - 1
        let listed = CrashExplorer(storage, options: listing).judge { disk in
            guard PageStore.recover(disk.storage, count, .confusesTwo) else { throw RedoubtError(.corruptPage, "torn") }
            return [0]
        }
        #expect(listed.failureCount == 0 && listed.judgedCount > 10 * count, "\(listed)")
        var options = LazyExplorer.Options()
        options.unitByteCount = { $0 == "/pages" ? PageStore.pageSize : 512 }
        let explorer = try Self.last(storage, options)
        let report = explorer.explore { PageStore.recover($0, count, .confusesTwo) }
        print("lazy exploration of a store of \(count) pages, two of which confuse it: \(report)")
        #expect(report.isComplete && report.outcomes == [true, false], "\(report)")
        #expect(report.combinationBits == Double(2 * count))
        let right = explorer.explore { PageStore.recover($0, count, .none) }
        #expect(right.isComplete && right.outcomes == [true], "\(right)")
        // Each page in each of three states of memory at most.
        #expect(right.runCount < 2 + 4 * count * (3 * count), "\(right)")
    }

    @Test func `a merge point that hides what matters is found out`() throws {
        let count = 6
        var options = LazyExplorer.Options()
        options.auditCount = 100
        let report = try Self.last(Self.log(count), options).explore { disk in
            guard let file = try? disk.open("/f", role: .redo, creating: false, readOnly: true),
                let buffer = try? AlignedBuffer(byteCount: 512)
            else { return -1 }
            var sum = 0
            for number in 0..<count {
                _ = try? unsafe file.read(into: buffer.bytes, at: UInt64(number * 512))
                sum += unsafe Int(buffer.bytes[0])
                do throws(RedoubtError) {
                    // The sum is forgotten.
                    try Scheduling.merge(at: .other, UInt64(number))
                } catch {
                    return -2
                }
            }
            return sum
        }
        #expect(!report.isComplete && report.auditMissCount > 0, "\(report)")
    }
    #endif
}

/// Counts calls.
private final class CallCount: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
