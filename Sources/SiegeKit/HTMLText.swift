/// Text on its way into a page.
enum HTMLText {
    /// Returns `text` so that a browser shows it and takes none of it for markup; control characters become spaces.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 32 || scalar.value == 127: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns `count` bytes in few characters: "512 B", "4 KiB", "1.5 MiB".
    static func size(_ count: UInt64) -> String {
        var unit = 0
        var whole = count
        var tenths: UInt64 = 0
        while whole >= 1024 && unit < 3 {
            tenths = whole % 1024 * 10 / 1024
            whole /= 1024
            unit += 1
        }
        let number = tenths == 0 || whole >= 100 ? "\(whole)" : "\(whole).\(tenths)"
        return number + [" B", " KiB", " MiB", " GiB"][unit]
    }

    /// Returns "1 write", "3 writes".
    static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
