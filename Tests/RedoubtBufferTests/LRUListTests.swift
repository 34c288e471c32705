import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: the list keeps InnoDB's midpoint.
///
/// Method: golden values, and a walk over the list after every step against the flags and counts.
@Suite struct LRUListTests {
    @Test("The old part's target has InnoDB's golden values")
    func goldenTargets() throws {
        let arena = try FrameArena(count: 1)
        let list = unsafe LRUList(controls: arena.controls, oldSublistPercent: 37)
        #expect(list.oldRatio == 378)
        #expect(LRUList.oldTarget(count: 1024, ratio: 378) == 378)
        #expect(LRUList.oldTarget(count: 512, ratio: 378) == 189)
        #expect(LRUList.oldTarget(count: 512, ratio: 1024) == 487)
    }

    private func check(_ list: LRUList, _ arena: FrameArena, sourceLocation: SourceLocation = #_sourceLocation) {
        let order = arena.order(of: list)
        #expect(order.count == list.count, sourceLocation: sourceLocation)
        let flags = order.map { arena[Int($0)].has(FrameFlags.old) }
        guard list.count >= LRUList.midpointMinimum else {
            #expect(list.midpoint == FrameState.noFrame && !flags.contains(false), sourceLocation: sourceLocation)
            return
        }
        // Young, then old: one change of the flag, at the midpoint.
        let first = flags.firstIndex(of: true) ?? flags.count
        #expect(flags[first...].allSatisfy { $0 }, sourceLocation: sourceLocation)
        #expect(order[first] == list.midpoint, sourceLocation: sourceLocation)
        #expect(flags.count - first == list.oldCount, sourceLocation: sourceLocation)
        let target = LRUList.oldTarget(count: list.count, ratio: list.oldRatio)
        #expect(abs(list.oldCount - target) <= LRUList.tolerance, sourceLocation: sourceLocation)
    }

    @Test("Pages enter at the head below 512 and behind the midpoint from then on")
    func insertion() throws {
        let arena = try FrameArena(count: 800)
        var list = unsafe LRUList(controls: arena.controls, oldSublistPercent: 37)
        for index in 0..<511 { list.insertOld(arena[index]) }
        #expect(list.head == 510 && list.tail == 0)
        check(list, arena)
        for index in 511..<700 {
            list.insertOld(arena[index])
            check(list, arena)
        }
        #expect(list.head == 510 || list.head == 511)
        list.insertYoung(arena[700])
        #expect(list.head == 700 && !arena[700].has(FrameFlags.old))
        check(list, arena)
    }

    @Test("The midpoint survives any order of insertions, removals and moves")
    func randomOperations() throws {
        let arena = try FrameArena(count: 700)
        var list = unsafe LRUList(controls: arena.controls, oldSublistPercent: 37)
        var random = SeededRandom(seed: 11)
        var present: [Int] = []
        var absent = Array(0..<700)
        for step in 0..<6000 {
            let grows = present.count < 500 || (present.count < 690 && random.below(2) == 0)
            if grows {
                let index = absent.remove(at: random.below(absent.count))
                if random.below(4) == 0 { list.insertYoung(arena[index]) } else { list.insertOld(arena[index]) }
                present.append(index)
            } else if random.below(3) == 0 {
                list.makeYoung(arena[present[random.below(present.count)]])
            } else {
                let index = present.remove(at: random.below(present.count))
                list.remove(arena[index])
                absent.append(index)
            }
            if step % 20 == 0 { check(list, arena) }
        }
        for index in present { list.remove(arena[index]) }
        #expect(list.count == 0 && list.head == FrameState.noFrame && list.tail == FrameState.noFrame)
    }
}
