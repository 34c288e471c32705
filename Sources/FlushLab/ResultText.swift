import RedoubtCore

/// A run as lines of JSON and as CSV, a line for every tenth of a second.
///
/// The first line of JSON says what was run: scenario and device as texts, so that the file needs no other. Samples
/// follow under the names of their properties: times of commits are milliseconds, waits nanoseconds, the rest pages and
/// bytes. CSV has the same columns.
enum ResultText {
    /// What the first line calls the kind of file.
    static let format = "flushlab run"
    /// What changes whenever an older reader would take the file for something else.
    static let version = 1

    /// A field of samples.
    struct Column: Sendable {
        /// Where its value is.
        enum Place: Sendable {
            case count(any WritableKeyPath<Sample, Int> & Sendable)
            case number(any WritableKeyPath<Sample, Double> & Sendable)
        }

        let name: String
        let place: Place

        private init(_ name: String, _ place: Place) {
            (self.name, self.place) = (name, place)
        }

        /// All but the state of back-pressure, which comes last and is a word.
        static let all = [
            Column("time", .number(\.time)),
            Column("transactions", .count(\.transactions)),
            Column("p99", .number(\.p99)),
            Column("longest", .number(\.longest)),
            Column("checkpointAge", .count(\.checkpointAge)),
            Column("redoAge", .count(\.redoAge)),
            Column("dirty", .count(\.dirty)),
            Column("free", .count(\.free)),
            Column("reads", .count(\.reads)),
            Column("writesActive", .count(\.writesActive)),
            Column("writesIdle", .count(\.writesIdle)),
            Column("writesSync", .count(\.writesSync)),
            Column("writesLRU", .count(\.writesLRU)),
            Column("writesNeighbours", .count(\.writesNeighbours)),
            Column("redo", .count(\.redo)),
            Column("deviceBytes", .count(\.deviceBytes)),
            Column("queue", .number(\.queue)),
            Column("waitFrames", .number(\.waitFrames)),
            Column("waitRedo", .number(\.waitRedo)),
            Column("waitAdmission", .number(\.waitAdmission)),
            Column("waitReads", .number(\.waitReads)),
            Column("waitCommit", .number(\.waitCommit)),
        ]

        /// Returns its value in `sample`.
        func text(in sample: Sample) -> String {
            switch place {
            case .count(let path): "\(sample[keyPath: path])"
            case .number(let path): FlatJSON.text(sample[keyPath: path])
            }
        }

        /// Takes its value from `line`.
        func read(_ line: inout FlatJSON, into sample: inout Sample) throws(ScenarioProblem) {
            switch place {
            case .count(let path): sample[keyPath: path] = try line.takeCount(name)
            case .number(let path): sample[keyPath: path] = try line.takeNumber(name)
            }
        }
    }
}

