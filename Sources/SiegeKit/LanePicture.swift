import RedoubtSimulation

/// The time lanes as inline SVG.
///
/// From left to right in the order of events; a bar for a write, higher for more bytes; a barrier for a sync; a diamond
/// for a name. What no sync covered at the crash stands on a tinted band that runs into the crash line.
struct LanePicture {
    private let lanes: TraceLanes
    private let rows: [TraceListing.Row]
    private let events: [SimulatedEvent]
    private let columnWidth: Double
    private let xs: [Int: Double]
    /// Where events are left out, and how many.
    private let gapPlaces: [(count: Int, x: Double)]
    private let crashX: Double?

    static let width = 1160.0
    private static let left = 200.0
    private static let top = 74.0
    private static let laneHeight = 58.0
    private static let gapWidth = 26.0

    init(_ lanes: TraceLanes, _ rows: [TraceListing.Row], _ events: [SimulatedEvent]) {
        self.lanes = lanes
        self.rows = rows
        self.events = events
        let gaps = lanes.columns.count { if case .gap = $0 { true } else { false } }
        let room = Self.width - Self.left - 40 - Double(gaps) * Self.gapWidth
        columnWidth = max(4, min(46, room / Double(max(1, lanes.columns.count - gaps))))
        var xs: [Int: Double] = [:]
        var x = Self.left
        var crashX: Double?
        var gapPlaces: [(count: Int, x: Double)] = []
        for (place, column) in lanes.columns.enumerated() {
            switch column {
            case .gap(let count):
                // What is left out at the end came after the power cut.
                if lanes.endsEarly && place + 1 == lanes.columns.count {
                    crashX = x + 10
                    x += 24
                }
                gapPlaces.append((count, x + Self.gapWidth / 2))
                x += Self.gapWidth
            case .event(let number):
                if let point = lanes.point, number >= point, crashX == nil {
                    x += 10
                    crashX = x
                    x += 10
                }
                xs[number] = x + columnWidth / 2
                x += columnWidth
            }
        }
        if lanes.point != nil && crashX == nil { crashX = min(x + 8, Self.width - 8) }
        self.xs = xs
        self.gapPlaces = gapPlaces
        self.crashX = crashX
    }

    private var height: Double { Self.top + Double(lanes.lanes.count) * Self.laneHeight + 34 }
    private var bottom: Double { Self.top + Double(lanes.lanes.count) * Self.laneHeight }
    private func base(_ lane: Int) -> Double { Self.top + Double(lane + 1) * Self.laneHeight - 9 }

    /// The picture.
    var svg: String {
        var parts = ["<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(height))\" role=\"img\" aria-label=\"Time lanes\">"]
        parts.append(Self.patterns)
        for index in lanes.lanes.indices { parts.append(laneBackground(index)) }
        parts.append(gaps)
        if let crashX {
            let size = "width=\"\(n(Self.width - crashX))\" height=\"\(n(bottom - 30))\""
            parts.append("<rect class=\"after\" x=\"\(n(crashX))\" y=\"30\" \(size)/>")
        }
        for column in lanes.columns {
            guard case .event(let number) = column, let x = xs[number] else { continue }
            let isAfter = lanes.point.map { number >= $0 } ?? false
            let title = "<title>\(HTMLText.escaped(tooltip(number)))</title>"
            parts.append("<g\(isAfter ? " class=\"never\"" : "")>\(title)\(glyph(number, x))</g>")
        }
        parts.append(axis)
        parts.append(crashLine)
        return parts.filter { !$0.isEmpty }.joined(separator: "\n") + "\n</svg>"
    }

    private static let patterns =
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
        + "patternTransform=\"rotate(45)\"><rect class=\"hatchback\" width=\"6\" height=\"6\"/>"
        + "<line class=\"hatchline\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern></defs>"

