/// Points on the way to the `d` of a path: whole numbers, and each as the step from the one before, which is short.
struct ChartPath {
    private(set) var text = ""
    private var (x, y) = (0, 0)
    /// Where a level stretch has come to that is not written yet.
    private var levelEnd: Int?
    private var isOpen = false
    /// Whether nothing was drawn yet from where the line began.
    private var isPoint = false

    /// Begins a line at a point.
    mutating func move(_ x: Int, _ y: Int) {
        lift()
        text += "M\(x) \(y)"
        (self.x, self.y) = (x, y)
        (isOpen, isPoint) = (true, true)
    }

    /// Draws to a point, or begins there if no line has begun.
    mutating func draw(_ x: Int, _ y: Int) {
        guard isOpen else { return move(x, y) }
        isPoint = false
        if y == self.y {
            levelEnd = x
            return
        }
        endLevel()
        append("l", x - self.x)
        text += y < self.y ? "\(y - self.y)" : " \(y - self.y)"
        (self.x, self.y) = (x, y)
    }

    /// Ends the line; what is drawn next begins a new one.
    ///
    /// A line of one point becomes a dot.
    mutating func lift() {
        endLevel()
        if isPoint { text += "h0" }
        (isOpen, isPoint) = (false, false)
    }

    /// Ends the line at the point where it began, which makes it the edge of an area.
    mutating func close() {
        endLevel()
        text += "z"
        (isOpen, isPoint) = (false, false)
    }

    private mutating func endLevel() {
        guard let end = levelEnd else { return }
        levelEnd = nil
        append("h", end - x)
        x = end
    }

    private mutating func append(_ command: String, _ step: Int) { text += "\(command)\(step)" }
}

/// Which of many samples are drawn, so that a page stays small and a spike stays visible.
enum ChartPoints {
    /// Returns the indices of the least and of the greatest value in each of `count` stretches, in order.
    ///
    /// All indices, if there are not more than that. A stretch without any number is represented by its first index, so
    /// that a line has its gap.
    static func extremes(of values: [Double], count: Int) -> [Int] {
        guard count > 0, values.count > 2 * count else { return Array(values.indices) }
        var chosen: [Int] = []
        for stretch in stretches(of: values.count, count: count) {
            let known = stretch.filter { !values[$0].isNaN }
            guard var least = known.first else {
                chosen.append(stretch.lowerBound)
                continue
            }
            var greatest = least
            for index in known {
                if values[index] < values[least] { least = index }
                if values[index] > values[greatest] { greatest = index }
            }
            chosen.append(min(least, greatest))
            if least != greatest { chosen.append(max(least, greatest)) }
        }
        return chosen
    }

    /// Returns `count` ranges of nearly the same length that cover `0 ..< total`; fewer if there are not that many.
    static func stretches(of total: Int, count: Int) -> [Range<Int>] {
        let parts = min(total, count)
        return (0..<max(0, parts)).map { part in total * part / parts..<total * (part + 1) / parts }
    }
}
