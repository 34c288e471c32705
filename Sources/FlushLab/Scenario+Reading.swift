import RedoubtCore

extension Scenario {
    /// Reads the scenario called `name` from `text`; see ``ScenarioText`` for the form.
    ///
    /// What the text does not say is as in ``init()``. A device is looked up in `devices`, then among those shipped.
    /// Sizes are rounded down to pages. A phase that names a workload begins with that, others with `[workload]`; one
    /// without a name is called by its number.
    /// - Throws: A problem that names the line, what is wrong and what would be right.
    package init(name: String, text: String, devices: [DeviceModel] = []) throws(ScenarioProblem) {
        var source = try ScenarioText(file: name, text: text)
        source.places = Self.places
        try source.checkSections(once: Self.sections, many: ["phase"])
        self.init()
        self.name = name
        notes = source.notes
        try source.read(source.sections[0], into: &self, by: Self.topKeys)
        try findDevice(source, devices)
        if let data = source.section("data") {
            try Self.checkEither("pages", or: "size", data, source)
            try Self.checkEither("frames", or: "pool", data, source)
            try source.read(data, into: &self, by: Self.dataKeys)
        }
        if let redo = source.section("redo") { try source.read(redo, into: &self, by: Self.redoKeys) }
        if let machine = source.section("machine") { try source.read(machine, into: &self, by: Self.machineKeys) }
        if let options = source.section("options") { try readOptions(options, source) }
        try readPhases(source)
        try checkSizes(source)
    }

