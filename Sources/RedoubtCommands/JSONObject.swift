/// A JSON object, built field by field.
package struct JSONObject {
    private var fields: [String] = []

    /// An object without fields.
    package init() {}

    /// Adds a number.
    package mutating func add(_ name: String, _ number: some BinaryInteger) {
        fields.append("\(quoted(name)):\(number)")
    }

    /// Adds a truth value.
    package mutating func add(_ name: String, _ flag: Bool) { fields.append("\(quoted(name)):\(flag)") }

    /// Adds a text.
    package mutating func add(_ name: String, _ text: String) { fields.append("\(quoted(name)):\(quoted(text))") }

    /// Adds an object.
    package mutating func add(_ name: String, _ object: JSONObject) { fields.append("\(quoted(name)):\(object.text)") }

    /// Adds a list of objects.
    package mutating func add(_ name: String, _ objects: [JSONObject]) {
        fields.append("\(quoted(name)):[\(objects.map(\.text).joined(separator: ","))]")
    }

    /// Adds bytes: as a string if they are UTF-8, else as `{"hex":"..."}`.
    package mutating func add(_ name: String, bytes: [UInt8], hex: Bool) {
        if !hex, let text = String(validating: bytes, as: UTF8.self) { return add(name, text) }
        fields.append("\(quoted(name)):{\"hex\":\"\(Hexadecimal.text(bytes))\"}")
    }

    /// Adds a list of texts.
    package mutating func add(_ name: String, _ texts: [String]) {
        fields.append("\(quoted(name)):[\(texts.map(quoted).joined(separator: ","))]")
    }

    /// The object in one line.
    package var text: String { "{" + fields.joined(separator: ",") + "}" }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            // Also what a terminal obeys and JSON would let stand.
            case _ where VisibleText.isObeyed(scalar):
                result += "\\u" + Hexadecimal.text([UInt8(scalar.value >> 8), UInt8(scalar.value & 0xFF)])
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
