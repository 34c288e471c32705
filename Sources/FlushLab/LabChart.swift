/// A chart over time as SVG: lines, areas on top of each other, or states as a band.
///
/// It is drawn in pixels; what has many points in tenths of them, scaled down, because whole numbers are short.
struct LabChart {
    /// What is drawn of the values.
    enum Form: Sendable {
        /// A line for each series.
        case lines
        /// Areas, each on top of those before it.
        case areas
        /// Of one series the stretches of value 1, low, and of value 2, high.
        case band
    }

    /// Values at points of time.
    struct Series {
        /// What they are.
        let name: String
        /// The number of a colour.
        let paint: Int
        /// When; the same for all series of areas.
        let times: [Double]
        /// NaN where there is none.
        let values: [Double]
    }

    /// A value that something should stay below.
    struct Limit {
        let name: String
        let value: Double
    }

    /// A phase; those without length are left out.
    struct Phase {
        let name: String
        let start: Double
        let end: Double
    }

    /// What someone is told who does not see it.
    let label: String
    let form: Form
    let series: [Series]
    var limits: [Limit] = []
    let scale: ChartScale
    /// The end of the time axis.
    let seconds: Double
    let phases: [Phase]
    /// Pixels.
    let width: Int
    let height: Int

    private static let left = 46
    private static let right = 8
    private static let top = 18
    private static let bottom = 20
    /// Points of a line at most; two for each stretch of time.
    private static let mostPoints = 1200

    /// The chart.
    var svg: String {
        let size = "width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\""
        var parts = ["<svg \(size) role=\"img\" aria-label=\"\(Markup.escaped(label))\">"]
        if form == .band { parts += bandFrame } else { parts.append(grid) }
        parts += timeAxis
        parts += phaseMarks
        parts.append("<g transform=\"scale(.1)\">")
        switch form {
        case .lines: parts += series.map(line)
        case .areas: parts += areas
        case .band: parts += series.first.map(band) ?? []
        }
        parts.append("</g>")
        parts += limitLines
        return parts.filter { !$0.isEmpty }.joined(separator: "\n") + "\n</svg>"
    }

    private var plotWidth: Int { max(1, width - Self.left - Self.right) }
    private var plotHeight: Int { max(1, height - Self.top - Self.bottom) }
    private var stretchCount: Int { min(Self.mostPoints / 2, plotWidth) }

    /// The place of a time from the left, in `unit`s to the pixel.
    private func across(_ time: Double, unit: Int = 10) -> Int {
        let part = time.isNaN ? 0 : min(1, max(0, time / seconds))
        return Self.left * unit + NumberText.whole(part * Double(plotWidth * unit))
    }

    /// The place of a value from the top, in `unit`s to the pixel; nil for what is no number.
    private func down(_ value: Double, unit: Int = 10) -> Int? {
        scale.height(of: value).map { height in
            Self.top * unit + NumberText.whole((1 - height) * Double(plotHeight * unit))
        }
    }

    // MARK: Data

    private func line(_ series: Series) -> String {
        var path = ChartPath()
        for index in ChartPoints.extremes(of: series.values, count: stretchCount) where index < series.times.count {
            if let y = down(series.values[index]) { path.draw(across(series.times[index]), y) } else { path.lift() }
        }
        path.lift()
        return path.text.isEmpty ? "" : "<path class=\"line p\(series.paint)\" d=\"\(path.text)\"/>"
    }

    /// The topmost first, each down to the ground, so that the next covers what is not its own.
    private var areas: [String] {
        let count = series.map { min($0.times.count, $0.values.count) }.min() ?? 0
        var sums: [[Double]] = []
        for one in series {
            let below = sums.last ?? Array(repeating: 0, count: count)
            sums.append((0..<count).map { below[$0] + (one.values[$0].isNaN ? 0 : max(0, one.values[$0])) })
        }
        guard let totals = sums.last, let times = series.first?.times, let ground = down(0) else { return [] }
        let chosen = ChartPoints.extremes(of: totals, count: stretchCount)
        return series.indices.reversed().map { number in
            guard let first = chosen.first, let last = chosen.last else { return "" }
            if chosen.allSatisfy({ sums[number][$0] <= (number > 0 ? sums[number - 1][$0] : 0) }) { return "" }
            var path = ChartPath()
            path.move(across(times[first]), ground)
            for index in chosen { path.draw(across(times[index]), down(sums[number][index]) ?? ground) }
            path.draw(across(times[last]), ground)
            path.close()
            return "<path class=\"area p\(series[number].paint)\" d=\"\(path.text)\"/>"
        }
    }

