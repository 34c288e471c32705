package import RedoubtCore

/// A page of any bytes, taken through what the engine does with pages and redo records that come from files: for
/// fuzzing.
///
/// Page, search index and bodies stand in memory of their own, with no more slack than frames have, so that a sanitizer
/// sees what leaves them. Damage is no fault here; what contradicts itself is, and is told as text.
@safe
package final class PageTrial {
    /// What came of an operation.
    package enum Outcome: Equatable, Sendable {
        /// It does not go with the page, and said so.
        case refused
        /// The page was changed.
        case applied
        /// What it did is not what it promises.
        case contradiction(String)
    }

    private let id: PageID
    private let memory: UnsafeMutableRawPointer
    // The page before the last operation.
    private let before: UnsafeMutableRawPointer
    private let block: UnsafeMutableRawPointer

    private static let blockByteCount = 4096
    private static let probeCountMaximum = 64
    // These change nothing when they are refused.
    private static let singleRecordKinds: Set<PageOperation.Kind> = [
        .insertRecord, .deleteRecord, .replaceRecord, .overwriteValue, .setInfoBits, .setChild,
    ]

    /// Creates the page `id` from the first 16384 bytes of `image`, and zeros for those that are missing.
    package init(_ image: [UInt8], id: PageID) {
        self.id = id
        unsafe memory = .allocate(byteCount: pageByteCount + 16, alignment: 16)
        unsafe before = .allocate(byteCount: pageByteCount, alignment: 16)
        unsafe block = .allocate(byteCount: Self.blockByteCount, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount + 16)
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: Self.blockByteCount)
        unsafe UnsafeMutableRawBufferPointer(start: memory, count: pageByteCount)
            .copyBytes(from: image.prefix(pageByteCount))
    }

    deinit {
        unsafe memory.deallocate()
        unsafe before.deallocate()
        unsafe block.deallocate()
    }

    private var bytes: PageBytes { unsafe PageBytes(memory) }
    private var page: IndexPage { IndexPage(bytes) }
    private var index: SearchIndex { unsafe SearchIndex(block: block, byteCount: Self.blockByteCount) }

    /// Whether the page is an index page in order.
    package var isSound: Bool { IndexPageSoundness.isSound(page) }

    /// What a read of the page from a file would complain about, or nil.
    package var fault: String? { PageSeal.fault(bytes, expected: id)?.description }

    /// Makes the checksums right for what the page holds.
    package func seal() { PageSeal.seal(bytes) }

    /// The origin of record `number` in the order of keys, or of what the page takes for it; 0 is the infimum.
    package func origin(ofRecord number: Int) -> Int {
        var origin = IndexPage.infimum
        for _ in 0..<number { origin = page.record(at: origin).next }
        return origin
    }

    /// Looks at the page in every way that readers do, and looks `key` up; returns what contradicts itself, or nil.
    package func contradiction(looking key: [UInt8]) -> String? {
        let isSound = isSound
        let findings = IndexPageCheck.findings(page, id: id)
        if isSound != findings.isEmpty {
            return "the quick verdict is \(isSound ? "sound" : "unsound"), but the check finds \(findings)"
        }
        let isBuilt = index.build(from: page)
        return contradiction(betweenSearchesFor: [key] + keys(), isComparable: isSound && isBuilt)
    }

    /// Applies the operation that a redo record of `kind` with `body` stands for.
    package func apply(kind: UInt8, body: [UInt8]) -> Outcome {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
        defer { unsafe copy.deallocate() }
        unsafe copy.copyBytes(from: body)
        unsafe before.copyMemory(from: memory, byteCount: pageByteCount)
        let wasSound = isSound
        if wasSound { index.build(from: page) } else { index.invalidate() }
        do throws(RedoubtError) {
            let operation = try unsafe PageOperation.decode(kind: kind, body: UnsafeRawBufferPointer(copy))
            let said = try operation.apply(to: bytes, id: id, index: index).union(.ends)
            let changed = changedSectors
            guard changed.isSubset(of: said) else {
                return .contradiction("\(operation.kind) says sectors \(said.bits), but changes \(changed.bits)")
            }
            let isComparable = wasSound && index.isValid && isSound
            let complaint = contradiction(betweenSearchesFor: keys(), isComparable: isComparable)
            return complaint.map { .contradiction("after \(operation.kind) \($0)") } ?? .applied
        } catch {
            guard let kind = PageOperation.Kind(rawValue: kind), Self.singleRecordKinds.contains(kind),
                changedSectors != .none
            else { return .refused }
            return .contradiction("\(kind) was refused and changed the page: \(error)")
        }
    }

    /// Reads the records of a redo group, without its length; returns how many there are.
    ///
    /// - Throws: `.corruptLog` if it is not made of records.
    package static func recordCount(ofGroup payload: [UInt8]) throws(RedoubtError) -> Int {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 1)
        defer { unsafe copy.deallocate() }
        unsafe copy.copyBytes(from: payload)
        var reader = unsafe RedoGroupReader(UnsafeRawBufferPointer(copy))
        var count = 0
        while let record = try reader.next() {
            if record.class == .page { _ = try record.operation() }
            count += 1
        }
        return count
    }

    /// The sectors that are not what they were before the last operation.
    private var changedSectors: PageSectors {
        var changed = PageSectors.none
        for offset in stride(from: 0, to: pageByteCount, by: PageSectors.byteCount) {
            let order = unsafe KeyOrder.compare(
                UnsafeRawBufferPointer(start: memory + offset, count: PageSectors.byteCount),
                UnsafeRawBufferPointer(start: before + offset, count: PageSectors.byteCount)
            )
            if order != 0 { changed.add(at: offset, count: 1) }
        }
        return changed
    }

    /// The keys of the first records, whatever they are; their values are looked at as well.
    private func keys() -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var record = page.first
        while let current = record, keys.count < Self.probeCountMaximum {
            keys.append(unsafe Array(current.key))
            unsafe _ = Array(current.value)
            _ = current.valueReference
            _ = page.predecessor(of: current.origin)
            record = page.record(after: current.origin)
        }
        return keys
    }

    /// Looks up `keys` with and without the search index; with `isComparable` both must find the same.
    private func contradiction(betweenSearchesFor keys: [[UInt8]], isComparable: Bool) -> String? {
        for key in keys {
            let (isEqual, isChildEqual) = unsafe key.withUnsafeBytes { key in
                let quick = unsafe page.search(key, index)
                let slow = unsafe page.search(key, .none)
                let child = unsafe page.child(for: key, index)
                let other = unsafe page.child(for: key, .none)
                return (
                    quick.predecessor == slow.predecessor && quick.isMatch == slow.isMatch,
                    page.isLeaf || page.recordCount == 0 || child.child == other.child && child.origin == other.origin
                )
            }
            // No row has an empty key.
            if isComparable && !key.isEmpty && !(isEqual && isChildEqual) {
                return "searches with and without the search index differ for key \(key)"
            }
        }
        return nil
    }
}
