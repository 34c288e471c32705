import RedoubtCore
import RedoubtSimulation
import SiegeKit
import TestSupport
import Testing

/// Goal: a reproducer means the same after it was printed and read; text that is none is refused with its line.
///
/// Method: by hand, then drawn workloads, drawn bytes and drawn damage.
@Suite(.timeLimit(.minutes(20))) struct ReproducerTests {
    private static let example = """
        siege 1 a store, "quick" one
        create "a"
        put "a" "key 7" "value 12 "+591x2E
        delete "a" "\\x00\\"\\\\"
        batch put "a" "x" ""; delete "a" "key 7"
        range "a" "b" 20x7A+"!"
        rename "a" "b"
        checkpoint
        seed 7
        crash 41 paranoid keep 38 40:0-2
        """

    @Test func `the example is read and printed`() throws {
        let reproducer = try Reproducer(parsing: Self.example)
        #expect(reproducer.description == Self.example)
        #expect(reproducer.program == "a store, \"quick\" one" && reproducer.seed == 7)
        #expect(reproducer.operations.count == 7 && reproducer.cut == CrashCut("41 paranoid keep 38 40:0-2"))
        let value = Array("value 12 ".utf8) + [UInt8](repeating: 0x2E, count: 591)
        let put = Workload.Operation.write([.put(keyspace: "a", key: Array("key 7".utf8), value: value)])
        #expect(reproducer.operations[1] == put)
    }

    @Test func `what a workload draws is the same after printing and reading`() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for number in 0..<20 {
            var workload = Workload(seed: random.next())
            var model = ReferenceModel()
            var operations: [Workload.Operation] = []
            for _ in 0..<40 {
                operations.append(workload.next(model))
                model.perform(operations[operations.count - 1])
            }
            let bytes = (0..<random.below(300)).map { _ in UInt8(random.below(random.below(2) == 0 ? 256 : 2)) }
            operations.append(.write([]))
            operations.append(.write([.createKeyspace("\u{e9}\n\";"), .delete(keyspace: "", key: bytes)]))
            operations.append(.structure(.put(keyspace: "+", key: [], value: bytes)))
            let cut = number % 2 == 0 ? CrashCut(point: number, model: .posix, .lose) : nil
            let finding = number % 3 == 0 ? "line one\nline two" : nil
            let reproducer = Reproducer(
                program: "p",
                operations: operations,
                seed: random.next(),
                cut: cut,
                finding: finding
            )
            var read = try Reproducer(parsing: reproducer.description + "\n")
            #expect(read.finding == finding.map { _ in "line one line two" })
            read.finding = finding
            #expect(read == reproducer, "seed \(seed)")
        }
    }

    @Test func `text that is no reproducer is refused with its line`() {
        let wrong: [(String, Int)] = [
            ("siege 1 x\r\nseed 1", 1), ("siege 1 x\nput \"a\" \"\t\" \"\"\nseed 1", 2),
            ("", 1), ("hello", 1), ("siege 2 x\nseed 1", 1), ("siege 1 x", 1), ("siege 1 x\ncheckpoint", 2),
            ("siege 1 x\nfly \"a\"\nseed 1", 2), ("siege 1 x\nput \"a\"\nseed 1", 2),
            ("siege 1 x\nput \"a\" \"b\" \"c\nseed 1", 2), ("siege 1 x\nput \"a\" \"b\" 12x\nseed 1", 2),
            ("siege 1 x\ncheckpoint now\nseed 1", 2), ("siege 1 x\nput \"a\" \"b\" \"\\q\"\nseed 1", 2),
            ("siege 1 x\nput \"a\" \"b\" 999999999x00\nseed 1", 2), ("siege 1 x\ncreate \"\\xFF\"\nseed 1", 2),
            ("siege 1 x\nseed -1", 2), ("siege 1 x\nseed 1\nseed 2", 3), ("siege 1 x\ncrash 1 paranoid keep 1", 2),
            ("siege 1 x\nseed 1\ncrash x", 3), ("siege 1 x\nseed 1\ncheckpoint", 3), ("siege 1 x\n\nseed 1", 2),
            ("siege 1 x\nbatch put \"a\" \"b\" \"c\" delete \"a\" \"b\"\nseed 1", 2),
        ]
        for (text, line) in wrong {
            do throws(ReproducerError) {
                _ = try Reproducer(parsing: text)
                Issue.record("\(text) was read")
            } catch {
                #expect(error.line == line, "\(text): \(error)")
            }
        }
    }

    @Test func `damaged text is read or refused`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let bytes = Array(Self.example.utf8)
        var refusedCount = 0
        for _ in 0..<5000 {
            var changed = bytes
            for _ in 0...random.below(2) {
                let place = random.below(changed.count)
                if random.below(3) == 0 { changed.remove(at: place) } else { changed[place] = UInt8(random.below(128)) }
            }
            let text = String(decoding: changed, as: UTF8.self)
            guard let read = try? Reproducer(parsing: text) else {
                refusedCount += 1
                continue
            }
            // What was read is read again the same.
            #expect((try? Reproducer(parsing: read.description)) == read, "seed \(seed)")
        }
        #expect(refusedCount > 1000 && refusedCount < 5000)
    }
}
