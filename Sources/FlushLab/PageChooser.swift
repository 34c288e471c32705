import RedoubtCore
import RedoubtSystem

/// Draws pages as a pattern says.
package struct PageChooser {
    private let pattern: Workload.Pattern
    private let count: Int
    private var random: SeededRandom
    // Of Gray's method for Zipf's law.
    private var zeta = 0.0
    private var alpha = 0.0
    private var eta = 0.0
    private var second = 0.0
    // Of the map that strews ranks.
    private let mask: UInt64
    private let shift: UInt64

    /// Creates a source for `count` pages.
    ///
    /// ## References
    /// Gray, Sundaresan, Englert, Baclawski, Weinberger, "Quickly generating billion-record synthetic databases", 1994.
    package init(_ pattern: Workload.Pattern, count: Int, seed: UInt64) {
        self.pattern = pattern
        self.count = max(1, count)
        random = SeededRandom(seed: seed)
        let bits = max(1, Int.bitWidth - (self.count - 1).leadingZeroBitCount)
        mask = 1 << UInt64(bits) - 1
        shift = UInt64(max(1, bits / 2))
        guard case .zipfian(let theta) = pattern else { return }
        zeta = Self.zeta(self.count, theta)
        second = 1 + RealFunction.pow(0.5, theta)
        alpha = 1 / (1 - theta)
        eta = (1 - RealFunction.pow(2 / Double(self.count), 1 - theta)) / (1 - second / zeta)
    }

    /// The sum of 1 / k^theta, from 10,000 on by its integral.
    static func zeta(_ count: Int, _ theta: Double) -> Double {
        let exact = min(count, 10_000)
        var sum = 0.0
        for rank in 1...exact { sum += RealFunction.pow(Double(rank), -theta) }
        guard count > exact else { return sum }
        let exponent = 1 - theta
        return sum + (RealFunction.pow(Double(count) + 0.5, exponent) - RealFunction.pow(Double(exact) + 0.5, exponent))
            / exponent
    }

    /// Draws a page.
    package mutating func next() -> Int {
        switch pattern {
        case .uniform: return below(count)
        case .hot(let pages, let accesses):
            let hot = max(1, min(count, Int(Double(count) * pages / 100)))
            if unit() * 100 < accesses || hot == count { return strewn(below(hot)) }
            return strewn(hot + below(count - hot))
        case .zipfian(let theta):
            let u = unit()
            let scaled = u * zeta
            if scaled < 1 { return strewn(0) }
            if scaled < 1 + RealFunction.pow(0.5, theta) { return strewn(min(1, count - 1)) }
            return strewn(min(count - 1, Int(Double(count) * RealFunction.pow(eta * u - eta + 1, alpha))))
        }
    }

    /// Draws a number from 0 to 1, 1 excluded.
    package mutating func unit() -> Double { Double(random.next() >> 11) / Double(1 << 53) }

    private mutating func below(_ bound: Int) -> Int {
        Int(((random.next() >> 32) &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }

    /// The page of a rank: ranks are strewn over all pages, each on one of its own, so that neighbours differ in heat.
    private func strewn(_ rank: Int) -> Int {
        var place = UInt64(truncatingIfNeeded: rank)
        // A one-to-one map of the numbers of so many bits, again until it falls among the pages.
        repeat {
            place = (place &* 0x9E37_79B9_7F4A_7C15 &+ 0x7F4A_7C15) & mask
            place ^= place >> shift
            place = (place &* 0xBF58_476D_1CE4_E5B9) & mask
        } while place >= UInt64(truncatingIfNeeded: count)
        return Int(place)
    }
}
