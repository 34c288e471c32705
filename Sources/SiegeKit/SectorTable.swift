import RedoubtSimulation

/// The sectors of what no sync had covered, one square each, by what became of them.
struct SectorTable {
    private let scene: CrashScene
    private let rows: [TraceListing.Row]
    /// The changes shown, those of which something was lost first.
    private static let changeLimit = 40
    private static let squareLimit = 256

    init(_ scene: CrashScene, _ rows: [TraceListing.Row]) {
        self.scene = scene
        self.rows = rows
    }

    /// The section.
    var html: String {
        let ordered = scene.changes.filter { $0.lostCount > 0 } + scene.changes.filter { $0.lostCount == 0 }
        let lines = ordered.prefix(Self.changeLimit).sorted { $0.event < $1.event }.map(line)
        let left = ordered.count - lines.count
        let note =
            left > 0 ? "<p class=\"small\">\(HTMLText.count(left, "change")) more, all kept or replaced.</p>" : ""
        return """
            <section>
            <h2>Sector by sector: everything that no sync had covered</h2>
            \(HTMLLegend.sectors)
            <table class="sectors">
            <tr><th class="r">event</th><th>what</th><th>became</th><th>each square is a sector of 512 bytes</th></tr>
            \(lines.joined(separator: "\n"))
            </table>
            \(note)
            </section>
            """
    }

    private func line(_ change: CrashScene.Change) -> String {
        let row = rows[change.event]
        let place = row.offset.map { ", offset \($0)" } ?? ""
        let size = row.byteCount.map { ", \(HTMLText.size($0))" } ?? ""
        let meaning = row.meaning.isEmpty ? "" : "<br><span class=\"small\">\(HTMLText.escaped(row.meaning))</span>"
        let style = change.lostCount > 0 ? "bad" : change.keptCount > 0 ? "good" : ""
        let what = "<b>\(HTMLText.escaped(row.what))</b> \(HTMLText.escaped(row.path))\(place)\(size)\(meaning)"
        return "<tr><td class=\"r\">\(change.event)</td><td>\(what)</td>"
            + "<td class=\"\(style)\">\(HTMLText.escaped(change.outcome))</td><td>\(squares(change))</td></tr>"
    }

    private func squares(_ change: CrashScene.Change) -> String {
        var result = "<span class=\"grid\">"
        for part in change.parts.prefix(Self.squareLimit) {
            if let bytes = part.bytes {
                let width = bytes.count > 512 ? " page" : ""
                let title = "bytes \(bytes.lowerBound)..&lt;\(bytes.upperBound): \(part.fate.rawValue)"
                result += "<i class=\"\(part.fate.rawValue)\(width)\" title=\"\(title)\"></i>"
            } else {
                let word = change.change.contentFile == nil ? "name" : "size"
                result += "<i class=\"word \(part.fate.rawValue)\" title=\"\(part.fate.rawValue)\">\(word)</i>"
            }
        }
        let left = change.parts.count - Self.squareLimit
        return result + (left > 0 ? " and \(left) more" : "") + "</span>"
    }
}
