/// Numbers as people read them: few digits, and the unit that leaves few of them.
///
/// Every number has a text, and always the same: what is no number is "-", what has no end is "inf".
package enum NumberText {
    /// Returns `value` with `decimals` digits behind the point, 0...9.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        if value.isNaN { return "-" }
        let count = max(0, min(9, decimals))
        let scaled = ((0..<count).reduce(abs(value)) { product, _ in product * 10 }).rounded()
        // Beyond this a Double has no decimals that could be rounded.
        guard scaled < 0x1p53 else { return value.isFinite ? "\(value)" : value < 0 ? "-inf" : "inf" }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let digits = String(UInt64(scaled))
        if count == 0 { return sign + digits }
        let padded = String(repeating: "0", count: max(0, count + 1 - digits.utf8.count)) + digits
        return "\(sign)\(padded.dropLast(count)).\(padded.suffix(count))"
    }

    /// Returns `value` in three digits: "0", "0.25", "4.7", "950", "12.3k", "4.56M".
    package static func short(_ value: Double) -> String {
        guard value.isFinite else { return fixed(value, 0) }
        var rest = value
        for unit in ["", "k", "M", "G"] {
            if abs(rest) < 999.5 { return threeDigits(rest) + unit }
            rest /= 1000
        }
        return threeDigits(rest) + "T"
    }

    /// Returns `bytes` as a size: "512 B", "1.5 KiB", "96 MiB", "1.25 GiB".
    package static func size(_ bytes: Double) -> String {
        guard bytes.isFinite else { return fixed(bytes, 0) }
        var rest = bytes
        for unit in [" B", " KiB", " MiB", " GiB", " TiB"] {
            if abs(rest) < 1023.5 { return threeDigits(rest) + unit }
            rest /= 1024
        }
        return threeDigits(rest) + " PiB"
    }

    /// Returns `seconds` as a time: "250 us", "3.2 ms", "41.5 s", "4 min 10 s", "3 h 20 min", "12 days", "4.1 years".
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return fixed(seconds, 0) }
        let length = abs(seconds)
        if length == 0 { return "0 s" }
        if length < 0.9995e-6 { return threeDigits(seconds * 1e9) + " ns" }
        if length < 0.9995e-3 { return threeDigits(seconds * 1e6) + " us" }
        if length < 0.9995 { return threeDigits(seconds * 1e3) + " ms" }
        if length < 119.5 { return threeDigits(seconds) + " s" }
        if length < 7170 { return twoUnits(seconds, of: 1, "min", "s") }
        if length < 172_800 { return twoUnits(seconds, of: 60, "h", "min") }
        let days = seconds / 86400
        return length < 63_072_000 ? threeDigits(days) + " days" : threeDigits(days / 365.25) + " years"
    }

    /// Returns `share`, 1 being all, in percent: "0 %", "0.04 %", "12.3 %", "100 %".
    package static func percent(_ share: Double) -> String {
        guard share.isFinite else { return fixed(share, 0) }
        let value = share * 100
        return trimmed(fixed(value, abs(value) < 0.95 ? 2 : abs(value) < 99.95 ? 1 : 0)) + " %"
    }

    /// Returns how often something happened: "1 run", "3 runs".
    package static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// Returns the whole number nearest to `value` that an Int holds; 0 for what is no number.
    static func whole(_ value: Double) -> Int {
        Int(exactly: value.rounded()) ?? (value > 0 ? Int.max : value < 0 ? Int.min : 0)
    }

    private static func threeDigits(_ value: Double) -> String {
        let size = abs(value)
        let decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : size >= 0.00995 ? 3 : 4
        return trimmed(fixed(value, decimals))
    }

    /// Two whole numbers, of the unit that is 60 times `part` seconds and of that which is `part` seconds.
    private static func twoUnits(_ seconds: Double, of part: Double, _ large: String, _ small: String) -> String {
        let count = whole(abs(seconds) / part)
        let rest = count % 60 == 0 ? "" : " \(count % 60) \(small)"
        return "\(seconds < 0 ? "-" : "")\(count / 60) \(large)\(rest)"
    }

    /// `text` without zeros at its end that stand behind a point.
    private static func trimmed(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ".")), !text.utf8.contains(UInt8(ascii: "e")) else { return text }
        var rest = text[...]
        while rest.last == "0" { rest.removeLast() }
        if rest.last == "." { rest.removeLast() }
        return String(rest)
    }
}
