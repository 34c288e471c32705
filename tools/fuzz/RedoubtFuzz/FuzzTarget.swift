/// Something that takes bytes from outside, with a judge of what it does with them.
package struct FuzzTarget: Sendable {
    /// How far an input got.
    package enum Depth: Sendable {
        /// Not to the place that a canary stands in.
        case shallow
        /// As far as this target can be reached at all: where a canary is planted, to see that inputs get there.
        case deep
    }

    /// The name on the command line.
    package let name: String
    private let body: @Sendable ([UInt8]) throws(FuzzFinding) -> Depth

    init(_ name: String, _ body: @escaping @Sendable ([UInt8]) throws(FuzzFinding) -> Depth) {
        self.name = name
        self.body = body
    }

    /// Does with `input` what the target does; any input is allowed.
    ///
    /// - Throws: what is wrong with the answer. A trap, a hang and a sanitizer's report speak for themselves.
    package func run(_ input: [UInt8]) throws(FuzzFinding) -> Depth { try body(input) }

    /// Every target.
    package static let all: [FuzzTarget] = [
        FuzzTarget("page", PageTarget.run),
        FuzzTarget("tree", TreeTarget.run),
        FuzzTarget("redo", RedoTarget.run),
        FuzzTarget("open", OpenTarget.run),
        FuzzTarget("doublewrite", DoublewriteTarget.run),
        FuzzTarget("load", LoadTarget.run),
        FuzzTarget("rows", RowsTarget.run),
        FuzzTarget("import", ImportTarget.run),
        FuzzTarget("salvage", SalvageTarget.run),
        FuzzTarget("headers", HeadersTarget.run),
        FuzzTarget("arguments", ArgumentsTarget.run),
    ]

    /// Returns the target called `name`, or nil.
    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// An answer that is wrong.
package struct FuzzFinding: Error, CustomStringConvertible {
    /// What is wrong, with what was expected and found.
    package let description: String

    /// Creates a finding.
    package init(_ description: String) {
        self.description = description
    }
}
