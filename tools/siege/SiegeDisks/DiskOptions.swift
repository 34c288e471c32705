/// What a siege of disks is about, and what it may cost.
package struct DiskOptions: Sendable {
    /// The words that start this program so that ``DiskSiege/main(_:program:)`` takes the words after them.
    package var program: [String]
    /// The folder with the sources of the peers' programs.
    package var peers = "tools/siege/peers"
    /// The file systems.
    package var fileSystems = FileSystem.allCases
    /// The targets by name, or name and mode with a colon; all if empty.
    package var targets: [String] = []
    /// The most distinct states of a mode that are judged; twice as many of Redoubt's, and a third of those of
    /// modes that promise nothing.
    package var states = 60
    /// The transactions of a workload.
    package var commits = 36
    /// What the workload and the choice of states follow from.
    package var seed: UInt64 = 1
    /// The targets that are under siege at once.
    package var jobs = 2
    /// Where to write the recordings as text; nil for nowhere.
    package var traceFolder: String?
    /// When judging ends, in seconds after the beginning.
    package var seconds = 300.0

    /// Creates the default options for a program that is started by `program`.
    package init(program: [String]) { self.program = program }

    /// Reads options as they stand on a command line: `--states 60`.
    ///
    /// - Throws: for what is none.
    package init(_ words: [String], program: [String]) throws {
        self.init(program: program)
        var rest = words[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw DiskFailure("\(name) needs a value") }
            switch name {
            case "--peers": peers = value
            case "--file-systems":
                fileSystems = try value.split(separator: ",").map { name in
                    guard let known = FileSystem(rawValue: String(name)) else {
                        throw DiskFailure("there is no file system \(name)")
                    }
                    return known
                }
            case "--targets": targets = value.split(separator: ",").map(String.init)
            case "--states": states = try Self.number(name, value, in: 1...1_000_000)
            case "--commits": commits = try Self.number(name, value, in: 1...10_000)
            case "--seed": seed = UInt64(try Self.number(name, value, in: 0...Int.max))
            case "--jobs": jobs = try Self.number(name, value, in: 1...64)
            case "--trace": traceFolder = value
            case "--seconds": seconds = Double(try Self.number(name, value, in: 1...1_000_000))
            default: throw DiskFailure("there is no option \(name)")
            }
        }
    }

    /// Whether `target` is asked for.
    func includes(_ target: DiskTarget) -> Bool {
        targets.isEmpty || targets.contains(target.name) || targets.contains("\(target.name):\(target.mode)")
    }

    /// The most states of `target` that are judged; a control is tried for longer until it is caught.
    func stateLimit(_ target: DiskTarget, isCaught: Bool) -> Int {
        if target.promise == .nothing && isCaught { return max(1, states / 3) }
        return target.peer == nil ? states * 2 : states
    }

    private static func number(_ name: String, _ value: String, in range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw DiskFailure("\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
