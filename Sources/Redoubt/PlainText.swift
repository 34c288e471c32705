/// Numbers and times as text, for reports.
package enum PlainText {
    /// `value` with `digits` decimal places.
    package static func fixed(_ value: Double, _ digits: Int = 2) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        if digits == 0 { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / scale)." + right("\(scaled % scale)", digits, with: "0")
    }

    /// `bytes` in the largest unit that leaves a number of at least one, such as "12.5 MiB".
    package static func bytes(_ bytes: Double) -> String {
        var value = bytes
        for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] {
            if value < 1024 { return fixed(value, unit == "B" ? 0 : value < 10 ? 2 : 1) + " " + unit }
            value /= 1024
        }
        return fixed(value, 1) + " EiB"
    }

    /// `nanoseconds` in the largest unit that leaves a number of at least one, such as "12.5 ms".
    package static func duration(_ nanoseconds: Double) -> String {
        if nanoseconds < 1000 { return fixed(nanoseconds, 0) + " ns" }
        if nanoseconds < 1e6 { return fixed(nanoseconds / 1e3, 1) + " us" }
        if nanoseconds < 1e9 { return fixed(nanoseconds / 1e6, 1) + " ms" }
        if nanoseconds < 120e9 { return fixed(nanoseconds / 1e9, 1) + " s" }
        let seconds = Int(min(nanoseconds / 1e9, 1e15))
        if seconds < 7200 { return "\(seconds / 60) min" }
        return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    }

    /// A time of day in UTC, such as "2026-11-21 09:23:06".
    package static func date(_ nanoseconds: UInt64) -> String {
        let seconds = Int(nanoseconds / 1_000_000_000)
        // Years that begin in March: the leap day is the last one.
        let day = seconds / 86400 + 719_468
        let era = day / 146_097
        let dayOfEra = day % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        func two(_ number: Int) -> String { right("\(number)", 2, with: "0") }
        let date = "\(year)-\(two(month))-\(two(dayOfYear - (153 * shifted + 2) / 5 + 1))"
        return date + " \(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }

    /// `text` with `fill` before it, up to `width` characters.
    package static func right(_ text: String, _ width: Int, with fill: Character = " ") -> String {
        String(repeating: fill, count: max(0, width - text.utf8.count)) + text
    }

    /// `text` with spaces behind it, up to `width` characters.
    package static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }
}