extension RunResult {
    /// The run as lines of JSON, which ``init(jsonLines:file:)`` reads.
    package var jsonLines: String {
        let what = [
            ("format", FlatJSON.quoted(ResultText.format)), ("version", "\(ResultText.version)"),
            ("scenario", FlatJSON.quoted(scenario.name)), ("seed", "\(scenario.seed)"),
            ("policy", FlatJSON.quoted(policy.rawValue)), ("isReal", "\(isReal)"),
            ("device", FlatJSON.quoted(scenario.device.name)), ("asyncLimit", "\(asyncLimit)"),
            ("syncLimit", "\(syncLimit)"), ("stopLimit", "\(stopLimit)"), ("sampleCount", "\(samples.count)"),
            ("scenarioText", FlatJSON.quoted(scenario.text)), ("deviceText", FlatJSON.quoted(scenario.device.text)),
        ]
        var text = "{" + what.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}\n"
        for sample in samples {
            text += "{"
            for column in ResultText.Column.all { text += "\"\(column.name)\":\(column.text(in: sample))," }
            text += "\"backPressure\":\"\(sample.backPressure.rawValue)\"}\n"
        }
        return text
    }

    /// The samples as CSV, the names of the columns first; a number that has no digits is an empty field.
    package var csv: String {
        let names = ResultText.Column.all.map(\.name) + ["backPressure"]
        var text = names.joined(separator: ",") + "\n"
        for sample in samples {
            for column in ResultText.Column.all {
                let value = column.text(in: sample)
                text += (value == "null" ? "" : value) + ","
            }
            text += sample.backPressure.rawValue + "\n"
        }
        return text
    }

    /// Reads what ``jsonLines`` wrote; `file` is what problems call it.
    ///
    /// - Throws: A problem, if a line is not of this form, a field is missing, unknown or out of its range, times do
    ///   not increase, or there are not as many samples as the first line says.
    package init(jsonLines bytes: [UInt8], file: String) throws(ScenarioProblem) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        guard let first = lines.first else {
            throw FlatJSON.Place(file: file, line: 0).problem("the file is empty; name one that flushlab run wrote")
        }
        var header = try FlatJSON(first, at: FlatJSON.Place(file: file, line: 1))
        let (result, count) = try Self.header(&header)
        try header.checkIsTaken()
        self = result
        guard lines.count - 1 == count else {
            let what = "the first line tells of \(count) samples, but \(lines.count - 1) lines follow"
            throw header.place.problem("\(what); take a file that is complete", key: "sampleCount")
        }
        var last = 0.0
        for (index, bytes) in lines.enumerated().dropFirst() {
            var line = try FlatJSON(bytes, at: FlatJSON.Place(file: file, line: index + 1))
            let sample = try Self.sample(&line)
            guard sample.time > last else {
                throw line.place.problem("time must be more than in the line before", key: "time")
            }
            last = sample.time
            samples.append(sample)
        }
    }

    /// Takes the first line: the run without samples, and how many there are.
    private static func header(
        _ line: inout FlatJSON
    ) throws(ScenarioProblem) -> (result: RunResult, sampleCount: Int) {
        guard try line.takeText("format") == ResultText.format else {
            throw line.place.problem("this is no run of flushlab; name a file that flushlab run wrote", key: "format")
        }
        let version: Int = try line.takeCount("version")
        guard version == ResultText.version else {
            let what = "the file is of version \(version), but this flushlab reads \(ResultText.version)"
            throw line.place.problem("\(what); run the scenario again", key: "version")
        }
        let name = try line.takeText("scenario")
        let seed: UInt64 = try line.takeCount("seed", upTo: .max)
        guard let policy = FlushingPolicy(rawValue: try line.takeText("policy")) else {
            let names = FlushingPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw line.place.problem("policy must be one of \(names)", key: "policy")
        }
        let isReal = try line.takeFlag("isReal")
        let deviceName = try line.takeText("device")
        let limits: (Int, Int, Int) = (
            try line.takeCount("asyncLimit"), try line.takeCount("syncLimit"), try line.takeCount("stopLimit")
        )
        let count: Int = try line.takeCount("sampleCount")
        let text = try line.takeText("scenarioText")
        let device = try DeviceModel(name: deviceName, text: try line.takeText("deviceText"))
        var result = RunResult(scenario: try Scenario(name: name, text: text, devices: [device]), policy: policy)
        // A run may have another seed than its file.
        result.scenario.seed = seed
        result.isReal = isReal
        (result.asyncLimit, result.syncLimit, result.stopLimit) = limits
        return (result, count)
    }

    private static func sample(_ line: inout FlatJSON) throws(ScenarioProblem) -> Sample {
        var sample = Sample()
        for column in ResultText.Column.all { try column.read(&line, into: &sample) }
        guard let state = BackPressure(rawValue: try line.takeText("backPressure")) else {
            let names = BackPressure.allCases.map(\.rawValue).joined(separator: ", ")
            throw line.place.problem("backPressure must be one of \(names)", key: "backPressure")
        }
        sample.backPressure = state
        try line.checkIsTaken()
        return sample
    }
}
