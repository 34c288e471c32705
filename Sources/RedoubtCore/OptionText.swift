/// A kind of value that an option can have, and how it is written as text.
protocol OptionText {
    /// The value that `optionText` describes, or nil if it describes none.
    init?(optionText: String)
    /// The value as a text that describes it.
    var optionText: String { get }
    /// What a text must look like.
    static var optionForm: String { get }
}

extension Configuration {
    /// The names of all options, such as "flushing.policy".
    public static var optionNames: [String] { ConfigurationOption.all.map(\.name) }

    /// Gives the option called `name` the value that `text` describes.
    ///
    ///     try configuration.set("memory", to: "64 MiB")
    ///
    /// A size is a number of bytes or has a unit (B, KiB, MiB, GiB), a switch is true or false, a choice is its name, a
    /// time has a unit (ms, s). Ranges are checked by ``validate()``.
    /// - Throws: `.invalidConfiguration` if there is no such option, or `text` is no value of it.
    public mutating func set(_ name: String, to text: String) throws(RedoubtError) {
        let option = try Self.option(name)
        guard option.set(&self, text) else {
            throw RedoubtError(.invalidConfiguration, "\(name) is \"\(text)\", but must be \(option.form)")
        }
    }

    /// Returns the value of the option called `name` as a text that ``set(_:to:)`` takes.
    ///
    /// - Throws: `.invalidConfiguration` if there is no such option.
    public func text(of name: String) throws(RedoubtError) -> String { try Self.option(name).text(self) }

    private static func option(_ name: String) throws(RedoubtError) -> ConfigurationOption {
        if let option = ConfigurationOption.all.first(where: { $0.name == name }) { return option }
        let near = ConfigurationOption.all.map(\.name).filter { $0.hasSuffix(".\(name)") || $0.hasPrefix("\(name).") }
        let hint = near.isEmpty ? "" : "; there is " + near.joined(separator: ", ")
        throw RedoubtError(.invalidConfiguration, "there is no option called \"\(name)\"\(hint)")
    }
}

extension OptionText where Self: CaseIterable {
    init?(optionText: String) {
        guard let value = Self.allCases.first(where: { "\($0)" == optionText }) else { return nil }
        self = value
    }

    var optionText: String { "\(self)" }

    static var optionForm: String { "one of " + allCases.map { "\($0)" }.joined(separator: ", ") }
}

extension Durability: OptionText {}
extension FlushingPolicy: OptionText {}
extension Configuration.RedoLog.Shape: OptionText {}
extension Configuration.Neighbours: OptionText {}
extension Configuration.Doublewrite: OptionText {}

extension Bool: OptionText {
    init?(optionText: String) { self.init(optionText) }
    var optionText: String { self ? "true" : "false" }
    static var optionForm: String { "true or false" }
}

extension Int: OptionText {
    init?(optionText: String) { self.init(optionText) }
    var optionText: String { String(self) }
    static var optionForm: String { "a whole number" }
}

extension ByteCount: OptionText {
    init?(optionText: String) {
        let units = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        guard let (number, unit) = split(optionText), let factor = units[unit] else { return nil }
        let (count, isTooLarge) = number.multipliedReportingOverflow(by: factor)
        if isTooLarge { return nil }
        self.init(rawValue: count)
    }

    var optionText: String { description }
    static var optionForm: String { "a size such as 4096, 512 KiB, 64 MiB or 2 GiB" }
}

extension ByteCount?: OptionText {
    init?(optionText: String) {
        if optionText == "none" {
            self = .none
        } else if let count = ByteCount(optionText: optionText) {
            self = .some(count)
        } else {
            return nil
        }
    }

    var optionText: String { map(\.optionText) ?? "none" }
    static var optionForm: String { "none, or " + ByteCount.optionForm }
}

extension Configuration.IOCapacity: OptionText {
    init?(optionText: String) {
        if optionText == "automatic" {
            self = .automatic
        } else if let pages = Int(optionText) {
            self = .pagesPerSecond(pages)
        } else {
            return nil
        }
    }

    var optionText: String { pagesPerSecond.map { String($0) } ?? "automatic" }
    static var optionForm: String { "automatic, or a number of pages per second" }
}

extension Duration: OptionText {
    init?(optionText: String) {
        guard let (number, unit) = split(optionText) else { return nil }
        switch unit {
        case "s": self = .seconds(number)
        case "ms": self = .milliseconds(number)
        default: return nil
        }
    }

    var optionText: String {
        let (seconds, rest) = components
        if rest == 0 { return "\(seconds) s" }
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000).partialValue
        return "\(milliseconds &+ rest / 1_000_000_000_000_000) ms"
    }

    static var optionForm: String { "a time such as 500 ms or 30 s" }
}

/// The number at the beginning of `text` and the unit behind it, with or without a space between.
private func split(_ text: String) -> (number: Int, unit: String)? {
    let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard let number = Int(String(Substring(digits))) else { return nil }
    let rest = text.utf8.dropFirst(digits.count)
    let unit = rest.first == UInt8(ascii: " ") ? rest.dropFirst() : rest
    if rest.count != unit.count, unit.isEmpty { return nil }
    return (number, String(Substring(unit)))
}
