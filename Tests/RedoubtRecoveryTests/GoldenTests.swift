import Foundation
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: every version opens the files of every version before it, and writes the same bytes for the same inputs.
///
/// Method: a small database that this version wrote stands in Golden as text, once as an orderly close left it, once as
/// a kill did. It is opened and read; and made again, in a world without threads and with a clock of its own, and
/// compared byte by byte. A version that writes other bytes on purpose keeps these files, whose names say their
/// version, and adds its own: REDOUBT_WRITE_GOLDEN=1 writes them.
@Suite(.timeLimit(.minutes(20))) struct GoldenTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    private static let current = ["1-closed", "1-killed"]

    /// All files, of every version.
    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name + ".txt"), encoding: .utf8)
    }

    @Test func `the files of this version are there, and small`() throws {
        #expect(Set(Self.names).isSuperset(of: Self.current))
        for name in Self.names { #expect(try Self.text(name).utf8.count < 256 << 10, "\(name)") }
    }

    @Test(arguments: names)
    func `a database of any version opens with its rows`(_ name: String) throws {
        let image = try #require(GoldenText.decode(try Self.text(name)))
        let storage = SimulatedStorage(image, options: .judging)
        var engine = try EngineFixture.open(storage, Self.configure)
        #expect(try engine.check() == [])
        #expect(try engine.content() == Self.content)
        #expect((engine.recoveredGroupCount > 0) == name.hasSuffix("-killed"))
        try engine.put("fruit", "quince", [1, 2, 3])
        _ = try engine.createKeyspace("new")
        try engine.close()
        engine = try EngineFixture.open(storage, Self.configure)
        #expect(try engine.get("fruit", "quince") == [1, 2, 3])
        #expect(try engine.check() == [])
        try engine.close()
    }

    @Test func `the same inputs still give the same bytes`() throws {
        let images = try Self.made()
        for (name, image) in zip(Self.current, images) {
            let made = GoldenText.encode(image)
            if ProcessInfo.processInfo.environment["REDOUBT_WRITE_GOLDEN"] == "1" {
                try made.write(to: Self.folder.appending(path: name + ".txt"), atomically: true, encoding: .utf8)
            }
            let kept = try Self.text(name)
            if made == kept { continue }
            let lines = zip(made.split(separator: "\n"), kept.split(separator: "\n"))
            let first = lines.first { $0 != $1 }.map { "made \($0), kept \($1)" } ?? "one of them is longer"
            Issue.record("\(name) is not what it was: \(first)")
        }
    }

    @Test func `a disk comes back from its text`() throws {
        for image in try Self.made() {
            let text = GoldenText.encode(image)
            let decoded = try #require(GoldenText.decode(text))
            #expect(decoded.paths == image.paths)
            for path in image.paths { #expect(decoded.bytes(of: path) == image.bytes(of: path), "\(path)") }
            #expect(GoldenText.encode(decoded) == text)
        }
        for wrong in [
            "1 00", "file 4 /a\n3 0000", "file 4 /a\n0 0", "file 4 /a\n0 zz", "file 4 /a\n0 00*9", "file x /a",
        ] {
            #expect(GoldenText.decode(wrong) == nil, "\(wrong)")
        }
    }

    // MARK: The inputs

    private static func configure(_ configuration: inout Configuration) {
        configuration.redoLog.capacity = .mebibytes(2)
    }

    /// What the database holds.
    private static var content: [String: [String: [UInt8]]] {
        var fruit: [String: [UInt8]] = ["pear": Array("green".utf8)]
        for number in 0..<24 where number % 5 != 0 { fruit["apple \(number)"] = [UInt8](repeating: 0xA5, count: 64) }
        return ["fruit": fruit, "large": ["value": [UInt8](repeating: 0x5A, count: 20_000)]]
    }

    /// The disks of this version: after an orderly close, and after a kill before it.
    private static func made() throws -> [DiskImage] {
        try InlineScheduler().run {
            Result { () throws -> [DiskImage] in
                let storage = SimulatedStorage(options: .judging)
                var options = EngineOptions()
                options.usesBackgroundThreads = false
                options.usesLogThreads = false
                var configuration = EngineFixture.configuration
                configure(&configuration)
                let engine = try Engine.open(
                    path: EngineFixture.path,
                    configuration: configuration,
                    storage: storage,
                    options: options
                )
                for name in ["fruit", "gone"] { _ = try engine.createKeyspace(name) }
                for number in 0..<24 {
                    try engine.put("fruit", "apple \(number)", [UInt8](repeating: 0xA5, count: 64))
                }
                // What is before this is in the pages, what is after it in the redo only.
                try engine.checkpoint()
                for number in stride(from: 0, to: 24, by: 5) { try engine.delete("fruit", "apple \(number)") }
                try engine.put("fruit", "pear", Array("yellow".utf8))
                try engine.put("fruit", "pear", Array("green".utf8))
                try engine.dropKeyspace("gone")
                _ = try engine.createKeyspace("big")
                try engine.put("big", "value", [UInt8](repeating: 0x5A, count: 20_000))
                try engine.renameKeyspace("big", to: "large")
                let killed = storage.image
                try engine.close()
                return [storage.image, killed]
            }
        }
        .get()
    }
}
