import RedoubtSystem

/// How values become heights, and at which heights there is a line with a number.
struct ChartScale {
    /// The values at the bottom and at the top.
    let bottom: Double
    let top: Double
    /// Whether equal factors have equal heights.
    let isLogarithmic: Bool
    /// The values that are named.
    let ticks: [Double]

    /// Creates a scale from 0 to at least `most`, with three to five numbers.
    init(upTo most: Double) {
        let most = most.isFinite && most > 0 ? most : 1
        let step = Self.step(of: most / 4)
        let count = max(1, NumberText.whole((most / step).rounded(.up)))
        ticks = (0...min(10, count)).map { Double($0) * step }
        (bottom, top, isLogarithmic) = (0, Double(count) * step, false)
    }

    /// Creates a logarithmic scale of whole decades around `least...most`, seven at most.
    init(decadesFrom least: Double, to most: Double) {
        let most = most.isFinite && most > 0 ? most : 1
        let least = least.isFinite && least > 0 ? min(least, most) : most
        // The margins keep a value that is a power of ten from opening a decade of its own.
        let last = NumberText.whole((Self.log10(most) - 1e-6).rounded(.up))
        let first = max(last - 7, min(last - 1, NumberText.whole((Self.log10(least) + 1e-6).rounded(.down))))
        ticks = (first...last).map { Self.powerOfTen($0) }
        (bottom, top, isLogarithmic) = (Double(first), Double(last), true)
    }

    /// Returns how high `value` stands, 0 at the bottom and 1 at the top; nil for what is no number.
    func height(of value: Double) -> Double? {
        if value.isNaN { return nil }
        let place = isLogarithmic ? Self.log10(value) : value
        return min(1, max(0, (place - bottom) / (top - bottom)))
    }

    /// The least of 1, 2 and 5 times a power of ten that is at least `least`.
    static func step(of least: Double) -> Double {
        var unit = 1.0
        while unit > least && unit > 1e-300 { unit /= 10 }
        while unit * 10 <= least { unit *= 10 }
        return [unit, 2 * unit, 5 * unit].first { $0 >= least } ?? 10 * unit
    }

    /// The logarithm to base 10; what is not above 0 is far below everything.
    static func log10(_ value: Double) -> Double {
        guard value > 0 else { return -400 }
        return value.isFinite ? RealFunction.log(value) / RealFunction.log(10) : 400
    }

    private static func powerOfTen(_ power: Int) -> Double {
        (0..<abs(power)).reduce(1.0) { value, _ in power > 0 ? value * 10 : value / 10 }
    }
}