    private func band(_ series: Series) -> [String] {
        let ground = (Self.top + plotHeight) * 10
        let count = min(series.times.count, series.values.count)
        let stretches = ChartPoints.stretches(of: count, count: stretchCount)
        let states = stretches.map { range in range.reduce(0.0) { max($0, series.values[$1]) } }
        return [1.0, 2.0].map { state in
            var path = ChartPath()
            let height = NumberText.whole(Double(plotHeight) * 5 * state)
            var index = 0
            while index < states.count {
                let first = index
                while index < states.count, states[index] == state { index += 1 }
                if first < index {
                    let start = across(series.times[stretches[first].lowerBound] - 0.1)
                    let end = max(start + 8, across(series.times[stretches[index - 1].upperBound - 1]))
                    path.move(start, ground)
                    path.draw(start, ground - height)
                    path.draw(end, ground - height)
                    path.draw(end, ground)
                    path.close()
                } else {
                    index += 1
                }
            }
            return path.text.isEmpty ? "" : "<path class=\"state\(Int(state))\" d=\"\(path.text)\"/>"
        }
    }

    // MARK: Frame

    private var grid: String {
        var lines = ""
        var words = ""
        for tick in scale.ticks {
            guard let y = down(tick, unit: 1) else { continue }
            lines += "M\(Self.left) \(y)h\(plotWidth)"
            words += "<text x=\"\(Self.left - 6)\" y=\"\(y + 4)\" class=\"end\">\(NumberText.short(tick))</text>"
        }
        return "<path class=\"grid\" d=\"\(lines)\"/>\(words)"
    }

    private var bandFrame: [String] {
        let ground = Self.top + plotHeight
        return [
            "<path class=\"grid\" d=\"M\(Self.left) \(ground)h\(plotWidth)\"/>",
            "<text x=\"\(Self.left - 6)\" y=\"\(Self.top + 6)\" class=\"end\">stopped</text>",
            "<text x=\"\(Self.left - 6)\" y=\"\(Self.top + plotHeight / 2 + 8)\" class=\"end\">delayed</text>",
        ]
    }

    private var timeAxis: [String] {
        let step = Self.timeStep(seconds, most: max(2, plotWidth / 62))
        let ground = Self.top + plotHeight
        let count = min(100, NumberText.whole((seconds / step + 1e-6).rounded(.down)))
        let places = (0...max(0, count)).map { across(Double($0) * step, unit: 1) }
        let words = places.enumerated().map { number, place in
            let anchor = number == 0 ? "start" : place > width - 28 ? "end" : "mid"
            let time = Self.timeText(Double(number) * step, step: step)
            return "<text x=\"\(place)\" y=\"\(ground + 15)\" class=\"\(anchor)\">\(time)</text>"
        }
        return ["<path class=\"tick\" d=\"" + places.map { "M\($0) \(ground)v4" }.joined() + "\"/>"] + [words.joined()]
    }

    /// Boundaries as lines, and the names of the phases where there is room for them.
    private var phaseMarks: [String] {
        guard phases.count > 1 || phases.contains(where: { !$0.name.isEmpty }) else { return [] }
        return phases.enumerated().map { number, phase in
            let start = across(phase.start, unit: 1)
            let room = across(phase.end, unit: 1) - start - 6
            let line = number == 0 ? "" : "<path class=\"phase\" d=\"M\(start) 4V\(Self.top + plotHeight)\"/>"
            let fits = phase.name.unicodeScalars.count * 6 <= room
            let name = Markup.escaped(phase.name)
            return line + (fits ? "<text x=\"\(start + 4)\" y=\"12\" class=\"phasename\">\(name)</text>" : "")
        }
    }

    /// Names stand side by side, for limits are often close to each other.
    private var limitLines: [String] {
        limits.enumerated().compactMap { number, limit in
            guard limit.value > 0, let y = down(limit.value, unit: 1) else { return nil }
            let place = width - Self.right - 4 - 42 * number
            return "<path class=\"limit\" d=\"M\(Self.left) \(y)h\(plotWidth)\"/>"
                + "<text x=\"\(place)\" y=\"\(y - 3)\" class=\"end limitname\">\(Markup.escaped(limit.name))</text>"
        }
    }

    private static func timeStep(_ seconds: Double, most: Int) -> Double {
        let steps: [Double] = [
            0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200,
        ]
        return steps.first { seconds / $0 <= Double(most) } ?? ChartScale.step(of: seconds / Double(most))
    }

    private static func timeText(_ time: Double, step: Double) -> String {
        if time == 0 { return "0" }
        if step >= 3600 { return NumberText.short(time / 3600) + " h" }
        return step >= 60 ? NumberText.short(time / 60) + " min" : NumberText.short(time) + " s"
    }
}
