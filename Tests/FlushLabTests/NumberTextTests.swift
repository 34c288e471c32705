import Testing

@testable import FlushLab

/// Goal: every number has a short text that people read without counting digits. Method: a table of numbers and texts.
@Suite struct NumberTextTests {
    @Test func `decimals are rounded, and zero has no sign`() {
        #expect(NumberText.fixed(3.14159, 2) == "3.14")
        #expect(NumberText.fixed(-0.004, 2) == "0.00")
        #expect(NumberText.fixed(-2.5, 0) == "-3")
        #expect(NumberText.fixed(0.07, 1) == "0.1")
        #expect(NumberText.fixed(12, 99) == "12.000000000")
        #expect(NumberText.fixed(1e18, 3) == "1e+18")
        #expect([Double.nan, .infinity, -.infinity].map { NumberText.fixed($0, 1) } == ["-", "inf", "-inf"])
    }

    @Test func `short numbers have three digits`() {
        let numbers = [0, 0.25, 4.7, 12.345, 950, 999.6, 12_340, 4.561e6, 1.2e9, 5e13, -1500]
        let texts = ["0", "0.25", "4.7", "12.3", "950", "1k", "12.3k", "4.56M", "1.2G", "50T", "-1.5k"]
        #expect(numbers.map(NumberText.short) == texts)
        #expect(NumberText.short(.infinity) == "inf")
        #expect(NumberText.short(0.000_12) == "0.0001")
    }

    @Test func `sizes count in 1024s`() {
        let sizes = [0, 512, 1536, 1_048_576, 1_048_575, 1.34e9, 0x1p50, 0x1p62]
        let texts = ["0 B", "512 B", "1.5 KiB", "1 MiB", "1 MiB", "1.25 GiB", "1 PiB", "4096 PiB"]
        #expect(sizes.map(NumberText.size) == texts)
    }

    @Test func `times have the unit that fits`() {
        let times = [0, 2.5e-8, 0.00025, 0.0032, 0.9996, 41.5, 250, 7200, 12_000, 1_036_800, 129_384_000]
        let texts = [
            "0 s", "25 ns", "250 us", "3.2 ms", "1 s", "41.5 s", "4 min 10 s", "2 h", "3 h 20 min", "12 days",
            "4.1 years",
        ]
        #expect(times.map(NumberText.duration) == texts)
        #expect(NumberText.duration(-250) == "-4 min 10 s")
        #expect(NumberText.duration(.nan) == "-")
    }

    @Test func `shares are percent`() {
        let texts = ["0 %", "0.04 %", "12.3 %", "100 %", "100 %", "200 %"]
        #expect([0, 0.000_4, 0.123, 0.9996, 1, 2].map(NumberText.percent) == texts)
        #expect(NumberText.percent(.nan) == "-")
    }

    @Test func `whole numbers are clamped`() {
        #expect(NumberText.whole(2.5) == 3)
        #expect(NumberText.whole(1e300) == .max)
        #expect(NumberText.whole(-.infinity) == .min)
        #expect(NumberText.whole(.nan) == 0)
        #expect([NumberText.count(1, "run"), NumberText.count(2, "run")] == ["1 run", "2 runs"])
    }
}
