/// One object of JSON in one line, whose fields are texts, numbers or truth values and nothing deeper.
///
/// Reading is strict: what it does not know, or meets twice, is an error, for it would otherwise be lost unseen.
struct FlatJSON {
    /// What a field holds; numbers as they are written.
    enum Value: Equatable {
        case text(String)
        case number(String)
        case flag(Bool)
    }

    /// Where a line stands, for problems.
    struct Place {
        /// The name of its file.
        let file: String
        /// Its number, from 1.
        let line: Int

        /// Returns a problem with the line, or with the field `key` of it.
        func problem(_ message: String, key: String = "") -> ScenarioProblem {
            ScenarioProblem(file: file, line: line, key: key, message: message)
        }
    }

    /// Where it stands.
    let place: Place
    private let fields: [(name: String, value: Value)]
    /// How many were taken, which is where the next one stands if the writer has the same order.
    private var takenCount = 0

    /// Reads the line that stands at `place`; fields that are objects are a problem, or left out if `skipsObjects`.
    init(_ bytes: ArraySlice<UInt8>, at place: Place, skipsObjects: Bool = false) throws(ScenarioProblem) {
        self.place = place
        var reader = FlatJSONReader(bytes, at: place, skipsObjects: skipsObjects)
        fields = try reader.fields()
    }

    /// Takes the field called `name`.
    private mutating func take(_ name: String) throws(ScenarioProblem) -> Value {
        let guess = takenCount < fields.count && fields[takenCount].name == name ? takenCount : nil
        guard let index = guess ?? fields.firstIndex(where: { $0.name == name }) else {
            throw place.problem("there is no field \"\(name)\"; the line is not of this kind of file", key: name)
        }
        takenCount += 1
        return fields[index].value
    }

    /// Takes a text.
    mutating func takeText(_ name: String) throws(ScenarioProblem) -> String {
        guard case .text(let text) = try take(name) else {
            throw place.problem("\(name) is no text, but must be one in double quotes", key: name)
        }
        return text
    }

    /// Takes a truth value.
    mutating func takeFlag(_ name: String) throws(ScenarioProblem) -> Bool {
        guard case .flag(let flag) = try take(name) else {
            throw place.problem("\(name) must be true or false", key: name)
        }
        return flag
    }

    /// Takes a whole number of at least 0, by default up to 2^53, so that sums of many fit an Int.
    mutating func takeCount<Number: FixedWidthInteger>(
        _ name: String,
        upTo most: Number = 1 << 53
    ) throws(ScenarioProblem) -> Number {
        guard case .number(let text) = try take(name), let count = Number(text), count >= 0, count <= most else {
            throw place.problem("\(name) must be a whole number in 0...\(most)", key: name)
        }
        return count
    }

    /// Takes a number of at least 0.
    mutating func takeNumber(_ name: String) throws(ScenarioProblem) -> Double {
        guard case .number(let text) = try take(name), let number = Double(text), number.isFinite, number >= 0 else {
            throw place.problem("\(name) must be a number of at least 0", key: name)
        }
        return number
    }

    /// Throws if there is a field that was not taken.
    ///
    /// - Precondition: No field was taken twice.
    func checkIsTaken() throws(ScenarioProblem) {
        guard takenCount == fields.count else {
            let known = takenCount
            throw place.problem("there are \(fields.count) fields, but \(known) are known; take out what was put in")
        }
    }

    // MARK: Writing

    /// Returns `text` as a string of JSON.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: result += "\\\(scalar)"
            case 0x0A: result += "\\n"
            // What a terminal obeys, and the ends of lines that some readers split at.
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Returns `number` so that reading gives the same one; null, which no reading takes, if it has no digits.
    static func text(_ number: Double) -> String { number.isFinite ? "\(number)" : "null" }
}
