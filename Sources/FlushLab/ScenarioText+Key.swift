extension ScenarioText {
    /// A key that a section may have: how its value gets from text into a `Root`, and back.
    struct Key<Root: Sendable>: Sendable {
        /// What stands before "=".
        let name: String
        /// Takes a text as the value; returns what it must be if it is none, else nil.
        let read: @Sendable (inout Root, String) -> String?
        /// The value as text, nil if there is none to write.
        let text: @Sendable (Root) -> String?

        /// Creates a key that reads and writes in its own way.
        init(
            _ name: String,
            read: @escaping @Sendable (inout Root, String) -> String?,
            text: @escaping @Sendable (Root) -> String?
        ) {
            (self.name, self.read, self.text) = (name, read, text)
        }

        /// Returns the key for an `Outer` that has a `Root` at `path`.
        func inside<Outer: Sendable>(
            _ path: any WritableKeyPath<Outer, Root> & Sendable
        ) -> ScenarioText.Key<Outer> {
            let (innerRead, innerText) = (read, text)
            return ScenarioText.Key<Outer>(
                name,
                read: { outer, value in innerRead(&outer[keyPath: path], value) },
                text: { outer in innerText(outer[keyPath: path]) }
            )
        }

        /// Returns a key of a number in `range`, or of 0 if `orZero`.
        static func amount(
            _ name: String,
            _ path: any WritableKeyPath<Root, Double> & Sendable,
            _ quantity: Quantity,
            _ range: ClosedRange<Double>,
            orZero: Bool = false
        ) -> Self {
            Self(
                name,
                read: { root, text in
                    guard let value = quantity.value(of: text) else { return quantity.form }
                    guard range.contains(value) || (orZero && value == 0) else {
                        return (orZero ? "0 or " : "") + ScenarioText.text(of: range, quantity)
                    }
                    root[keyPath: path] = value
                    return nil
                },
                text: { quantity.text(of: $0[keyPath: path]) }
            )
        }

        /// Returns a key of a whole number in `range`.
        static func count(
            _ name: String,
            _ path: any WritableKeyPath<Root, Int> & Sendable,
            _ range: ClosedRange<Int>,
            _ quantity: Quantity = .number
        ) -> Self {
            Self(
                name,
                read: { root, text in
                    guard let value = quantity.value(of: text) else { return quantity.form }
                    let limits = Double(range.lowerBound)...Double(range.upperBound)
                    guard limits.contains(value) else { return ScenarioText.text(of: limits, quantity) }
                    guard let count = Int(exactly: value) else { return quantity.wholeForm }
                    root[keyPath: path] = count
                    return nil
                },
                text: { quantity.text(of: Double($0[keyPath: path])) }
            )
        }

        /// Returns a key of a switch.
        static func flag(_ name: String, _ path: any WritableKeyPath<Root, Bool> & Sendable) -> Self {
            Self(
                name,
                read: { root, text in
                    guard let value = Bool(text) else { return "true or false" }
                    root[keyPath: path] = value
                    return nil
                },
                text: { $0[keyPath: path] ? "true" : "false" }
            )
        }

        /// Returns a key of words, which are not written if there are none.
        static func words(_ name: String, _ path: any WritableKeyPath<Root, String> & Sendable) -> Self {
            Self(
                name,
                read: { root, text in
                    root[keyPath: path] = text
                    return nil
                },
                text: { root in
                    let line = ScenarioText.oneLine(root[keyPath: path])
                    return line.isEmpty ? nil : line
                }
            )
        }
    }

    /// Reads the entries of `section` into `root`, in the order of `keys`.
    func read<Root>(_ section: Section, into root: inout Root, by keys: [Key<Root>]) throws(ScenarioProblem) {
        let names = keys.map(\.name)
        for entry in section.entries where !names.contains(entry.key) {
            throw unknownKey(entry, in: section, names: names)
        }
        for key in keys {
            guard let entry = section.entry(key.name), let form = key.read(&root, entry.value) else { continue }
            throw wrongValue(entry, form)
        }
    }

    /// Returns the problem of an entry whose value should be `form`.
    func wrongValue(_ entry: Entry, _ form: String) -> ScenarioProblem {
        let comment = entry.value.utf8.contains(UInt8(ascii: "#")) ? "; a comment has a line of its own" : ""
        let message = "\(entry.key) is \(Self.quoted(entry.value)), but must be \(form)\(comment)"
        return problem(entry.line, entry.key, message)
    }

    /// Returns the lines of `root`'s values, without those that are not written.
    static func lines<Root>(of root: Root, by keys: [Key<Root>]) -> [String] {
        keys.compactMap { key in key.text(root).map { "\(key.name) = \($0)" } }
    }

    /// Returns what a value in `range` must be.
    static func text(of range: ClosedRange<Double>, _ quantity: Quantity) -> String {
        "in \(quantity.text(of: range.lowerBound))...\(quantity.text(of: range.upperBound))"
    }
}
