import Foundation
import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Memory for one page, with the slack that frames have.
@safe
final class PageFixture {
    let memory: UnsafeMutableRawPointer
    let id: PageID
    // The page before the last operation.
    private let scratch: UnsafeMutableRawPointer

    init(id: PageID = PageID(space: SpaceID(rawValue: 77), number: PageNumber(rawValue: 4))) {
        self.id = id
        unsafe memory = .allocate(byteCount: pageByteCount + 64, alignment: 4096)
        unsafe scratch = .allocate(byteCount: pageByteCount, alignment: 4096)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount)
        unsafe (memory + pageByteCount).initializeMemory(as: UInt8.self, repeating: 0xA5, count: 64)
    }

    deinit {
        // Nothing ever writes beyond the page.
        for offset in 0..<64 {
            let byte = unsafe memory.load(fromByteOffset: pageByteCount + offset, as: UInt8.self)
            precondition(byte == 0xA5, "byte \(offset) after the page was overwritten")
        }
        unsafe memory.deallocate()
        unsafe scratch.deallocate()
    }

    var bytes: PageBytes { unsafe PageBytes(memory) }
    var page: IndexPage { IndexPage(bytes) }
    var array: [UInt8] { unsafe Array(bytes.all) }

    func copy() -> PageFixture {
        let other = PageFixture(id: id)
        other.sectors = sectors
        other.bytes.copyPage(from: bytes)
        return other
    }

    /// What the operations said and did to sectors; shared with copies.
    private(set) var sectors = SectorTally()

    func apply(_ operation: PageOperation, _ index: SearchIndex = .none) throws(RedoubtError) {
        unsafe scratch.copyMemory(from: memory, byteCount: pageByteCount)
        let said = try operation.apply(to: bytes, id: id, index: index).union(.ends)
        sectors.note(operation.kind, said: said, changed: changedSectors)
    }

    /// The sectors that are not what they were before the last operation.
    private var changedSectors: PageSectors {
        var changed = PageSectors.none
        for offset in stride(from: 0, to: pageByteCount, by: PageSectors.byteCount)
        where unsafe memcmp(memory + offset, scratch + offset, PageSectors.byteCount) != 0 {
            changed.add(at: offset, count: 1)
        }
        return changed
    }

    func makeIndex(level: UInt16 = 0, indexID: UInt64 = 4242) {
        do { try apply(.initializeIndex(level: level, indexID: indexID)) } catch { fatalError("\(error)") }
    }

    /// What the check finds; the quick verdict of readers must be the same.
    func findings() -> [IndexPageCheck.Finding] {
        let findings = IndexPageCheck.findings(page, id: id)
        let isSound = IndexPageSoundness.isSound(page)
        if isSound != findings.isEmpty { Issue.record("sound: \(isSound), but the check finds \(findings)") }
        return findings
    }

    /// The origin of the record with `key`, or nil.
    func origin(_ key: [UInt8], _ index: SearchIndex = .none) -> Int? {
        let found = search(key, index)
        return found.isMatch ? found.predecessor : nil
    }

    func search(_ key: [UInt8], _ index: SearchIndex = .none) -> SearchResult {
        unsafe key.withUnsafeBytes { unsafe page.search($0, index) }
    }

    /// Keys and values in order.
    func content() -> [(key: [UInt8], value: [UInt8])] {
        var result: [(key: [UInt8], value: [UInt8])] = []
        var record = page.first
        while let current = record, result.count < 9000 {
            result.append(unsafe (Array(current.key), Array(current.value)))
            record = page.record(after: current.origin)
        }
        return result
    }
}

/// How many sectors operations of each kind said that they change, and how many they did change.
final class SectorTally {
    struct Line {
        var operationCount = 0
        var saidCount = 0
        var changedCount = 0
    }

    private(set) var lines: [PageOperation.Kind: Line] = [:]

    /// A sector that changes and is not named is a failure of the test.
    func note(_ kind: PageOperation.Kind, said: PageSectors, changed: PageSectors) {
        if !changed.isSubset(of: said) {
            let (changed, said) = (String(changed.bits, radix: 2), String(said.bits, radix: 2))
            Issue.record("\(kind) changes sectors \(changed), but says \(said)")
        }
        lines[kind, default: Line()].operationCount += 1
        lines[kind, default: Line()].saidCount += said.count
        lines[kind, default: Line()].changedCount += changed.union(.ends).count
    }

    func add(_ other: SectorTally) {
        for (kind, line) in other.lines {
            lines[kind, default: Line()].operationCount += line.operationCount
            lines[kind, default: Line()].saidCount += line.saidCount
            lines[kind, default: Line()].changedCount += line.changedCount
        }
    }
}

/// Memory for a search index.
@safe
final class IndexFixture {
    let memory: UnsafeMutableRawPointer
    let index: SearchIndex

    init(byteCount: Int) {
        unsafe memory = .allocate(byteCount: byteCount + 64, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        unsafe (memory + byteCount).initializeMemory(as: UInt8.self, repeating: 0xA5, count: 64)
        index = unsafe SearchIndex(block: memory, byteCount: byteCount)
    }

    deinit {
        for offset in 0..<64 {
            let byte = unsafe memory.load(fromByteOffset: index.byteCount + offset, as: UInt8.self)
            precondition(byte == 0xA5, "byte \(offset) after the block was overwritten")
        }
        unsafe memory.deallocate()
    }

    /// Deciding word, prefix, heads and origins as one value.
    func content(isLeaf: Bool) -> [UInt64] {
        let state = index.state
        let prefix = state.prefixByteCount
        var result = [UInt64(state.word), prefix == 0 ? 0 : index.prefixWord, prefix < 9 ? 0 : index.secondPrefixWord]
        for rank in 0..<state.count {
            let isMinimum = rank == 0 && state.hasMinimum
            result.append(
                UInt64(isMinimum ? 0 : index.head(at: rank)) << 16
                    | UInt64(index.offset(at: rank, hasChildren: !isLeaf))
            )
        }
        return result
    }
}

/// Calls `body` with the bytes of an operation's body.
func withEncoded<R>(_ operation: PageOperation, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let count = operation.bodyByteCount
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 8, alignment: 8)
    defer { unsafe buffer.deallocate() }
    let written = unsafe operation.encode(into: buffer)
    precondition(written == count)
    return try unsafe body(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
}

/// Calls `body` with the image of a leaf's record.
func withLeaf<R>(
    _ key: [UInt8],
    _ value: [UInt8],
    isOffPage: Bool = false,
    _ body: (RecordImage) throws -> R
) throws -> R {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: key.count + value.count + 1, alignment: 1)
    defer { unsafe memory.deallocate() }
    unsafe memory.copyBytes(from: key + value)
    let keys = unsafe UnsafeRawBufferPointer(rebasing: memory[0..<key.count])
    let values = unsafe UnsafeRawBufferPointer(rebasing: memory[key.count..<key.count + value.count])
    return try unsafe body(
        isOffPage ? RecordImage(key: keys, reference: values) : RecordImage(key: keys, value: values)
    )
}

/// Calls `body` with the image of a node pointer.
func withNode<R>(
    _ key: [UInt8],
    _ child: UInt32,
    isMinimum: Bool = false,
    _ body: (RecordImage) throws -> R
) throws -> R {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: key.count + 1, alignment: 1)
    defer { unsafe memory.deallocate() }
    unsafe memory.copyBytes(from: key)
    let keys = unsafe UnsafeRawBufferPointer(rebasing: memory[0..<key.count])
    return try unsafe body(RecordImage(key: keys, child: PageNumber(rawValue: child), isMinimum: isMinimum))
}
