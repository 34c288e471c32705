import Foundation
import RedoubtFuzz
import Synchronization
import TestSupport
import Testing

/// Goal: nothing that the fuzzer has ever found comes back, and its targets still reach what they are for. Method: each
/// input of the corpus is given to its target, without the fuzzer.
@Suite struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

    @Test("every input of the corpus gets a right answer, and some reach the deepest place", arguments: targetNames)
    func replay(_ name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let text = try String(contentsOf: Self.folder.appending(path: name + ".txt"), encoding: .utf8)
        let entries = try #require(Corpus.entries(text), "a line of \(name).txt is no input")
        #expect(entries.count > 4 && Set(entries.map(\.name)).count == entries.count)
        let deepCount = Mutex(0)
        try onThreads(1, within: 240) { _ in
            for entry in entries {
                do throws(FuzzFinding) {
                    if try target.run(entry.input) == .deep { deepCount.withLock { $0 += 1 } }
                } catch {
                    Issue.record("\(name), \(entry.name): \(error)")
                }
            }
        }
        #expect(deepCount.withLock { $0 } > 0)
    }

    @Test("inputs are written down and read back")
    func listing() throws {
        let input = (0..<256).map { UInt8($0) }
        let text = "# a remark\n" + Corpus.line("all", input) + "\n" + Corpus.line("none", []) + "\n"
        let entries = try #require(Corpus.entries(text))
        #expect(entries.map(\.name) == ["all", "none"])
        #expect(entries.map(\.input) == [input, []])
        for line in ["odd 123", "digit 0g", "three 00 11"] { #expect(Corpus.entries(line) == nil) }
    }
}

private let targetNames = FuzzTarget.all.map(\.name)
