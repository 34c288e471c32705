import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Where in a node a pointer stands.
enum NodePlace {
    case first
    case middle
    case last
}

/// A database of many small pages, whose pages are damaged, and what should be in it.
struct DamagedWorld {
    /// The disk, before damage.
    let image: DiskImage
    /// All rows.
    let content: [String: [[UInt8]: [UInt8]]]

    /// A database of three levels with values in chains; closed in order, or killed.
    init(closed: Bool) throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try BackupWorld.open(storage)
        let long = try database.createKeyspace("long")
        let large = try database.createKeyspace("large")
        for number in 0..<400 {
            try long.put(Self.key(number * 7 % 400), [UInt8](repeating: UInt8(number & 255), count: 9))
        }
        for number in 0..<12 { try large.put("value \(number)", [UInt8](repeating: UInt8(number), count: 40_000)) }
        // Pages that were in use, and are free.
        for number in 0..<8 { try large.put("gone \(number)", [UInt8](repeating: 9, count: 40_000)) }
        for number in 0..<8 { try large.delete("gone \(number)") }
        for number in stride(from: 150, to: 250, by: 1) { try long.delete(Self.key(number)) }
        content = try BackupWorld.content(database)
        if closed { try database.close() } else { database.forget() }
        image = storage.image
    }

    private static func key(_ number: Int) -> String {
        String(repeating: "k", count: 900) + String(String(number + 1000).suffix(3))
    }

    /// The path of the file of a keyspace.
    func path(_ keyspace: String) -> String {
        image.paths.first { $0.hasPrefix("/db/\(keyspace)") && $0.hasSuffix(".ibd") } ?? ""
    }

    /// The pages of a file, by number, with their type and level.
    func pages(_ keyspace: String) -> [(number: Int, type: Int, level: Int)] {
        let bytes = image.bytes(of: path(keyspace)) ?? []
        return (0..<bytes.count / 16384).map { number in
            func number16(_ offset: Int) -> Int {
                Int(bytes[number * 16384 + offset]) << 8 | Int(bytes[number * 16384 + offset + 1])
            }
            return (number, number16(24), number16(64))
        }
    }

    /// The disk with noise in a page.
    static func damage(_ image: inout DiskImage, _ path: String, page: Int, _ random: inout SeededRandom) {
        let noise = (0..<300).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        image.overwrite(path, at: UInt64(page * 16384 + 20 + random.below(16000)), with: noise)
    }

    /// Takes a pointer out of a node of a keyspace, which is a sound page afterwards; returns the page pointed to.
    @discardableResult
    func removePointer(_ image: inout DiskImage, _ keyspace: String, page number: Int, _ place: NodePlace) -> Int {
        var child = 0
        edit(&image, keyspace, page: number) { (page, origins) throws(RedoubtError) in
            let index = place == .first ? 0 : place == .last ? origins.count - 1 : origins.count / 2
            child = Int(page.record(at: origins[index]).child.rawValue)
            let isMinimum = page.record(at: origins[0]).isMinimum
            var editor = IndexPageEditor(page.bytes, PageID(space: page.bytes.space, number: page.bytes.number))
            try editor.delete(origins[index], .none)
            if isMinimum, index == 0 { try editor.setInfoBits(of: page.firstOrigin, 0x10, .none) }
        }
        return child
    }

    /// The keys of a leaf of a keyspace.
    func keys(_ keyspace: String, leaf number: Int) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var scratch = image
        edit(&scratch, keyspace, page: number) { (page, origins) in
            keys = origins.map { unsafe [UInt8](page.record(at: $0).key) }
        }
        return keys
    }

    /// Gives the last row of the leaf `number` the key with the index `index` of the leaf behind, as if it were an
    /// older image, from before that row moved there.
    func copyNextKey(_ image: inout DiskImage, _ keyspace: String, leaf number: Int, index: Int = 0) {
        var next = 0
        edit(&image, keyspace, page: number) { (page, _) in next = Int(page.next.rawValue) }
        var key: [UInt8] = []
        edit(&image, keyspace, page: next) { (page, origins) in
            key = unsafe [UInt8](page.record(at: origins[index]).key)
        }
        edit(&image, keyspace, page: number) { (page, origins) in
            for (index, byte) in key.enumerated() { page.bytes.store(byte, at: (origins.last ?? 0) + index) }
        }
    }

    /// The leaf behind the leaf `number`; nil if that is the last one.
    func next(_ keyspace: String, leaf number: Int) -> Int? {
        var next = PageNumber.none
        var scratch = image
        edit(&scratch, keyspace, page: number) { (page, _) in next = page.next }
        return next == .none ? nil : Int(next.rawValue)
    }

    /// Lets the leaf `number` forget the one before it.
    func forgetPrevious(_ image: inout DiskImage, _ keyspace: String, leaf number: Int) {
        edit(&image, keyspace, page: number) { (page, _) in
            page.bytes.store(PageNumber.none.rawValue, at: PageBytes.Offset.previous)
        }
    }

    /// Puts an older image of the leaf `number` on a page that was never in use: without its first or its last row, and
    /// with other values.
    func addOldLeaf(_ image: inout DiskImage, _ keyspace: String, of number: Int, lacking place: NodePlace) {
        let path = path(keyspace)
        let start = number * pageByteCount
        guard let unused = pages(keyspace).last, unused.type == 0, let file = image.bytes(of: path) else {
            Issue.record("there is no unused page")
            return
        }
        let target = PageNumber(rawValue: UInt32(unused.number))
        image.overwrite(path, at: target.fileOffset, with: Array(file[start..<start + pageByteCount]))
        edit(&image, keyspace, page: unused.number) { (page, origins) throws(RedoubtError) in
            page.bytes.store(target.rawValue, at: PageBytes.Offset.number)
            page.bytes.store(UInt64(1), at: PageBytes.Offset.lsn)
            for origin in origins {
                let value = unsafe origin + page.record(at: origin).key.count + Record.systemByteCount
                page.bytes.store(page.bytes.u8(at: value) ^ 0xFF, at: value)
            }
            var editor = IndexPageEditor(page.bytes, PageID(space: page.bytes.space, number: target))
            try editor.delete(origins[place == .first ? 0 : origins.count - 1], .none)
        }
    }

    /// Changes an index page of a keyspace, of which the places of the records are given, and seals it.
    private func edit(
        _ image: inout DiskImage,
        _ keyspace: String,
        page number: Int,
        _ change: (IndexPage, [Int]) throws(RedoubtError) -> Void
    ) {
        let path = path(keyspace)
        let start = number * pageByteCount
        let file = image.bytes(of: path) ?? []
        do throws(RedoubtError) {
            let buffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
            unsafe buffer.bytes.copyBytes(from: file[start..<start + pageByteCount])
            let bytes = unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped)
            let page = IndexPage(bytes)
            var origins = [page.firstOrigin]
            while origins.count < page.recordCount { origins.append(page.record(at: origins.last ?? 0).next) }
            try change(page, origins)
            PageSeal.seal(bytes)
            image.overwrite(path, at: UInt64(start), with: unsafe [UInt8](buffer.bytes[..<pageByteCount]))
        } catch {
            Issue.record("\(error)")
        }
    }

    /// Salvages `image` and says what is wrong: a row that is not right, or that is missing where nothing is said to be
    /// lost.
    func complaints(_ image: DiskImage) throws -> (texts: [String], summary: SalvageSummary) {
        let disk = SimulatedStorage(image, options: .judging)
        let summary = try Database.salvage(
            at: BackupWorld.path,
            to: BackupWorld.restored,
            configuration: BackupWorld.configuration,
            storage: disk
        )
        var texts: [String] = []
        var untouched = disk.image
        for path in untouched.paths where path.hasPrefix(BackupWorld.restored) { untouched.remove(path) }
        for path in image.paths where untouched.bytes(of: path) != image.bytes(of: path) {
            texts.append("\(path) changed")
        }
        let database = try BackupWorld.open(disk, BackupWorld.restored)
        defer { try? database.close() }
        texts += try database.check().map(\.description)
        let found = try BackupWorld.content(database)
        for keyspace in summary.keyspaces where found[keyspace.name]?.count != keyspace.rowCount {
            texts.append("\(found[keyspace.name]?.count ?? 0) rows are there, not \(keyspace)")
        }
        for loss in summary.losses + summary.bridged where loss.isInverted { texts.append("inverted: \(loss)") }
        for (name, rows) in content {
            let saved = found[name] ?? [:]
            for (key, value) in rows where saved[key] != value {
                if saved[key] != nil { texts.append("a row of \(name) has another value") }
                let isSaidLost = summary.losses.contains { $0.covers(name, key) }
                if !isSaidLost { texts.append("a row of \(name) is missing, \(key.suffix(5)), and nobody says so") }
            }
            for key in saved.keys where rows[key] == nil {
                texts.append("a row of \(name) was not there, \(key.suffix(5))")
            }
        }
        return (texts, summary)
    }
}

extension SalvageSummary.Loss {
    /// Whether it ends before it begins.
    fileprivate var isInverted: Bool {
        guard let lower, let upper else { return false }
        return upper.lexicographicallyPrecedes(lower)
    }

    /// Whether the row of `key` may be lost.
    func covers(_ keyspace: String, _ key: [UInt8]) -> Bool {
        guard self.keyspace == keyspace || self.keyspace == "the catalog" else { return false }
        if let lower, key.lexicographicallyPrecedes(lower) { return false }
        if let upper, upper.lexicographicallyPrecedes(key) { return false }
        return true
    }
}
