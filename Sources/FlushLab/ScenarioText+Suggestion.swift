import RedoubtCommands

extension ScenarioText {
    /// Returns the problem of an entry whose key is none of `names`, and where it belongs or what was meant.
    func unknownKey(_ entry: Entry, in section: Section, names: [String]) -> ScenarioProblem {
        let what = "\(Self.quoted(entry.key)) is no key of \(section.title)"
        let remedy: String
        if let name = OptionNames.elsewhere[entry.key] {
            remedy = "write \(name)"
        } else if let place = places.first(where: { $0.keys.contains(entry.key) && $0.section != section.title }) {
            remedy = "it belongs to \(place.section)"
        } else {
            remedy = Self.suggestion(for: entry.key, among: names)
        }
        return problem(entry.line, entry.key, "\(what); \(remedy)")
    }

    /// Returns which of `words` are near to `word`, or all if none is.
    static func suggestion(for word: String, among words: [String]) -> String {
        let near = words.filter { isNear(word, $0) }
        return "there is " + (near.isEmpty ? words : near).joined(separator: ", ")
    }

    /// Whether one was written and the other meant: one contains the other, or they differ in at most two letters.
    ///
    /// Case and underscores do not count.
    static func isNear(_ left: String, _ right: String) -> Bool {
        let (left, right) = (letters(left), letters(right))
        // What nobody typed by hand is near to nothing.
        guard !left.isEmpty, left.count <= 64, right.count <= 64 else { return false }
        if min(left.count, right.count) >= 3, contains(left, right) || contains(right, left) { return true }
        return Suggestion.distance(left, right) <= (min(left.count, right.count) < 4 ? 1 : 2)
    }

    private static func letters(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter { $0 != UInt8(ascii: "_") }
    }

    private static func contains(_ long: [UInt8], _ short: [UInt8]) -> Bool {
        guard long.count >= short.count else { return false }
        return (0...(long.count - short.count)).contains { long[$0...].starts(with: short) }
    }
}
