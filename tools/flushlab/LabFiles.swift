import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore
import RedoubtSimulation

/// Where scenarios, devices and results come from, and where results go.
enum LabFiles {
    /// The most bytes of a scenario, and of a result.
    private static let textLimit = 1 << 20
    private static let resultLimit = 256 << 20
    /// The most bytes of a trace: a day of two looks a second.
    private static let traceLimit = 1 << 30

    /// Returns the scenario that `arguments` name, with the settings that they change.
    static func scenario(_ arguments: Arguments) throws(CommandFailure) -> Scenario {
        let word = arguments.operand("SCENARIO")
        var scenario: Scenario
        let known = try devices(arguments)
        if let shipped = ShippedScenario.named(word) {
            scenario = try understood { () throws(ScenarioProblem) in
                try Scenario(name: shipped.name, text: shipped.text, devices: known)
            }
        } else {
            guard word.contains(where: { $0 == "/" || $0 == "." }) else {
                let near = Suggestion.nearest(to: word, among: ShippedScenario.all.map(\.name))
                let advice = near.map { "did you mean \($0)?" } ?? "`flushlab scenarios` lists them."
                throw .usage(
                    "there is no scenario \"\(word)\"; \(advice) A file needs its path, such as ./\(word).scenario"
                )
            }
            let text = String(decoding: try bytes(of: word, most: textLimit), as: UTF8.self)
            scenario = try understood { () throws(ScenarioProblem) in
                try Scenario(name: stem(word), text: text, devices: known)
            }
        }
        try apply(arguments, to: &scenario, known)
        return scenario
    }

    /// Changes what the options of `arguments` say in `scenario`.
    static func apply(
        _ arguments: Arguments,
        to scenario: inout Scenario,
        _ known: [DeviceModel]
    ) throws(CommandFailure) {
        for (key, value) in try settings(arguments.option("set")) {
            try understood { () throws(ScenarioProblem) in try scenario.set(key, to: value, devices: known) }
        }
        if let name = arguments.option("device") {
            try understood { () throws(ScenarioProblem) in try scenario.set("device", to: name, devices: known) }
        }
        if let names = arguments.option("policies") {
            try understood { () throws(ScenarioProblem) in try scenario.set("policies", to: names) }
        }
        if let seed = arguments.option("seed") {
            try understood { () throws(ScenarioProblem) in try scenario.set("seed", to: seed) }
        }
    }

    /// Returns the trace in the file at `path`.
    static func trace(_ path: String) throws(CommandFailure) -> LoadTrace {
        let bytes = try bytes(of: path, most: traceLimit)
        return try understood { () throws(ScenarioProblem) in try LoadTrace(jsonLines: bytes, file: path) }
    }

    /// Returns the devices in the folder that `arguments` name.
    static func devices(_ arguments: Arguments) throws(CommandFailure) -> [DeviceModel] {
        guard let folder = arguments.option("devices") else { return [] }
        guard let directory = unsafe opendir(folder) else { throw failure("read", folder) }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".device") { names.append(name) }
        }
        var found: [DeviceModel] = []
        for name in names.sorted() {
            let text = String(decoding: try bytes(of: "\(folder)/\(name)", most: textLimit), as: UTF8.self)
            found.append(
                try understood { () throws(ScenarioProblem) in try DeviceModel(name: stem(name), text: text) }
            )
        }
        return found
    }

    /// Returns keys and values of a text such as "ioCapacity=200; pool=1 GiB".
    static func settings(_ text: String?) throws(CommandFailure) -> [(key: String, value: String)] {
        var found: [(String, String)] = []
        for part in (text ?? "").split(separator: ";") {
            let sides = part.split(separator: "=", maxSplits: 1).map { trimmed(String($0)) }
            guard sides.count == 2 else {
                throw .usage("\"\(trimmed(String(part)))\" is no setting: write KEY=VALUE, with ; between several")
            }
            found.append((sides[0], sides[1]))
        }
        return found
    }

    /// Returns the result in the file at `path`.
    static func result(_ path: String) throws(CommandFailure) -> RunResult {
        let bytes = try bytes(of: path, most: resultLimit)
        return try understood { () throws(ScenarioProblem) in try RunResult(jsonLines: bytes, file: path) }
    }

    /// Returns the text of the file at `path`.
    static func text(of path: String) throws(CommandFailure) -> String {
        String(decoding: try bytes(of: path, most: resultLimit), as: UTF8.self)
    }

    /// Writes `text` to the file at `path`, whole or not at all.
    static func write(_ text: String, to path: String) throws(CommandFailure) {
        try explaining { () throws(RedoubtError) in try WholeFile.write(Array(text.utf8), to: path) }
    }

    /// Turns a problem of a text into a failure of the command.
    static func understood<Result>(_ body: () throws(ScenarioProblem) -> Result) throws(CommandFailure) -> Result {
        do throws(ScenarioProblem) {
            return try body()
        } catch {
            throw .usage("\(error)")
        }
    }

    /// `text` without blanks at its ends.
    static func trimmed(_ text: String) -> String {
        var rest = text[...]
        while rest.first?.isWhitespace ?? false { rest.removeFirst() }
        while rest.last?.isWhitespace ?? false { rest.removeLast() }
        return String(rest)
    }

    /// The name of a file without its folders and its ending.
    static func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.split(separator: ".").first.map(String.init) ?? name
    }

    /// Returns the content of the file at `path`, of at most `most` bytes.
    static func bytes(of path: String, most: Int) throws(CommandFailure) -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { throw failure("read", path) }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&piece, 1, piece.count, file)
            bytes += piece[..<count]
            guard bytes.count <= most else {
                throw .usage("\(path) has more than \(most >> 20) MiB, which is the most that is read")
            }
            if count < piece.count { break }
        }
        guard unsafe ferror(file) == 0 else { throw failure("read", path) }
        return bytes
    }

    private static func failure(_ verb: String, _ path: String) -> CommandFailure {
        CommandFailure(code: .failure, message: "\(path): cannot \(verb): \(unsafe String(cString: strerror(errno)))")
    }
}
