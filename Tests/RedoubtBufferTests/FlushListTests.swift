import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: the flush list never claims to be younger than a page in it.
///
/// Method: insertions in and out of order against a plain array.
@Suite struct FlushListTests {
    @Test("The oldest page stands at the tail, and the window is taken off the bound")
    func order() throws {
        let arena = try FrameArena(count: 10)
        var list = unsafe FlushList(controls: arena.controls)
        #expect(list.lowWater(window: 0) == nil)
        for index in 0..<5 { list.insert(arena[index], oldest: UInt64(1000 + index * 10)) }
        #expect(arena.oldest(of: list) == [1000, 1010, 1020, 1030, 1040])
        #expect(list.lowWater(window: 100) == 900)
        #expect(list.lowWater(window: 5000) == 0)
        list.remove(arena[0])
        list.remove(arena[2])
        #expect(arena.oldest(of: list) == [1010, 1030, 1040])
        #expect(!arena[0].isDirty && arena[1].isDirty && list.count == 3)
    }

    @Test("An unordered list finds its minimum, and sorting puts it in order")
    func recovery() throws {
        let arena = try FrameArena(count: 200)
        var list = unsafe FlushList(controls: arena.controls)
        list.beginUnordered()
        var random = SeededRandom(seed: 3)
        var all: [UInt64] = []
        for index in 0..<200 {
            let oldest = UInt64(1 + random.below(100_000))
            list.insert(arena[index], oldest: oldest)
            all.append(oldest)
            #expect(list.lowWater(window: 12345) == all.min())
        }
        list.sort()
        #expect(arena.oldest(of: list) == all.sorted())
        #expect(list.isOrdered && list.count == 200)
    }
}
