import Foundation
import Testing

/// Goal: misuse of handles does not compile. Method: small programs are compiled against the built module; each must
/// fail with the words that name its mistake, and the same program without the mistake must pass.
@Suite(.serialized) struct CompileFailTests {
    /// A program that must be rejected.
    struct Program: Sendable, CustomTestStringConvertible {
        /// What is wrong with it.
        let name: String
        /// The body of a function with a `database` and a `keyspace`.
        let body: String
        /// A part of the compiler's complaint.
        let complaint: String

        var testDescription: String { name }
    }

    static let programs = [
        Program(
            name: "a batch is used after it was written",
            body: "var batch = WriteBatch(); try database.write(batch); try batch.put(\"a\", \"b\", in: keyspace)",
            complaint: "'batch' used after consume"
        ),
        Program(
            name: "a batch is written twice",
            body: "let batch = WriteBatch(); try database.write(batch); try database.write(batch)",
            complaint: "'batch' consumed more than once"
        ),
        Program(
            name: "a batch is copied",
            body: "let batch = WriteBatch(); let other = batch; print(batch.count, other.count)",
            complaint: "'batch' used after consume"
        ),
        Program(
            name: "a batch is written in a loop",
            body: "let batch = WriteBatch(); for _ in 0..<2 { try database.write(batch) }",
            complaint: "'batch' consumed in a loop"
        ),
        Program(
            name: "a cursor is used after it was closed",
            body: "var cursor = keyspace.cursor(); cursor.close(); _ = try cursor.next()",
            complaint: "'cursor' used after consume"
        ),
        Program(
            name: "a cursor is closed twice",
            body: "let cursor = keyspace.cursor(); cursor.close(); cursor.close()",
            complaint: "'cursor' consumed more than once"
        ),
        Program(
            name: "a cursor is shared by a task",
            body: "let cursor = keyspace.cursor(); Task { print(cursor.key) }; print(cursor.isOnRow)",
            complaint: "error:"
        ),
        Program(
            name: "a sorted load goes on after it was finished",
            body: "var load = keyspace.sortedLoad(); try load.finish(); try load.add(\"a\", \"b\")",
            complaint: "'load' used after consume"
        ),
        Program(
            name: "borrowed bytes leave the closure",
            body: """
                var kept: RawSpan = [UInt8]().span.bytes
                try keyspace.withValue(of: "a") { (span, _) throws(RedoubtError) in kept = span }
                print(kept.byteCount)
                """,
            complaint: "error:"
        ),
        Program(
            name: "a borrowed row leaves the closure",
            body: """
                var kept: BorrowedRow? = nil
                try keyspace.forEach { (row) throws(RedoubtError) in
                    kept = row
                    return true
                }
                """,
            complaint: "error:"
        ),
        Program(
            name: "an error is not handled",
            body: "func quiet() { keyspace.put(\"a\", \"b\") }; quiet()",
            complaint: "call can throw, but it is not marked with 'try'"
        ),
    ]

    @Test("a program without a mistake compiles")
    func accepted() throws {
        let result = try compile(
            """
            var batch = WriteBatch()
            try batch.put("a", "b", in: keyspace)
            try database.write(batch)
            var cursor = keyspace.cursor()
            while try cursor.next() { print(cursor.key) }
            cursor.close()
            var load = keyspace.sortedLoad()
            try load.add("a", "b")
            try load.finish()
            var sum = 0
            try keyspace.withValue(of: "a") { (span, _) throws(RedoubtError) in sum += span.byteCount }
            try keyspace.forEach { (row) throws(RedoubtError) in row.valueByteCount > 0 }
            """
        )
        #expect(result.code == 0, "\(result.complaints)")
    }

    @Test("a program with a mistake does not compile", arguments: programs)
    func rejected(_ program: Program) throws {
        let result = try compile(program.body)
        #expect(result.code != 0)
        #expect(result.complaints.contains(program.complaint), "\(result.complaints)")
    }

    private func compile(_ body: String) throws -> CommandResult {
        let fixture = Fixture()
        let source = fixture.folder + "/program.swift"
        let program = """
            import Redoubt
            func run(_ database: Database, _ keyspace: Keyspace) throws {
            \(body)
            }
            """
        try program.write(toFile: source, atomically: true, encoding: .utf8)
        var words = ["swiftc", "-swift-version", "6", "-parse-as-library", "-module-name", "Program"]
        words += ["-I", buildFolder + "/Modules", "-module-cache-path", buildFolder + "/ModuleCache"]
        for map in ["CRedoubtShims.build/module.modulemap"] where has(buildFolder + "/" + map) {
            words += ["-Xcc", "-fmodule-map-file=\(buildFolder)/\(map)"]
        }
        words += ["-Xcc", "-fmodule-map-file=\(repositoryRoot)/Sources/CLinuxAIO/module.modulemap"]
        // The rules of consuming are checked after type checking, so code must be made up to there.
        return try runCommand(words + ["-emit-sil", "-o", "/dev/null", source])
    }

    private func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
