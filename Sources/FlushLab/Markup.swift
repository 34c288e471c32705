/// Pieces of a page; whatever comes from outside goes through ``escaped(_:)``.
enum Markup {
    /// Returns `text` so that a browser shows it, and obeys none of it, within an element or an attribute in quotes.
    ///
    /// Control characters, and marks that turn the direction of what follows, become blanks.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x26, 0x27, 0x3C, 0x3E: result += "&#\(scalar.value);"
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns a table: the first cell of each row is its heading.
    ///
    /// Cells are markup.
    static func table(_ name: String, head: [String], rows: [[String]]) -> String {
        let first = head.enumerated().map { number, cell in
            number == 0 ? "<th>\(cell)</th>" : "<th class=\"r\" scope=\"col\">\(cell)</th>"
        }
        let body = rows.map { row in
            let cells = row.dropFirst().map { "<td class=\"r\">\($0)</td>" }.joined()
            return "<tr><th scope=\"row\">\(row.first ?? "")</th>\(cells)</tr>"
        }
        return "<div class=\"scroll\"><table class=\"\(name)\">\n<thead><tr>\(first.joined())</tr></thead>\n<tbody>\n"
            + body.joined(separator: "\n") + "\n</tbody></table></div>"
    }

    /// Returns a remark; it is escaped.
    static func hint(_ text: String) -> String { "<p class=\"hint\">\(escaped(text))</p>" }

    /// Returns the marks of colours with what they stand for.
    static func legend(_ entries: [(style: String, name: String)]) -> String {
        let items = entries.map { "<li><i class=\"\($0.style)\"></i>\(escaped($0.name))</li>" }
        return items.isEmpty ? "" : "<ul class=\"legend\">\(items.joined())</ul>"
    }
}
