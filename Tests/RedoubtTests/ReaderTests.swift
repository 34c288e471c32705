import Foundation
import Redoubt
import RedoubtCore
import Testing

/// Goal: the files are what InnoDB says they are, in the eyes of someone else. Method: a reader in Python that shares
/// nothing with the engine verifies every page's checksum and walks the leaves; its rows are compared with what was
/// put. MariaDB's innochecksum judges the files too, where it is installed.
@Suite struct ReaderTests {
    @Test("an independent reader sees the same rows and no bad page", .timeLimit(.minutes(20)))
    func rows() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        var random = SeededRandom(seed: 5)
        var rows: [[UInt8]: [UInt8]] = [:]
        for number in 0..<4000 {
            var key = Array("\(random.below(100_000))".utf8)
            if number % 50 == 0 { key += [UInt8](repeating: UInt8(number & 255), count: random.below(1500)) }
            let size = number % 97 == 0 ? random.below(80_000) : random.below(200)
            let value = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
            try keyspace.put(key, value, durability: .deferred)
            rows[key] = value
            if number % 3 == 0, let victim = rows.keys.first {
                try keyspace.delete(victim, durability: .deferred)
                rows[victim] = nil
            }
        }
        try database.close()
        let python = try runCommand(["python3", "-c", "print(1)"])
        guard python.code == 0 else {
            print("SKIPPED: there is no python3 here")
            return
        }
        let reader = repositoryRoot + "/Tests/RedoubtTests/ibdread.py"
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.path) where name.hasSuffix(".ibd") {
            let path = fixture.path + "/" + name
            let result = try runCommand(["python3", reader, path])
            #expect(result.code == 0, "\(name): \(result.output)\(result.complaints)")
            if !name.hasPrefix("catalog") { #expect(result.output == listing(rows), "\(name)") }
            let judge = try runCommand(["sh", "-c", "command -v innochecksum || exit 0; innochecksum '\(path)'"])
            #expect(judge.code == 0, "\(judge.complaints)")
        }
    }

    /// The rows as the reader prints them: key in hexadecimal, length of the value, and its CRC-32.
    private func listing(_ rows: [[UInt8]: [UInt8]]) -> String {
        rows.keys.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
            let value = rows[key] ?? []
            return key.map { String(format: "%02x", $0) }.joined() + " \(value.count) \(crc32(value))\n"
        }.joined()
    }

    /// The CRC-32 of zlib, which nothing in the engine uses.
    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
