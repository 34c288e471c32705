import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// What an input does to the files of a built-in database.
///
/// A patch is a byte of kind (low 4 bits; bit 4: mend the checksums), a byte that chooses the file, and what the kind
/// needs. Places are taken modulo what there is, so that every input means something.
struct Patches {
    /// What patches may do besides changing bytes within a file.
    enum Reach {
        case bytes
        case files
    }

    /// When checksums are made right again.
    enum Mends {
        case never
        case asked
        case always
    }

    private static let countMaximum = 16
    private static let inventedPaths = [
        "/db/x-7.ibd", "/db/catalog.new", "/db/redo/redo_9.log", "/db/redo/redo_2.log", "/db/doublewrite/dw_1",
        "/db/doublewrite/dw_x", "/db/pool.dump", "/db/a-4000000000.ibd", "/db/redoubt.lock",
    ]

    private let storage: SimulatedStorage
    private let files: [BuiltInDatabase.File]
    private let reach: Reach
    private let mends: Mends
    /// Whether some damage carries a right checksum, or has a say in what the checksum is.
    private(set) var isForged = false
    /// Whether a file of the redo log was changed.
    private(set) var touchesRedo = false
    /// The files that patches chose.
    private(set) var chosenPaths: Set<String> = []
    /// Whether files of the database are missing altogether.
    private(set) var hasRemoved = false

    /// Prepares to patch those `files` of `database`, as they are on `disk` if it is not as it was made.
    init(
        _ database: BuiltInDatabase,
        _ files: [BuiltInDatabase.File],
        on disk: DiskImage? = nil,
        reach: Reach = .bytes,
        mends: Mends
    ) {
        precondition(!files.isEmpty, "there is no file to patch")
        var options = FuzzWorld.options
        options.alignment = 1
        storage = SimulatedStorage(disk ?? database.disk, options: options)
        self.files = files
        self.reach = reach
        self.mends = mends
    }

    /// The patched disk.
    var disk: DiskImage { storage.image }

    /// Applies the patches that `feed` begins with: at most `count`, or as many as there are.
    mutating func apply(_ feed: inout ByteFeed, count: Int = Patches.countMaximum) {
        for _ in 0..<count where !feed.isAtEnd {
            do throws(RedoubtError) {
                try applyNext(&feed)
            } catch {
                // What a full disk does not take is no patch.
            }
        }
    }

    private mutating func applyNext(_ feed: inout ByteFeed) throws(RedoubtError) {
        let kind = feed.byte()
        let file = files[feed.byte() % files.count]
        let isMended = mends == .always || mends == .asked && kind & 16 != 0
        if file.isRedo { touchesRedo = true }
        chosenPaths.insert(file.path)
        switch (kind & 15, reach) {
        case (12, .files): try remove(file)
        case (13, .files): try copy(file, to: Self.inventedPaths[feed.byte() % Self.inventedPaths.count])
        case (14, .files): try invent(Self.inventedPaths[feed.byte() % Self.inventedPaths.count], &feed)
        case (15, .files): try resize(file, to: UInt64(feed.byte() * pageByteCount + feed.word()))
        default: try change(file, kind & 3, &feed, isMended: isMended)
        }
    }

    // MARK: Bytes

