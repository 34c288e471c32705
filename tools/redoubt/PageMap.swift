import Redoubt
import RedoubtCommands
import RedoubtCore
import RedoubtEngine

/// Draws how full and how old the pages of a file are.
struct PageMap {
    private let file: PageFileView
    private let isJSON: Bool
    private var progress = Progress("read", of: "pages")

    /// The cells of a line: an extent, if a cell is a page.
    private static let columns: UInt64 = 64
    /// The lines of a map.
    private static let rowMaximum: UInt64 = 64

    init(_ file: PageFileView, isJSON: Bool) {
        self.file = file
        self.isJSON = isJSON
    }

    /// Some neighbouring pages.
    private struct Cell {
        var isDamaged = false
        var letter: Character?
        var fill = 0.0
        var fillCount = 0
        var lsn: UInt64 = 0

        mutating func add(_ page: PageFileView.Summary) {
            if page.fault != nil { isDamaged = true }
            if page.type != "never written" { lsn = max(lsn, page.lsn) }
            switch page.type {
            case "index", "part of a long value":
                fill += page.fill ?? 0
                fillCount += 1
            case "never written", "allocated": break
            case "space header": letter = "H"
            case "extent descriptors": letter = "X"
            case "change buffer bitmap": letter = letter ?? "B"
            case "segment inodes": letter = letter ?? "I"
            default: letter = letter ?? "?"
            }
        }

        var fillLetter: Character {
            if isDamaged { return "!" }
            if let letter { return letter }
            return fillCount == 0 ? "." : PageMap.digit(fill / Double(fillCount))
        }
    }

    /// A tenth as a digit.
    private static func digit(_ share: Double) -> Character { Character("\(min(9, max(0, Int(share * 10))))") }

    mutating func run() throws(CommandFailure) {
        // A cell is so many pages that the map fits on a few screens.
        var pagesPerCell: UInt64 = 1
        while file.pageCount > Self.columns * Self.rowMaximum * pagesPerCell { pagesPerCell *= 2 }
        var cells: [Cell] = []
        var counts: [String: Int] = [:]
        var fills: [String: Double] = [:]
        var damaged: [String] = []
        var emptyCount = 0
        var holes = FileHoles(file.path)
        for number in 0..<file.pageCount {
            if number % pagesPerCell == 0 { cells.append(Cell()) }
            // A file may be far larger than what is in it. In JSON every page has its line all the same.
            if !isJSON, holes.contain(number * 16384, byteCount: 16384) {
                emptyCount += 1
                continue
            }
            let page = try explaining { () throws(RedoubtError) in try file.summary(number) }
            if isJSON { printJSON(page) }
            cells[cells.count - 1].add(page)
            let name = page.level.map { $0 == 0 ? "leaf" : "index, level \($0)" } ?? page.type
            counts[name, default: 0] += 1
            fills[name, default: 0] += page.fill ?? 0
            if let fault = page.fault, damaged.count < 20 { damaged.append("page \(number): \(fault)") }
            if number % 16 == 0, progress.isDue() {
                progress.show(
                    rows: Int(number),
                    bytes: Int(number) * 16384,
                    share: Double(number) / Double(file.pageCount)
                )
            }
        }
        progress.clear()
        guard !isJSON else { return }
        if emptyCount > 0 { counts["never written", default: 0] += emptyCount }
        draw(cells, pagesPerCell)
        Output.print("")
        for (name, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            let isFilled = name.hasPrefix("leaf") || name.hasPrefix("index") || name.hasPrefix("part")
            let fill = isFilled ? ", \(PlainText.fixed(100 * (fills[name] ?? 0) / Double(count), 0)) % full" : ""
            Output.print("\(PlainText.right("\(count)", 8))  \(name)\(fill)")
        }
        for line in damaged { Output.print("DAMAGED \(line)") }
    }

    private func draw(_ cells: [Cell], _ pagesPerCell: UInt64) {
        let unit = pagesPerCell == 1 ? "a page" : "\(pagesPerCell) pages"
        Output.print("\(file.path): \(file.pageCount) pages, space \(file.space); each character is \(unit)")
        Output.print("\nfill: tenths, 9 is full; . free, H header, X descriptors, B bitmap, I inodes, ! damaged")
        draw(cells.map(\.fillLetter), pagesPerCell)
        let used = cells.map(\.lsn).filter { $0 > 0 }
        guard let oldest = used.min(), let newest = used.max() else { return }
        Output.print("\nage: last change, 0 at LSN \(oldest) to 9 at LSN \(newest); . before all redo, or never")
        let span = max(1, Double(newest - oldest))
        draw(
            cells.map { $0.lsn == 0 ? "." : Self.digit(Double($0.lsn - oldest) / span * 0.999) },
            pagesPerCell
        )
    }

    private func draw(_ letters: [Character], _ pagesPerCell: UInt64) {
        for start in stride(from: 0, to: letters.count, by: Int(Self.columns)) {
            let row = letters[start..<min(letters.count, start + Int(Self.columns))]
            Output.print(PlainText.right("\(UInt64(start) * pagesPerCell)", 10) + "  " + String(row))
        }
    }

    private func printJSON(_ page: PageFileView.Summary) {
        var object = JSONObject()
        object.add("page", page.number)
        object.add("type", page.type)
        if let level = page.level { object.add("level", level) }
        if let fill = page.fill { object.add("fillPercent", Int(fill * 100)) }
        object.add("lsn", page.lsn)
        if let fault = page.fault { object.add("fault", fault) }
        Output.print(object.text)
    }
}
