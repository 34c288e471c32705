import RedoubtCore

extension Scenario {
    /// Gives a key another value, as if the file said so; keys of phases and workloads get it in every phase.
    ///
    ///     try scenario.set("innodb_io_capacity", to: "5000")
    ///     try scenario.set("pool", to: "1 GiB")
    ///
    /// - Throws: A problem without a line if there is no such key, the value is none, or it does not go with the rest.
    package mutating func set(
        _ key: String,
        to value: String,
        devices: [DeviceModel] = []
    ) throws(ScenarioProblem) {
        let name = OptionNames.named(key)?.redoubt ?? key
        guard let place = Self.places.first(where: { $0.section != "[workload]" && $0.keys.contains(name) }) else {
            let names = Self.places.flatMap(\.keys)
            let hint = OptionNames.elsewhere[key].map { "write \($0)" }
            let remedy = hint ?? ScenarioText.suggestion(for: key, among: names)
            throw problem(key, "there is no key \(ScenarioText.quoted(key)); \(remedy)")
        }
        // As InnoDB does, for who raises the one means the other not to be below.
        if name == "ioCapacity", let pages = Int(value), pages > options.ioCapacityMaximum {
            options.ioCapacityMaximum = pages
        }
        let text = replacing(name, in: place.section, by: "\(key) = \(ScenarioText.oneLine(value))")
        do throws(ScenarioProblem) {
            self = try Scenario(name: self.name, text: text, devices: [device] + devices)
        } catch {
            // The line is one of a text that nobody has seen.
            throw problem(error.key, error.message)
        }
    }

    private func problem(_ key: String, _ message: String) -> ScenarioProblem {
        ScenarioProblem(file: name, line: 0, key: key, message: message)
    }

    /// The text with `line` in every section of the kind `section`, in the place of what it had for `key`.
    private func replacing(_ key: String, in section: String, by line: String) -> String {
        var replaced = Set([key] + (Self.alternatives[key].map { [$0] } ?? []))
        // A named workload is all of its keys.
        if key == "workload" { replaced.formUnion(Workload.keys.map(\.name)) }
        var lines: [String] = []
        var isInside = section == "the top"
        if isInside { lines.append(line) }
        for present in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if present.hasPrefix("[") {
                isInside = present == section || (section == "[phase]" && present.hasPrefix("[phase"))
                lines.append(present)
                if isInside { lines.append(line) }
                continue
            }
            let name = present.split(separator: "=", maxSplits: 1).first.map { ScenarioText.oneLine(String($0)) } ?? ""
            if isInside && replaced.contains(name) && !present.hasPrefix("#") { continue }
            lines.append(present)
        }
        if section == "the top" {
            // The comment that a file begins with stays at its beginning.
            let notes = lines.dropFirst().prefix { $0.hasPrefix("#") }
            lines = Array(notes) + [""] + lines.prefix(1) + lines.dropFirst(1 + notes.count)
        }
        return lines.joined(separator: "\n")
    }

    /// Keys that say the same as others, of which only one may stand.
    private static let alternatives = ["size": "pages", "pages": "size", "pool": "frames", "frames": "pool"]
}
