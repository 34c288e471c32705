/// A chart over time as inline SVG: lines, limits across, and shaded stretches.
struct Chart {
    /// A line; colors are numbers of the style sheet's palette.
    struct Line {
        let name: String
        let color: Int
        let points: [(x: Double, y: Double)]
    }

    /// A value that holds over the whole time, such as a limit.
    struct Limit {
        let name: String
        let value: Double
    }

    /// What is drawn.
    let title: String
    var lines: [Line]
    var limits: [Limit] = []
    /// Stretches that are shaded, such as those in which the load is held back.
    var shades: [(start: Double, end: Double)] = []
    /// The end of the x axis, in seconds.
    let seconds: Double
    /// The top of the y axis, the same in all charts that are to be compared.
    var top: Double

    private static let width = 440.0
    private static let height = 150.0
    private static let left = 46.0
    private static let bottom = 18.0
    private static let margin = 10.0

    /// The greatest value of lines and limits.
    var greatest: Double {
        max(lines.flatMap(\.points).map(\.y).max() ?? 0, limits.map(\.value).max() ?? 0)
    }

    /// The chart as a figure of HTML.
    var html: String {
        var svg = "<figure><figcaption>\(Self.escape(title)) \(legend)</figcaption>"
        svg += "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">"
        for shade in shades {
            let start = x(shade.start)
            let width = Self.tenth(max(0, x(shade.end) - start))
            svg += "<rect class=\"shade\" x=\"\(start)\" y=\"\(Int(Self.margin))\" width=\"\(width)\" "
            svg += "height=\"\(Int(Self.height - Self.bottom - Self.margin))\"/>"
        }
        for part in [0.0, 0.5, 1.0] {
            let value = top * part
            svg += "<line class=\"grid\" x1=\"\(Int(Self.left))\" x2=\"\(Int(Self.width))\" y1=\"\(y(value))\" "
            svg += "y2=\"\(y(value))\"/><text x=\"\(Int(Self.left) - 4)\" y=\"\(y(value) + 3)\" "
            svg += "text-anchor=\"end\">\(Self.short(value))</text>"
        }
        let step = seconds > 100 ? 30.0 : seconds > 20 ? 10 : 1
        var second = 0.0
        while second <= seconds {
            svg +=
                "<text x=\"\(x(second))\" y=\"\(Int(Self.height) - 4)\" text-anchor=\"middle\">\(Int(second)) s</text>"
            second += step
        }
        for limit in limits {
            svg += "<line class=\"limit\" x1=\"\(Int(Self.left))\" x2=\"\(Int(Self.width))\" y1=\"\(y(limit.value))\" "
            svg += "y2=\"\(y(limit.value))\"/><text x=\"\(Int(Self.width) - 2)\" y=\"\(y(limit.value) - 2)\" "
            svg += "text-anchor=\"end\">\(Self.escape(limit.name))</text>"
        }
        for line in lines where !line.points.isEmpty {
            let points = line.points.map { "\(x($0.x)),\(y($0.y))" }.joined(separator: " ")
            svg += "<polyline class=\"c\(line.color)\" points=\"\(points)\"/>"
        }
        return svg + "</svg></figure>\n"
    }

    private var legend: String {
        guard lines.count > 1 else { return "" }
        return lines.map { "<span class=\"k\($0.color)\">\(Self.escape($0.name))</span>" }.joined(separator: " ")
    }

    private func x(_ seconds: Double) -> Double {
        let width = Self.width - Self.left - 4
        return Self.tenth(Self.left + min(1, max(0, seconds / max(0.001, self.seconds))) * width)
    }

    private func y(_ value: Double) -> Double {
        let height = Self.height - Self.bottom - Self.margin
        return Self.tenth(Self.margin + height * (1 - min(1, max(0, value / max(1e-9, top)))))
    }

    private static func tenth(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private static func short(_ value: Double) -> String {
        if value >= 1e6 { return "\(tenth(value / 1e6))M" }
        if value >= 1e3 { return "\(tenth(value / 1e3))k" }
        return Report.format(value)
    }

    static func escape(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }
}
