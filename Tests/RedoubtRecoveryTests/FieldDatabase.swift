import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

@testable import RedoubtEngine

/// A small database of which single fields are changed: three levels, values in chains, freed extents, freed records.
final class FieldDatabase: Sendable {
    /// The disk after an orderly close.
    let image: DiskImage
    /// The file whose fields are changed.
    let path: String
    /// Its space.
    let id: SpaceID
    /// A node of the middle level that is not the first, a leaf with freed records that is neither the first nor the
    /// last, one with a value in a chain, and the first two pages of that chain.
    let node: UInt32
    let leaf: UInt32
    let holder: UInt32
    let chain: [UInt32]
    /// The first leaf, and the first node below the root.
    let firstLeaf: UInt32
    let firstNode: UInt32

    /// Makes the database.
    init() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        let id = try engine.createKeyspace("rows").id
        // Long separators make many levels of few rows.
        for number in 0..<420 { try engine.put("rows", Self.key(number * 11 % 420), [UInt8(number % 251)]) }
        for number in 0..<40 { try engine.put("rows", "value \(number)", [UInt8](repeating: 7, count: 60_000)) }
        for number in 0..<60 { try engine.put("rows", "gone \(number)", [UInt8](repeating: 8, count: 60_000)) }
        for number in 0..<60 { try engine.delete("rows", "gone \(number)") }
        for number in stride(from: 100, to: 400, by: 9) { try engine.delete("rows", Self.key(number)) }
        try engine.close()
        let path = "/db/rows-\(id).ibd"
        let image = storage.image
        (self.image, self.path, self.id) = (image, path, id)
        func page(_ number: UInt32) -> PageDraft { PageDraft(image, path, number) }
        let root = page(3)
        firstNode = Self.children(root)[0]
        node = Self.children(root)[1]
        firstLeaf = Self.children(page(firstNode))[0]
        let leaves = Self.children(root).flatMap { Self.children(page($0)) }.dropFirst().dropLast()
        leaf = leaves.first { page($0).index.freeHead != 0 && page($0).index.slotCount >= 3 } ?? 0
        let last = Self.children(root).last.map { Self.children(page($0)) } ?? []
        let found = (leaves + last).first { page($0).chainRecord != nil } ?? 0
        holder = found
        let first = page(found).chainRecord?.valueReference.firstPage.rawValue ?? 0
        chain = [first, page(first).bytes.u32(at: SpaceFormat.Blob.next)]
    }

    /// A key of 900 bytes.
    static func key(_ number: Int) -> String {
        String(repeating: "k", count: 897) + String(String(number + 1000).suffix(3))
    }

    /// The children of a node, in order.
    static func children(_ draft: PageDraft) -> [UInt32] {
        var children: [UInt32] = []
        var origin = draft.index.firstOrigin
        while origin != IndexPage.supremum, children.count < 1000 {
            children.append(draft.index.record(at: origin).child.rawValue)
            origin = draft.index.record(at: origin).next
        }
        return children
    }

    /// The findings about the database on `image`; what keeps it from being opened is one as well.
    static func findings(_ image: DiskImage) -> [CheckFinding] {
        do throws(RedoubtError) {
            var options = EngineOptions()
            options.usesBackgroundThreads = false
            options.usesLogThreads = false
            let engine = try Engine.open(
                path: EngineFixture.path,
                configuration: EngineFixture.configuration,
                storage: SimulatedStorage(image, options: .judging),
                options: options
            )
            let findings = try engine.check()
            engine.forget()
            return findings
        } catch {
            return [CheckFinding(page: error.page, message: error.message)]
        }
    }
}

/// A page of a file, to be changed and put back.
@safe
final class PageDraft {
    private let memory: UnsafeMutableRawPointer
    let number: UInt32
    var bytes: PageBytes { unsafe PageBytes(memory) }
    var index: IndexPage { IndexPage(bytes) }

    init(_ image: DiskImage, _ path: String, _ number: UInt32) {
        self.number = number
        unsafe memory = .allocate(byteCount: pageByteCount + 16, alignment: 16)
        let start = Int(number) * pageByteCount
        let file = image.bytes(of: path) ?? []
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount + 16)
        unsafe file[start..<start + pageByteCount].withUnsafeBytes {
            unsafe memory.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: pageByteCount)
        }
    }

    deinit { unsafe memory.deallocate() }

    /// The disk `image` with this page in its place, under a right checksum.
    func sealed(in image: DiskImage, _ path: String) -> DiskImage {
        PageSeal.seal(bytes)
        var image = image
        let all = unsafe [UInt8](bytes.all)
        image.overwrite(path, at: UInt64(number) * UInt64(pageByteCount), with: all)
        return image
    }

    /// The first record whose value stands in a chain.
    var chainRecord: Record? { records.first { $0.isOffPage } }

    /// The records in key order.
    var records: [Record] {
        var records: [Record] = []
        var origin = index.firstOrigin
        while origin != IndexPage.supremum, records.count < 1000 {
            records.append(index.record(at: origin))
            origin = index.record(at: origin).next
        }
        return records
    }

    /// The second slot's record, which owns a group.
    var owner: Int { index.slotOrigin(1) }

    /// Adds to the number of `width` bytes at `offset`.
    func add(_ value: Int, at offset: Int, width: Int = 2) {
        switch width {
        case 1: bytes.store(UInt8(truncatingIfNeeded: Int(bytes.u8(at: offset)) + value), at: offset)
        case 2: bytes.store(UInt16(truncatingIfNeeded: Int(bytes.u16(at: offset)) + value), at: offset)
        case 4: bytes.store(UInt32(truncatingIfNeeded: Int(bytes.u32(at: offset)) + value), at: offset)
        default: bytes.store(bytes.u64(at: offset) &+ UInt64(bitPattern: Int64(value)), at: offset)
        }
    }
}