    /// The text that says all of it, and reads back to an equal value.
    ///
    /// Line breaks in names become blanks.
    package var text: String {
        var parts: [[String]] = []
        if !notes.isEmpty {
            let lines = notes.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            parts.append(lines.map { $0.isEmpty ? "#" : "# \(Substring($0))" })
        }
        parts.append(ScenarioText.lines(of: self, by: Self.topKeys))
        parts.append(["[data]"] + ScenarioText.lines(of: self, by: Self.dataKeys))
        parts.append(["[redo]"] + ScenarioText.lines(of: self, by: Self.redoKeys))
        parts.append(["[machine]"] + ScenarioText.lines(of: self, by: Self.machineKeys))
        parts.append(["[options]"] + OptionNames.all.map { "\($0.redoubt) = \($0.text(in: options))" })
        for (index, phase) in phases.enumerated() {
            let name = ScenarioText.oneLine(phase.name)
            let title = "[phase \(name.isEmpty ? "\(index + 1)" : name)]"
            parts.append([title] + ScenarioText.lines(of: phase, by: Phase.keys))
        }
        return parts.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private mutating func findDevice(_ source: ScenarioText, _ devices: [DeviceModel]) throws(ScenarioProblem) {
        let known = devices + DeviceModel.shipped
        if let found = known.first(where: { $0.name == device.name }) {
            device = found
            return
        }
        let names = known.map(\.name).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let message =
            "device is \(ScenarioText.quoted(device.name)), but no device is called so; there is "
            + names.joined(separator: ", ")
        throw source.problem(source.sections[0].entry("device")?.line ?? 0, "device", message)
    }

    private static func checkEither(
        _ one: String,
        or other: String,
        _ section: ScenarioText.Section,
        _ source: ScenarioText
    ) throws(ScenarioProblem) {
        guard let first = section.entry(one), let second = section.entry(other) else { return }
        let late = first.line > second.line ? first : second
        throw source.problem(late.line, late.key, "\(one) and \(other) say the same; keep one of the two")
    }

    // MARK: Options

    private mutating func readOptions(
        _ section: ScenarioText.Section,
        _ source: ScenarioText
    ) throws(ScenarioProblem) {
        var configuration = Configuration()
        configuration.flushing = options
        var entries: [String: ScenarioText.Entry] = [:]
        for entry in section.entries {
            guard let option = OptionNames.named(entry.key) else {
                let isForeign = entry.key.hasPrefix("innodb_")
                let names = isForeign ? OptionNames.all.compactMap(\.innodb) : Self.optionKeys
                throw source.unknownKey(entry, in: section, names: names)
            }
            if let first = entries[option.redoubt] {
                let message = "\(entry.key) is set in line \(first.line) already, as \(first.key); keep one of the two"
                throw source.problem(entry.line, entry.key, message)
            }
            entries[option.redoubt] = entry
            guard let value = option.redoubtValue(of: entry.value, under: entry.key) else {
                throw source.wrongValue(entry, option.innodbForm)
            }
            do throws(RedoubtError) {
                try configuration.set("flushing.\(option.redoubt)", to: value)
            } catch {
                throw Self.problem(error, option.redoubt, entry, section, source)
            }
        }
        do throws(RedoubtError) {
            try configuration.validate()
        } catch {
            // The option that the message begins with; perhaps one that the text does not set, but another forbids.
            let wrong = OptionNames.all.first { error.message.hasPrefix("flushing.\($0.redoubt) ") }?.redoubt ?? ""
            throw Self.problem(error, wrong, entries[wrong], section, source)
        }
        options = configuration.flushing
    }

    /// Returns what Redoubt says of an option, under the name that the text has for it.
    private static func problem(
        _ error: RedoubtError,
        _ option: String,
        _ entry: ScenarioText.Entry?,
        _ section: ScenarioText.Section,
        _ source: ScenarioText
    ) -> ScenarioProblem {
        let name = entry?.key ?? option
        let prefix = "flushing.\(option)"
        let rest = error.message.hasPrefix(prefix) ? error.message.dropFirst(prefix.count) : error.message[...]
        let limits = ["ioCapacityMaximum": "ioCapacity", "dirtyPagePercentLowWater": "dirtyPagePercentMaximum"]
        let relation = limits[option].map { "; it depends on \($0)" } ?? ""
        let remedy = entry == nil ? "; set it as well" : ""
        return source.problem(entry?.line ?? section.line, name, "\(name)\(rest)\(relation)\(remedy)")
    }

    // MARK: Phases and relations

    private mutating func readPhases(_ source: ScenarioText) throws(ScenarioProblem) {
        var usual = Workload()
        if let section = source.section("workload") { try source.read(section, into: &usual, by: Workload.keys) }
        var total = 0.0
        for section in source.sections where section.kind == "phase" {
            guard phases.count < Self.phaseLimit else {
                let message = "there are more than \(Self.phaseLimit) phases; join some"
                throw source.problem(section.line, "phase", message)
            }
            var phase = Phase()
            phase.name = section.name.isEmpty ? "\(phases.count + 1)" : section.name
            phase.workload = usual
            try source.read(section, into: &phase, by: Phase.keys)
            if let end = section.entry("endRate"), phase.rate == nil {
                let message = "endRate is \(ScenarioText.quoted(end.value)), but rate is maximum; set rate as well"
                throw source.problem(end.line, "endRate", message)
            }
            total += phase.seconds
            guard total <= Self.longestTime else {
                let line = section.entry("seconds")?.line ?? section.line
                throw source.problem(line, "seconds", "seconds of all phases are more than 24 h; shorten them")
            }
            phases.append(phase)
        }
        guard !phases.isEmpty else {
            throw source.problem(0, "phase", "there is no phase; add [phase steady], and below it seconds = 60")
        }
    }

    private func checkSizes(_ source: ScenarioText) throws(ScenarioProblem) {
        let data = source.section("data")
        guard frameCount / instanceCount >= Self.instanceFrameMinimum else {
            let entry = data?.entry("instances") ?? data?.entry("pool") ?? data?.entry("frames")
            let most = frameCount / Self.instanceFrameMinimum
            let message =
                "instances is \(instanceCount), but must be in 1...\(most): each has at least "
                + "\(Self.instanceFrameMinimum) of the \(frameCount) frames"
            throw source.problem(entry?.line ?? 0, "instances", message)
        }
        let needed = Double(pageCount) * Double(Self.pageBytes) + Double(redoCapacity)
        guard needed <= device.size else {
            let entry = data?.entry("size") ?? data?.entry("pages") ?? source.section("redo")?.entry("capacity")
            let (key, size) = (entry?.key ?? "device", ScenarioText.Quantity.size.text(of: device.size))
            let message =
                "\(key) is too large: data and redo are \(ScenarioText.Quantity.size.text(of: needed)), but "
                + "the device \(ScenarioText.quoted(device.name)) holds \(size)"
            throw source.problem(entry?.line ?? source.sections[0].entry("device")?.line ?? 0, key, message)
        }
    }
}
