import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a page in memory is found, without a lock, while other pages come and go in the same chains.
///
/// Method: a table of few buckets; threads that search for pages that stay, beside one that moves others.
@Suite struct PageTableTests {
    @Test("A page is found until it is removed, and inserted once")
    func insertAndRemove() throws {
        let arena = try FrameArena(count: 100)
        let table = unsafe PageTable(bucketCount: 4, controls: arena.controls)
        defer { table.deallocate() }
        for index in 0..<100 { #expect(table.insert(page(UInt32(index)), into: arena[index]) == nil) }
        for index in 0..<100 { #expect(table.find(page(UInt32(index))) == arena[index]) }
        for index in stride(from: 0, to: 100, by: 3) { table.remove(arena[index]) }
        for index in 0..<100 {
            #expect(table.find(page(UInt32(index))) == (index % 3 == 0 ? nil : arena[index]))
        }
        #expect(table.insert(page(1), into: arena[0]) == arena[1])
        #expect(arena[0].packedPageID == 0)
    }

    @Test("Threads find what stays while other pages move")
    func concurrentSearch() throws {
        let arena = try FrameArena(count: 64)
        let table = unsafe PageTable(bucketCount: 2, controls: arena.controls)
        defer { table.deallocate() }
        for index in 0..<32 { _ = table.insert(page(UInt32(index)), into: arena[index]) }
        let stop = Atomic<Bool>(false)
        let wrong = Atomic<Int>(0)
        try onThreads(3) { thread in
            if thread == 0 {
                var number: UInt32 = 1000
                for _ in 0..<400 {
                    for index in 32..<64 {
                        _ = table.insert(page(number), into: arena[index])
                        number += 1
                    }
                    for index in 32..<64 { table.remove(arena[index]) }
                }
                stop.store(true, ordering: .releasing)
            } else {
                while !stop.load(ordering: .acquiring) {
                    for index in 0..<32 {
                        // A search that was led astray may miss, but never finds another page.
                        if let found = table.find(page(UInt32(index))), found != arena[index] {
                            wrong.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        for index in 0..<32 { #expect(table.find(page(UInt32(index))) == arena[index]) }
    }
}
