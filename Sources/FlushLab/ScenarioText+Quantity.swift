extension ScenarioText {
    /// A kind of number: what it counts, and the units that it is written in.
    ///
    /// A number is decimal, with "_" between digits where that helps, and perhaps a point and a power such as `e-3`.
    /// Its unit follows with or without a blank.
    struct Quantity: Sendable {
        /// A unit: how many of the base it is.
        struct Unit: Sendable {
            let name: String
            /// The unit is 10^power x factor of the base.
            ///
            /// Powers of ten go into the decimal number before it becomes binary, so that 8.33 ms are 8,330,000 ns.
            let power: Int
            let factor: Double

            init(_ name: String, power: Int = 0, factor: Double = 1) {
                (self.name, self.power, self.factor) = (name, power, factor)
            }
        }

        /// What a text must look like.
        let form: String
        /// What it must look like where only whole numbers will do.
        let wholeForm: String
        /// The units, largest first; the first of power 0 and factor 1 is the base.
        let units: [Unit]
        /// Whether a number without unit is one of the base.
        let takesBare: Bool

        /// Returns the number that `text` describes, in units of the base, or nil if it describes none.
        func value(of text: String) -> Double? {
            guard let (digits, power, rest) = Self.number(text.utf8[...]) else { return nil }
            let name = String(Substring(ScenarioText.trimmed(rest)))
            let unit: Unit
            if let known = units.first(where: { $0.name == name }) {
                unit = known
            } else if name.isEmpty, takesBare || digits.utf8.allSatisfy({ $0 == UInt8(ascii: "0") }) {
                unit = Unit("")
            } else {
                return nil
            }
            guard let number = Double("\(digits)e\(power + unit.power)") else { return nil }
            let value = number * unit.factor
            return value.isFinite ? value : nil
        }

        /// Returns the shortest text whose ``value(of:)`` is `value`, a point counting as two letters.
        func text(of value: Double) -> String {
            if value == 0 { return "0" }
            let base = units.first { $0.power == 0 && $0.factor == 1 }
            var best = Self.text(of: value, base?.name ?? "")
            for unit in units {
                let amount = value / (Self.powerOfTen(unit.power) * unit.factor)
                guard amount >= 1 else { continue }
                let candidate = Self.text(of: amount, unit.name)
                guard Self.cost(candidate) < Self.cost(best), self.value(of: candidate) == value else { continue }
                best = candidate
            }
            return best
        }

        private static func cost(_ text: String) -> Int {
            text.utf8.count + (text.utf8.contains(UInt8(ascii: ".")) ? 1 : 0)
        }

        private static func text(of amount: Double, _ unit: String) -> String {
            let isWhole = amount == amount.rounded() && amount.magnitude < 1e15
            let number = isWhole ? "\(Int(amount))" : "\(amount)"
            return unit.isEmpty || unit == "%" ? number + unit : "\(number) \(unit)"
        }

        private static func powerOfTen(_ power: Int) -> Double { Double("1e\(power)") ?? 1 }

        /// The number at the beginning of `text` as digits x 10^power, and what follows it.
        private static func number(
            _ text: Substring.UTF8View
        ) -> (digits: String, power: Int, rest: Substring.UTF8View)? {
            var rest = text
            guard var digits = takeDigits(&rest) else { return nil }
            var power = 0
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                guard let fraction = takeDigits(&rest) else { return nil }
                digits += fraction
                power -= fraction.utf8.count
            }
            if rest.first == UInt8(ascii: "e") {
                rest = rest.dropFirst()
                let isNegative = rest.first == UInt8(ascii: "-")
                if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
                guard let text = takeDigits(&rest), text.utf8.count <= 3, let exponent = Int(text) else { return nil }
                power += isNegative ? -exponent : exponent
            }
            return digits.utf8.count <= 40 ? (digits, power, rest) : nil
        }

        /// Takes the digits that `text` begins with, without the "_" between them; nil if there is none.
        private static func takeDigits(_ text: inout Substring.UTF8View) -> String? {
            let run = text.prefix { (48...57).contains($0) || $0 == UInt8(ascii: "_") }
            guard let first = run.first, let last = run.last, first != UInt8(ascii: "_"), last != UInt8(ascii: "_")
            else { return nil }
            text = text.dropFirst(run.count)
            return String(decoding: run.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        }
    }
}

extension ScenarioText.Quantity {
    /// A number of something.
    static let number = Self(form: "a number", wholeForm: "a whole number", units: [], takesBare: true)

    /// A share, in percent.
    static let percent = Self(
        form: "a share such as 90%",
        wholeForm: "a whole number of percent",
        units: [Unit("%")],
        takesBare: true
    )

    /// So many a second.
    static let rate = Self(
        form: "a rate such as 1000 /s",
        wholeForm: "a whole number a second",
        units: [Unit("/s")],
        takesBare: true
    )

    /// A number of bytes.
    static let size = Self(
        form: "a size such as 4096, 64 MiB or 2 GiB",
        wholeForm: "a whole number of bytes",
        units: byteUnits,
        takesBare: true
    )

    /// Bytes a second.
    static let bandwidth = Self(
        form: "bytes a second such as 200 MB/s or 500 MiB/s",
        wholeForm: "a whole number of bytes a second",
        units: byteUnits.map { Unit($0.name + "/s", power: $0.power, factor: $0.factor) },
        takesBare: false
    )

    /// A time, in nanoseconds.
    static let time = Self(
        form: "a time such as 90 us, 1.5 ms or 10 s",
        wholeForm: "a whole number of nanoseconds",
        units: timeUnits(basePower: 0),
        takesBare: false
    )

    /// A time, in milliseconds.
    static let milliseconds = Self(
        form: "a time such as 500 ms or 1 s",
        wholeForm: "a whole number of milliseconds",
        units: timeUnits(basePower: 6),
        takesBare: false
    )

    /// A time, in seconds, which is what a number without unit is.
    static let seconds = Self(
        form: "a time such as 60, 60 s or 10 min",
        wholeForm: "a whole number of seconds",
        units: timeUnits(basePower: 9),
        takesBare: true
    )

    private static let byteUnits = [
        Unit("PB", power: 15), Unit("TiB", factor: 1_099_511_627_776), Unit("TB", power: 12),
        Unit("GiB", factor: 1_073_741_824), Unit("GB", power: 9), Unit("MiB", factor: 1_048_576), Unit("MB", power: 6),
        Unit("KiB", factor: 1024), Unit("kB", power: 3), Unit("B"),
    ]

    /// The units of time, where the base has 10^`basePower` nanoseconds.
    private static func timeUnits(basePower: Int) -> [Unit] {
        [
            Unit("h", power: 9 - basePower, factor: 3600), Unit("min", power: 9 - basePower, factor: 60),
            Unit("s", power: 9 - basePower), Unit("ms", power: 6 - basePower), Unit("us", power: 3 - basePower),
            Unit("ns", power: -basePower),
        ]
    }
}
