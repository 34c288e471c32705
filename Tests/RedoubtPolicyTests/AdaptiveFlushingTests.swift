import Testing

@testable import RedoubtPolicy

/// Goal: the flushing formulas give InnoDB's numbers. Method: the golden values computed from them.
@Suite struct AdaptiveFlushingTests {
    @Test(arguments: [
        (1, [1, 4, 11, 21, 47, 65, 86, 113, 133, 153]),
        (2, [2, 8, 23, 43, 94, 131, 173, 227, 266, 307]),
        (5, [7, 21, 59, 109, 235, 329, 433, 569, 666, 769]),
        (10, [14, 42, 119, 219, 471, 658, 866, 1138, 1333, 1538]),
    ])
    func `the age percentage follows the golden table`(ratio: Int, expected: [Int]) {
        let formulas = AdaptiveFlushing(ioCapacity: 200, ioCapacityMaximum: 200 * ratio)
        let factors: [Double] = [5, 10, 20, 30, 50, 62.5, 75, 90, 100, 110]
        #expect(factors.map { formulas.agePercent(factor: $0) } == expected)
    }

    @Test(arguments: [
        (200, 2000, [0, 54, 180, 511, 1333]), (1000, 2000, [0, 10, 36, 102, 266]), (2000, 2000, [0, 5, 18, 51, 133]),
    ])
    func `ages of a log of 100 MiB give the golden percentages`(capacity: Int, maximum: Int, expected: [Int]) {
        let formulas = AdaptiveFlushing(ioCapacity: capacity, ioCapacityMaximum: maximum)
        let percents = [5_000_000, 9_000_000, 20_000_000, 40_000_000, 75_805_696].map {
            formulas.capacityPercent(forAge: $0, freeCheckLimit: 87_417_344, dirtyAgeLimit: 75_805_696)
        }
        #expect(percents == expected)
    }

    @Test func `without adaptive flushing only an age past the limit counts`() {
        var formulas = AdaptiveFlushing(ioCapacity: 2000, ioCapacityMaximum: 2000)
        formulas.isAdaptive = false
        #expect(formulas.capacityPercent(forAge: 40, freeCheckLimit: 120, dirtyAgeLimit: 100) == 0)
        #expect(formulas.capacityPercent(forAge: 100, freeCheckLimit: 120, dirtyAgeLimit: 100) == 133)
    }

    @Test func `dirty shares give the golden percentages`() {
        var formulas = AdaptiveFlushing(ioCapacity: 200, ioCapacityMaximum: 2000)
        let shares: [Double] = [0, 5, 9.99, 10, 20, 45, 50, 75, 90, 95]
        #expect(
            shares.map { formulas.capacityPercent(forDirtyPagePercent: $0) } == [0, 0, 0, 10, 21, 49, 54, 82, 98, 104]
        )
        formulas.dirtyPagePercentLowWater = 0
        #expect([89.99, 90, 95].map { formulas.capacityPercent(forDirtyPagePercent: $0) } == [0, 100, 100])
        let share = AdaptiveFlushing.dirtyPagePercent(dirtyCount: 800, pageCount: 4096, freeCount: 1024)
        #expect((share * 100).rounded() / 100 == 15.62)
    }

    @Test func `page counts follow the golden values`() {
        let formulas = AdaptiveFlushing(ioCapacity: 1000, ioCapacityMaximum: 2000)
        #expect(formulas.pageCount(percent: max(54, 42), averageRate: 300, dueCount: 4500) == 780)
        #expect(formulas.pageCount(percent: max(54, 133), averageRate: 300, dueCount: 4500) == 1043)
        #expect(formulas.pageCountWhenSynchronous(dueCount: 0) == 1000)
        #expect(formulas.pageCountWhenSynchronous(dueCount: 2500) == 2500)
        let slow = AdaptiveFlushing(ioCapacity: 200, ioCapacityMaximum: 2000)
        #expect(slow.pageCount(percent: max(10, 471), averageRate: 50, dueCount: 3000) == 664)
    }
}
