extension DeviceModel {
    private typealias Key = ScenarioText.Key<DeviceModel>

    /// Reads the device called `name` from `text`: the properties of ``DeviceModel`` with units, no sections.
    ///
    /// What the text does not say is as in ``init()``, which caps nothing and never stalls; but the times of its
    /// operations must be said. See ``ScenarioText`` for the form.
    /// - Throws: A problem that names the line, what is wrong and what would be right.
    package init(name: String, text: String) throws(ScenarioProblem) {
        let source = try ScenarioText(file: name, text: text)
        try source.checkSections(once: [], many: [])
        self.init()
        self.name = name
        let section = source.sections[0]
        try source.read(section, into: &self, by: Self.keys)
        for key in requiredKeys where section.entry(key) == nil {
            let message = "\(key) is missing; a device \(hasHeads ? "with heads" : "without heads") must say it"
            throw source.problem(0, key, message)
        }
        try check(section, source)
    }

    /// The text that says all of it, and reads back to an equal value.
    ///
    /// What is as in ``init()`` is left out where it need not be said. Line breaks in the title become blanks.
    package var text: String {
        let usual = DeviceModel()
        let required = requiredKeys
        let lines = Self.keys.compactMap { key -> String? in
            guard let value = key.text(self) else { return nil }
            return required.contains(key.name) || value != key.text(usual) ? "\(key.name) = \(value)" : nil
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What every text must say: with heads the time of an operation is that of the way to it.
    private var requiredKeys: [String] {
        let times = hasHeads ? ["longestSeek", "shortestSeek", "rotation"] : ["channels", "readTime", "writeTime"]
        return times + ["flushTime", "bandwidth"]
    }

    private static let keys: [Key] = [
        .words("title", \.title),
        .count("channels", \.channels, 1...1024),
        .amount("readTime", \.readTime, .time, 100...10e9),
        .amount("writeTime", \.writeTime, .time, 100...10e9),
        .amount("flushTime", \.flushTime, .time, 0...10e9),
        .amount("spread", \.spread, .number, 0...2),
        .count("stallEvery", \.stallEvery, 0...1_000_000_000),
        .amount("stallTime", \.stallTime, .time, 0...60e9),
        .amount("bandwidth", \.bandwidth, .bandwidth, 100e3...1e12, orZero: true),
        .amount("readRate", \.readRate, .rate, 1...1e9, orZero: true),
        .amount("writeRate", \.writeRate, .rate, 1...1e9, orZero: true),
        .amount("readLoad", \.readLoad, .time, 100...10e9, orZero: true),
        .amount("writeLoad", \.writeLoad, .time, 100...10e9, orZero: true),
        .amount("operationRate", \.operationRate, .rate, 1...1e9, orZero: true),
        .amount("burst", \.burst, .number, 1...1e12, orZero: true),
        .amount("burstRate", \.burstRate, .rate, 1...1e9, orZero: true),
        .amount("longestSeek", \.longestSeek, .time, 0...1e9),
        .amount("shortestSeek", \.shortestSeek, .time, 0...1e9),
        .amount("rotation", \.rotation, .time, 0...1e9),
        .amount("endurance", \.endurance, .size, 1e9...1e18, orZero: true),
        .amount("size", \.size, .size, 64e6...1e15),
    ]

    /// Checks what one value says of another.
    private func check(_ section: ScenarioText.Section, _ source: ScenarioText) throws(ScenarioProblem) {
        func require(_ holds: Bool, _ key: String, _ message: String) throws(ScenarioProblem) {
            if !holds { throw source.problem(section.entry(key)?.line ?? 0, key, "\(key) \(message)") }
        }
        try require(stallEvery == 0 || stallTime > 0, "stallEvery", "is set without stallTime; set both or neither")
        try require(stallTime == 0 || stallEvery > 0, "stallTime", "is set without stallEvery; set both or neither")
        try require(burst == 0 || operationRate > 0, "burst", "is set without operationRate, which it exceeds")
        try require(burstRate == 0 || burst > 0, "burstRate", "is set without burst; set both or neither")
        try require(burst == 0 || burstRate > operationRate, "burst", "needs a burstRate above operationRate")
        try require(hasHeads || shortestSeek == 0, "shortestSeek", "is set without longestSeek; set both or neither")
        try require(hasHeads || rotation == 0, "rotation", "is set without longestSeek; set both or neither")
        try require(shortestSeek <= longestSeek, "shortestSeek", "is more than longestSeek; it must be at most that")
        try require(!hasHeads || bandwidth > 0, "bandwidth", "is 0; with heads it must be that of reading in order")
    }
}