    /// A number with one digit behind the point.
    private func n(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private func laneBackground(_ index: Int) -> String {
        let lane = lanes.lanes[index]
        let y = base(index)
        let ends = "x1=\"\(n(Self.left - 8))\" y1=\"\(n(y))\" x2=\"\(n(Self.width))\" y2=\"\(n(y))\""
        var parts = ["<line class=\"rail\" \(ends)/>"]
        let name = HTMLText.escaped(Self.clipped(lane.path, 24))
        parts.append("<text class=\"lane\(lane.hasLoss ? " bad" : "")\" x=\"8\" y=\"\(n(y - 16))\">\(name)</text>")
        let kind = lane.isDirectory ? "names in this directory" : "file"
        parts.append("<text class=\"small\" x=\"8\" y=\"\(n(y - 2))\">\(kind)</text>")
        if let first = lane.firstUncertain, let x = xs[first], let crashX {
            let start = x - columnWidth / 2 - 2
            let box = "x=\"\(n(start))\" y=\"\(n(y - 44))\" width=\"\(n(crashX - start))\" height=\"44\""
            parts.append("<rect class=\"band\" \(box)/>")
        }
        return parts.joined(separator: "\n")
    }

    private static func clipped(_ path: String, _ count: Int) -> String {
        path.count <= count ? path : "..." + path.suffix(count - 3)
    }

    private var gaps: String {
        gapPlaces.map { count, x in
            let line = "<line class=\"gap\" x1=\"\(n(x))\" y1=\"34\" x2=\"\(n(x))\" y2=\"\(n(bottom))\"/>"
            let word = "<text class=\"small mid\" x=\"\(n(x))\" y=\"30\">+\(count)</text>"
            return "<g><title>\(count) events not drawn</title>\(line)\(word)</g>"
        }.joined(separator: "\n")
    }

    private var crashLine: String {
        guard let crashX else { return "" }
        return "<line class=\"crash\" x1=\"\(n(crashX))\" y1=\"26\" x2=\"\(n(crashX))\" y2=\"\(n(bottom + 4))\"/>"
            + "<text class=\"crashword mid\" x=\"\(n(min(crashX, Self.width - 44)))\" y=\"18\">power cut</text>"
    }

    private var axis: String {
        var parts: [String] = []
        var last = -100.0
        for column in lanes.columns {
            guard case .event(let number) = column, let x = xs[number] else { continue }
            let isBad = (lanes.changes[number]?.lostCount ?? 0) > 0
            guard x - last >= 26 || (isBad && x - last >= 18) else { continue }
            last = x
            let style = isBad ? "small mid bad" : "small mid"
            parts.append("<text class=\"\(style)\" x=\"\(n(x))\" y=\"\(n(bottom + 14))\">\(number)</text>")
        }
        parts.append("<text class=\"small\" x=\"8\" y=\"\(n(bottom + 14))\">event number, in order</text>")
        return parts.joined(separator: "\n")
    }

    private func tooltip(_ number: Int) -> String {
        let row = rows[number]
        let size = row.byteCount.map { ", \(HTMLText.size($0))" } ?? ""
        let place = row.offset.map { " at \($0)" } ?? ""
        let words = [row.what, row.path, row.meaning, row.outcome].filter { !$0.isEmpty }.joined(separator: " ")
        return "event \(number): \(words)\(place)\(size)"
    }

    // MARK: Glyphs

    private func glyph(_ number: Int, _ x: Double) -> String {
        switch events[number] {
        case .mark(let mark): markGlyph(mark, x)
        case .sync, .syncDirectory: barrier(number, x, hasFailed: false)
        case .syncFailed, .syncAbandoned, .syncDirectoryFailed: barrier(number, x, hasFailed: true)
        case .finish: ""
        case .change(let change), .start(let change):
            change.contentFile == nil ? diamond(number, x) : bar(number, x)
        }
    }

    private func markGlyph(_ mark: SimulatedMark, _ x: Double) -> String {
        switch mark {
        case .note: return ""
        case .issued(let commit):
            // In narrow columns the number would stand behind that of the commit before.
            let word = "<text class=\"small mid\" x=\"\(n(x))\" y=\"52\">\(commit)</text>"
            return (columnWidth < 28 ? "" : word)
                + "<path class=\"issued\" d=\"M\(n(x - 4)) 58l4 6l4 -6z\"/>"
        case .acknowledged(let commit):
            let line = "<line class=\"ackline\" x1=\"\(n(x))\" y1=\"54\" x2=\"\(n(x))\" y2=\"\(n(bottom))\"/>"
            let width = Double(12 + 8 * "\(commit)".utf8.count)
            let pill = "x=\"\(n(x - width / 2))\" y=\"36\" width=\"\(n(width))\" height=\"18\" rx=\"9\""
            return line + "<rect class=\"ack\" \(pill)/>"
                + "<text class=\"ackword mid\" x=\"\(n(x))\" y=\"49\">\(commit)</text>"
        }
    }

    private func barrier(_ number: Int, _ x: Double, hasFailed: Bool) -> String {
        guard let lane = lanes.laneOfEvent[number] else { return "" }
        let y = base(lane)
        let style = hasFailed ? "barrier failed" : "barrier"
        let cap = hasFailed ? "<text class=\"small mid bad\" x=\"\(n(x))\" y=\"\(n(y - 46))\">failed</text>" : ""
        return "<line class=\"\(style)\" x1=\"\(n(x))\" y1=\"\(n(y - 44))\" x2=\"\(n(x))\" y2=\"\(n(y + 3))\"/>" + cap
    }

    private func diamond(_ number: Int, _ x: Double) -> String {
        guard let lane = lanes.laneOfEvent[number] else { return "" }
        let y = base(lane) - 16
        let change = lanes.changes[number]
        let style = change == nil ? "done" : (change?.lostCount ?? 0) > 0 ? "lost" : "kept"
        let cross = style == "lost" ? cross(x, y) : ""
        return "<path class=\"\(style)\" d=\"M\(n(x)) \(n(y - 9))l9 9l-9 9l-9 -9z\"/>" + cross
    }

    private func cross(_ x: Double, _ y: Double) -> String {
        "<path class=\"cross\" d=\"M\(n(x - 5)) \(n(y - 5))l10 10m0 -10l-10 10\"/>"
    }

    private func bar(_ number: Int, _ x: Double) -> String {
        guard let lane = lanes.laneOfEvent[number] else { return "" }
        let y = base(lane)
        let row = rows[number]
        let width = max(3, min(22, columnWidth - 3))
        let height = row.offset == nil ? 9 : Self.height(of: row.byteCount ?? 0)
        let hasLabel = columnWidth >= 30 || (lanes.changes[number]?.lostCount ?? 0) > 0
        let size = HTMLText.size(row.byteCount ?? 0)
        let label = hasLabel ? "<text class=\"size mid\" x=\"\(n(x))\" y=\"\(n(y - height - 4))\">\(size)</text>" : ""
        func rect(_ style: String, _ from: Double, _ to: Double) -> String {
            let box = "width=\"\(n(width))\" height=\"\(n(to - from))\""
            return "<rect class=\"\(style)\" x=\"\(n(x - width / 2))\" y=\"\(n(y - to))\" \(box)/>"
        }
        guard let change = lanes.changes[number], change.lostCount + change.keptCount > 0 else {
            return rect("done", 0, height) + label
        }
        if change.lostCount == 0 { return rect("kept", 0, height) + label }
        if change.keptCount == 0 { return rect("lost", 0, height) + cross(x, y - height / 2) + label }
        // Torn: both parts can be seen, whatever their share.
        let part = max(6, height * Double(change.keptCount) / Double(change.keptCount + change.lostCount))
        let top = max(height, part + 14)
        let word = "<text class=\"size mid\" x=\"\(n(x))\" y=\"\(n(y - top - 4))\">\(size)</text>"
        return rect("kept", 0, part) + rect("lost", part, top) + cross(x, y - (part + top) / 2) + word
    }

    /// The height of a bar: 4 more for every doubling of 512 bytes.
    private static func height(of byteCount: UInt64) -> Double {
        var height = 9.0
        var size: UInt64 = 512
        while size < byteCount && height < 36 {
            size *= 2
            height += 4
        }
        return height
    }
}