    private mutating func change(
        _ file: BuiltInDatabase.File,
        _ kind: Int,
        _ feed: inout ByteFeed,
        isMended: Bool
    ) throws(RedoubtError) {
        guard try storage.exists(file.path) else { return }
        let number = feed.byte() % file.pageCount
        var page = try read(file.path, number)
        guard page.count == pageByteCount else { return }
        let offset = feed.word() % pageByteCount
        let changed: Range<Int>
        switch kind {
        case 0, 1:
            let bytes = feed.take(1 + feed.byte() % 64)
            changed = offset..<min(pageByteCount, offset + bytes.count)
            page.replaceSubrange(changed, with: bytes.prefix(changed.count))
            if Self.checksums(of: file, in: changed) { isForged = true }
        case 2:
            changed = offset..<min(pageByteCount, offset + feed.word() % pageByteCount)
            let byte = UInt8(feed.byte())
            for index in changed { page[index] = byte }
        default:
            changed = 0..<pageByteCount
            page = try read(file.path, offset % file.pageCount)
            if isMended && file.isData && page.count == pageByteCount {
                for index in 0..<4 { page[4 + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * index)) }
            }
        }
        guard page.count == pageByteCount else { return }
        if isMended { try mend(file, number, &page, changed) }
        try write(page, file.path, number)
    }

    private mutating func mend(
        _ file: BuiltInDatabase.File,
        _ number: Int,
        _ page: inout [UInt8],
        _ changed: Range<Int>
    ) throws(RedoubtError) {
        isForged = true
        if file.isData {
            Mending.page(&page)
        } else if file.isRedo {
            Mending.redo(&page, changed)
        } else if file.isDoublewrite && Mending.isDoublewriteHeader(page) {
            Mending.doublewriteHeader(&page)
        } else if file.isDoublewrite {
            Mending.page(&page)
            for distance in 1...16 where distance <= number {
                var header = try read(file.path, number - distance)
                guard Mending.isDoublewriteHeader(header) else { continue }
                Mending.note(page, at: distance - 1, in: &header)
                return try write(header, file.path, number - distance)
            }
        }
    }

    /// Changes one field of `file` and mends what covers it.
    mutating func setField(
        _ file: BuiltInDatabase.File,
        at offset: Int,
        byteCount: Int,
        to change: (UInt64) -> UInt64,
        isMended: Bool
    ) {
        let (number, start) = offset.quotientAndRemainder(dividingBy: pageByteCount)
        do throws(RedoubtError) {
            var page = try read(file.path, number)
            guard page.count == pageByteCount, start + byteCount <= pageByteCount else { return }
            if file.isRedo { touchesRedo = true }
            let before = page[start..<start + byteCount].reduce(0) { $0 << 8 | UInt64($1) }
            let after = change(before)
            for index in 0..<byteCount {
                page[start + index] = UInt8(truncatingIfNeeded: after >> UInt64(8 * (byteCount - 1 - index)))
            }
            if isMended { try mend(file, number, &page, start..<start + byteCount) }
            try write(page, file.path, number)
        } catch {
            // A file without room for the field has none.
        }
    }

    // MARK: Files

    private mutating func remove(_ file: BuiltInDatabase.File) throws(RedoubtError) {
        guard try storage.exists(file.path) else { return }
        try storage.remove(file.path)
        hasRemoved = true
    }

    private mutating func copy(_ file: BuiltInDatabase.File, to path: String) throws(RedoubtError) {
        guard let bytes = storage.image.bytes(of: file.path) else { return }
        try replace(path, with: bytes)
    }

    private mutating func invent(_ path: String, _ feed: inout ByteFeed) throws(RedoubtError) {
        try replace(path, with: feed.take(feed.byte()))
    }

    private mutating func replace(_ path: String, with bytes: [UInt8]) throws(RedoubtError) {
        if path.contains("/redo/") { touchesRedo = true }
        if try storage.exists(path) { try storage.remove(path) }
        let file = try storage.open(path, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        unsafe try bytes.span.bytes.withUnsafeBytes { (bytes) throws(RedoubtError) in
            unsafe try file.write(bytes, at: 0)
        }
    }

    private func resize(_ file: BuiltInDatabase.File, to size: UInt64) throws(RedoubtError) {
        guard try storage.exists(file.path) else { return }
        let open = try storage.open(file.path, role: .control, creating: false, readOnly: false)
        defer { open.close() }
        if try size < open.size() { try open.truncate(to: size) } else { try open.extend(to: size) }
    }

    // MARK: Pages

    /// Whether a checksum stands in `range` of a page of `file`.
    private static func checksums(of file: BuiltInDatabase.File, in range: Range<Int>) -> Bool {
        let places: [Int] =
            file.isData
            ? [0, 12348, 16376] : file.isRedo ? Array(stride(from: 508, to: pageByteCount, by: 512)) : [16380]
        return places.contains { range.overlaps($0..<$0 + 4) }
    }

    private func read(_ path: String, _ number: Int) throws(RedoubtError) -> [UInt8] {
        let file = try storage.open(path, role: .control, creating: false, readOnly: false)
        defer { file.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pageByteCount, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe file.read(into: buffer, at: UInt64(number * pageByteCount))
        return unsafe Array(buffer[0..<count])
    }

    private func write(_ page: [UInt8], _ path: String, _ number: Int) throws(RedoubtError) {
        let file = try storage.open(path, role: .control, creating: false, readOnly: false)
        defer { file.close() }
        unsafe try page.span.bytes.withUnsafeBytes { (bytes) throws(RedoubtError) in
            unsafe try file.write(bytes, at: UInt64(number * pageByteCount))
        }
    }
}

extension Patches {
    /// Throws if `answer` is clean, carries no forged checksum, and is not what `database` holds.
    func judge(_ answer: FuzzWorld.Answer, of database: BuiltInDatabase) throws(FuzzFinding) {
        guard !isForged, answer.isClean, let hash = answer.contentHash else { return }
        if database.expects(hash, mayLoseTail: touchesRedo) { return }
        // Where nothing is left of a database a new one may be made.
        let isGone = !disk.paths.contains { $0.hasSuffix(".ibd") || $0.contains("/redo/") }
        if isGone && hasRemoved { return }
        throw FuzzFinding("damage without a right checksum gave a clean answer with other content")
    }
}
