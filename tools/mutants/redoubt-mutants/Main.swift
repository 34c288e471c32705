import Foundation

/// Plants mutants in a copy of the repository.
///
/// `redoubt-mutants FROM TO COUNT SEED [LEFT-OUT]`: copies sources from FROM to TO, draws COUNT mutants of log, buffer
/// and recovery, writes them into the copy behind a switch, and prints a line for each. LEFT-OUT is a file with numbers
/// of mutants that do not compile.
@main
struct Main {
    /// The code that is mutated.
    private static let folders = [
        "Sources/RedoubtLog", "Sources/RedoubtEngine/Buffer", "Sources/RedoubtEngine/Recovery",
    ]

    private static let switchSource = """
        import Glibc

        /// The switch of all mutants: exactly one is on, the one that `REDOUBT_MUTANT` names.
        package enum Mutation {
            private static let text = unsafe getenv("REDOUBT_MUTANT").map { unsafe String(cString: $0) }
            private static let number = Int32(text ?? "") ?? -1

            /// Whether mutant `mutant` is on.
            package static func on(_ mutant: Int32) -> Bool { number == mutant }

            /// `value`, or the opposite if mutant `mutant` is on.
            package static func flips(_ mutant: Int32, _ value: Bool) -> Bool { value != on(mutant) }

            /// 1, or 0 if mutant `mutant` is on.
            package static func one<Number: BinaryInteger>(_ mutant: Int32) -> Number { on(mutant) ? 0 : 1 }
        }

        """

    static func main() throws {
        let words = CommandLine.arguments
        guard words.count >= 5, let count = Int(words[3]), let seed = UInt64(words[4]) else {
            FileHandle.standardError.write(Data("usage: redoubt-mutants FROM TO COUNT SEED [LEFT-OUT]\n".utf8))
            exit(2)
        }
        let (from, to) = (words[1], words[2])
        var leftOut: Set<Int> = []
        if words.count > 5, let text = try? String(contentsOfFile: words[5], encoding: .utf8) {
            leftOut = Set(text.split(whereSeparator: \.isNewline).compactMap { Int($0) })
        }
        let mutants = try drawn(from, count, seed)
        for (number, mutant) in mutants.enumerated() {
            print("\(number)\t\(leftOut.contains(number) ? "does not compile" : "planted")\t\(mutant.description)")
        }
        try plant(mutants, leftOut, from, to)
        let path = "\(to)/Sources/RedoubtSystem/Mutation.swift"
        try switchSource.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Draws `count` mutants, as many of each folder, no two in one line.
    private static func drawn(_ from: String, _ count: Int, _ seed: UInt64) throws -> [Mutant] {
        var random = Draw(state: seed)
        var result: [Mutant] = []
        for (index, folder) in folders.enumerated() {
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(from)/\(folder)").sorted()
            var mutants: [Mutant] = []
            for name in names where name.hasSuffix(".swift") {
                mutants += SourceScan.mutants("\(folder)/\(name)", try lines("\(from)/\(folder)/\(name)"))
            }
            mutants.shuffle(using: &random)
            var taken: Set<String> = []
            let share = count * (index + 1) / folders.count - count * index / folders.count
            result += mutants.filter { taken.insert("\($0.path):\($0.line)").inserted }.prefix(share)
        }
        return result
    }

    private static func plant(_ mutants: [Mutant], _ leftOut: Set<Int>, _ from: String, _ to: String) throws {
        let numbered = Array(mutants.enumerated()).filter { !leftOut.contains($0.offset) }
        // Files that an earlier round changed are written again without what did not compile.
        for path in Set(mutants.map(\.path)) {
            var text = try lines("\(from)/\(path)")
            for (number, mutant) in numbered where mutant.element(of: path) {
                let indentation = text[mutant.line].prefix { $0 == " " }
                text[mutant.line] = indentation + mutant.after.replacing("#", with: "\(number)")
            }
            if !text.contains("import RedoubtSystem") && !text.contains("package import RedoubtSystem") {
                text.insert("import RedoubtSystem", at: 0)
            }
            try text.joined(separator: "\n").write(toFile: "\(to)/\(path)", atomically: true, encoding: .utf8)
        }
    }

    private static func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
    }
}

extension Mutant {
    fileprivate func element(of path: String) -> Bool { self.path == path }
}

/// Numbers that follow from a seed (SplitMix64).
private struct Draw: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
