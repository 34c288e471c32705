import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// A latch and plain memory under it.
@safe
private final class Guarded: @unchecked Sendable {
    let latch: UnsafeMutablePointer<Latch>
    let cells: UnsafeMutablePointer<Int>

    init() {
        unsafe latch = .allocate(capacity: 1)
        unsafe latch.initialize(to: Latch())
        unsafe cells = .allocate(capacity: 2)
        unsafe cells.initialize(repeating: 0, count: 2)
    }

    deinit {
        unsafe latch.deallocate()
        unsafe cells.deallocate()
    }

    /// Adds one to both cells; under X only.
    func change() {
        unsafe cells[0] += 1
        unsafe cells[1] += 1
    }

    var isWhole: Bool { unsafe cells[0] == cells[1] }
}

/// Goal: the latch keeps its table of modes, versions its changes, and starves nobody.
/// Method: one thread for the table; OS threads with deadlines for exclusion and progress. All orders of few steps are
/// in LatchInterleavingTests.
@Suite struct LatchTests {
    @Test("the modes exclude each other as the table says")
    func modes() {
        let latch = UnsafeMutablePointer<Latch>.allocate(capacity: 1)
        unsafe latch.initialize(to: Latch())
        defer { unsafe latch.deallocate() }
        unsafe latch.lockShared()
        #expect(unsafe latch.tryLockShared())
        #expect(unsafe latch.tryLockSharedExclusive())
        #expect(unsafe !latch.tryLockSharedExclusive())
        #expect(unsafe !latch.tryLockExclusive())
        #expect(unsafe latch.tryLockShared())
        for _ in 0..<3 { unsafe latch.unlockShared() }
        #expect(unsafe !latch.tryLockExclusive())
        unsafe latch.upgradeToExclusive()
        #expect(unsafe latch.isExclusive)
        #expect(unsafe !latch.tryLockShared())
        #expect(unsafe !latch.tryLockSharedExclusive())
        unsafe latch.downgradeToShared()
        #expect(unsafe !latch.isExclusive && latch.tryLockShared() && !latch.tryLockExclusive())
        unsafe latch.unlockShared()
        unsafe latch.unlockShared()
        #expect(unsafe latch.tryLockExclusive())
        unsafe latch.unlockExclusive()
    }

    @Test("the version changes with every exclusive hold and with nothing else")
    func versions() {
        let latch = UnsafeMutablePointer<Latch>.allocate(capacity: 1)
        unsafe latch.initialize(to: Latch())
        defer { unsafe latch.deallocate() }
        let first = unsafe latch.awaitOptimisticVersion()
        unsafe latch.lockShared()
        unsafe latch.lockSharedExclusive()
        #expect(unsafe latch.optimisticVersion() == first && latch.validate(first))
        unsafe latch.unlockShared()
        unsafe latch.upgradeToExclusive()
        #expect(unsafe latch.optimisticVersion() == nil && !latch.validate(first))
        unsafe latch.downgradeToShared()
        #expect(unsafe !latch.validate(first))
        let second = unsafe latch.optimisticVersion()
        #expect(second != nil && second != first)
        unsafe latch.unlockShared()
        #expect(unsafe latch.optimisticVersion() == second)
        unsafe latch.lockExclusive()
        unsafe latch.unlockExclusive()
        #expect(unsafe latch.optimisticVersion() != second)
    }

    @Test("threads in all modes see whole changes and lose none")
    func exclusion() throws {
        let guarded = Guarded()
        let changes = Atomic<Int>(0)
        let torn = Atomic<Int>(0)
        try onThreads(4) { index in
            var random = SeededRandom(seed: UInt64(index))
            for _ in 0..<5000 {
                switch random.below(6) {
                case 0, 1:
                    unsafe guarded.latch.lockShared()
                    if !guarded.isWhole { torn.wrappingAdd(1, ordering: .relaxed) }
                    unsafe guarded.latch.unlockShared()
                case 2:
                    unsafe guarded.latch.lockSharedExclusive()
                    if !guarded.isWhole { torn.wrappingAdd(1, ordering: .relaxed) }
                    unsafe guarded.latch.unlockSharedExclusive()
                case 3:
                    unsafe guarded.latch.lockSharedExclusive()
                    unsafe guarded.latch.upgradeToExclusive()
                    guarded.change()
                    unsafe guarded.latch.unlockExclusive()
                    changes.wrappingAdd(1, ordering: .relaxed)
                case 4:
                    unsafe guarded.latch.lockExclusive()
                    guarded.change()
                    unsafe guarded.latch.downgradeToShared()
                    if !guarded.isWhole { torn.wrappingAdd(1, ordering: .relaxed) }
                    unsafe guarded.latch.unlockShared()
                    changes.wrappingAdd(1, ordering: .relaxed)
                default:
                    unsafe guarded.latch.lockExclusive()
                    guarded.change()
                    unsafe guarded.latch.unlockExclusive()
                    changes.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(torn.load(ordering: .relaxed) == 0)
        #expect(unsafe guarded.cells[0] == changes.load(ordering: .relaxed))
    }

    @Test("a writer gets through while readers never stop")
    func writerProgress() throws {
        let guarded = Guarded()
        let isOver = Atomic<Bool>(false)
        try onThreads(4) { index in
            if index == 0 {
                for _ in 0..<50 {
                    unsafe guarded.latch.lockExclusive()
                    guarded.change()
                    unsafe guarded.latch.unlockExclusive()
                }
                isOver.store(true, ordering: .releasing)
                return
            }
            while !isOver.load(ordering: .acquiring) {
                unsafe guarded.latch.lockShared()
                for _ in 0..<50 { Scheduling.spinOnce() }
                unsafe guarded.latch.unlockShared()
            }
        }
        #expect(unsafe guarded.cells[0] == 50)
    }

    #if !REDOUBT_TSAN
    @Test("an optimistic read that validates saw a whole change")
    func optimisticReads() throws {
        let guarded = Guarded()
        let torn = Atomic<Int>(0)
        try onThreads(3) { index in
            for _ in 0..<20_000 {
                if index == 0 {
                    unsafe guarded.latch.lockExclusive()
                    guarded.change()
                    unsafe guarded.latch.unlockExclusive()
                    continue
                }
                let version = unsafe guarded.latch.awaitOptimisticVersion()
                let isWhole = guarded.isWhole
                if unsafe guarded.latch.validate(version) && !isWhole { torn.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(torn.load(ordering: .relaxed) == 0)
    }
    #endif
}
