import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

/// Goal: a manifest that somebody else wrote makes no file but those of a database, and takes no more memory than it
/// has bytes. Method: lines of a real one are changed, under a right checksum.
@Suite(.timeLimit(.minutes(20))) struct ManifestTests {
    private static let path = BackupWorld.folder + "/backup.manifest"

    private static func backedUp() throws -> DiskImage {
        let storage = SimulatedStorage()
        let database = try BackupWorld.filled(storage)
        try database.backup(to: BackupWorld.folder)
        try database.close()
        return storage.image
    }

    /// The disk with the manifest of these lines, and a right checksum behind them.
    private static func planted(_ lines: [String], in image: DiskImage) -> DiskImage {
        let text = Array((lines.joined(separator: "\n") + "\n").utf8)
        let sum = String(unsafe text.withUnsafeBytes { unsafe Checksum.crc32c($0) }, radix: 16)
        let padded = String(repeating: "0", count: 8 - sum.utf8.count) + sum
        var planted = image
        let all = text + Array("sum \(padded)\n".utf8)
        planted.resize(path, to: UInt64(all.count))
        planted.overwrite(path, at: 0, with: all)
        return planted
    }

    private static func lines(_ image: DiskImage) throws -> [String] {
        let text = String(decoding: try #require(image.bytes(of: path)), as: UTF8.self)
        return text.split(separator: "\n").dropLast().map(String.init)
    }

    @Test func `a manifest that names strange files is refused`() throws {
        let image = try Self.backedUp()
        let lines = try Self.lines(image)
        #expect(BackupWorld.refusal(Self.planted(lines, in: image)) == nil)
        let index = try #require(lines.firstIndex { $0.contains(" first-") })
        let catalog = try #require(lines.firstIndex { $0.contains(" catalog.ibd") })
        func changed(_ index: Int, _ word: Int, _ text: String) -> [String] {
            var words = lines[index].split(separator: " ").map(String.init)
            words[word] = text
            var changed = lines
            changed[index] = words.joined(separator: " ")
            return changed
        }
        let name = String(try #require(lines[index].split(separator: " ").last))
        let number = name.dropFirst(6)
        let names = [
            "pwn.txt\0-5.ibd", "../first-\(number)", "a.b-\(number)", "%2f-\(number)", "%2-\(number)",
            "\u{1B}[2J-5.ibd",
            "first-\(number)x", String(repeating: "n", count: 201) + "-\(number)", "x/y-\(number)", "\u{E9}-\(number)",
        ]
        var cases = names.map { changed(index, 3, $0) }
        // Two files of one space, sizes that are none, a catalog without a page, and none at all.
        cases.append(
            lines[..<index] + [lines[index], lines[index].replacing("first", with: "other")] + lines[(index + 1)...]
        )
        cases += ["1000", "18446744073709551615", "-16384"].map { changed(index, 1, $0) }
        cases += ["0", "512"].map { changed(catalog, 1, $0) }
        cases.append(lines.filter { !$0.contains(" catalog.ibd") })
        for changed in cases {
            let error = BackupWorld.refusal(Self.planted(changed, in: image))
            #expect(error?.code == .damagedBackup, "\(changed): \(String(describing: error))")
            #expect(error?.message.contains("the manifest") == true, "\(changed): \(String(describing: error))")
        }
    }

    @Test func `a manifest of nothing but spaces, lines or files is refused in its own size`() throws {
        let image = try Self.backedUp()
        let lines = try Self.lines(image)
        let file = try #require(lines.first { $0.contains(" first-") })
        let blank = String(repeating: " ", count: 24_000_000)
        let head = Array(lines[..<5])
        let many = (0..<200_000).map { "file 16384 00000000 f-\($0 + 1024).ibd" }
        var cases: [[String]] = [lines + [blank], [lines[0] + blank], [blank]]
        cases.append([lines[0], blank] + lines.dropFirst())
        cases.append(head + [String](repeating: "", count: 10_000_000))
        cases.append(head + [String](repeating: file, count: 300_000))
        cases.append(head + many + lines.dropFirst(5))
        for (number, changed) in cases.enumerated() {
            let error = BackupWorld.refusal(Self.planted(changed, in: image))
            #expect(error?.code == .damagedBackup, "case \(number): \(String(describing: error))")
        }
    }
}
