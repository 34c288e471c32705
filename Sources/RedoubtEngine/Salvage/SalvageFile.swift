import RedoubtCore
import RedoubtSystem

/// The pages of one file, read without a pool.
struct SalvageFile {
    /// A page that proved itself.
    @safe
    final class Page {
        private let memory: UnsafeMutableRawPointer
        var bytes: PageBytes { unsafe PageBytes(memory) }

        init(copying source: UnsafeRawBufferPointer) {
            unsafe memory = .allocate(byteCount: pageByteCount + 16, alignment: 16)
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount + 16)
            unsafe memory.copyMemory(from: source.baseAddress.unsafelyUnwrapped, byteCount: pageByteCount)
        }

        deinit { unsafe memory.deallocate() }
    }

    /// A page, or why there is none.
    enum Finding {
        case page(Page)
        case damage(String)
    }

    let file: any StorageFile
    let id: SpaceID
    let pageCount: UInt32

    init(_ file: any StorageFile, _ id: SpaceID) throws(RedoubtError) {
        self.file = file
        self.id = id
        pageCount = UInt32(clamping: min(try file.size() / UInt64(pageByteCount), UInt64(SpaceFormat.pageCountMaximum)))
    }

    /// Returns page `number`, if it proves itself.
    ///
    /// Waits.
    func page(_ number: PageNumber) throws(RedoubtError) -> Finding {
        guard number.rawValue < pageCount else { return .damage("lies beyond the end of the file") }
        let buffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<pageByteCount])
        do throws(RedoubtError) {
            let count = unsafe try file.read(into: target, at: number.fileOffset)
            if count < pageByteCount { return .damage("only \(count) bytes of it are there") }
        } catch {
            guard error.code == .readFailed else { throw error }
            return .damage(error.message)
        }
        let bytes = unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped)
        if let fault = PageSeal.fault(bytes, expected: PageID(space: id, number: number)) {
            return .damage(fault.description)
        }
        return .page(unsafe Page(copying: UnsafeRawBufferPointer(target)))
    }

    /// Returns page `number` if it is a sound page of the tree.
    ///
    /// Waits.
    func indexPage(_ number: PageNumber) throws(RedoubtError) -> Finding {
        let finding = try page(number)
        guard case .page(let page) = finding else { return finding }
        let index = IndexPage(page.bytes)
        if page.bytes.type != .index { return .damage("is of type \(page.bytes.typeCode), not a page of a tree") }
        if index.indexID != Space.indexID(of: id) { return .damage("is of index \(index.indexID)") }
        if IndexPageSoundness.isSound(index) { return finding }
        let first = IndexPageCheck.findings(index, id: PageID(space: id, number: number)).first
        return .damage(first?.text ?? "is not sound")
    }

    /// Returns whether page `number` is free, as its descriptor says; nil if that is lost.
    ///
    /// Waits.
    func isFree(_ number: PageNumber) throws(RedoubtError) -> Bool? {
        guard case .page(let page) = try page(SpaceFormat.descriptorPage(of: number)) else { return nil }
        let index = Int(number.rawValue % SpaceFormat.extentPageCount)
        let place = SpaceFormat.descriptorOffset(of: number) + SpaceFormat.Descriptor.bitmap + index / 4
        return page.bytes.u8(at: place) >> UInt8(index % 4 * 2) & 1 == 1
    }

    /// Returns the value that `reference` names, or the page where its chain breaks and why.
    ///
    /// Waits.
    func chain(
        _ reference: OffPageReference
    ) throws(RedoubtError) -> Result<[UInt8], ChainBreak> {
        guard reference.space == id, reference.byteCount <= UInt64(pageCount) * UInt64(Tree.chainPartByteCount) else {
            return .failure(ChainBreak(page: reference.firstPage, reason: "the reference to the value is not one"))
        }
        var value: [UInt8] = []
        var number = reference.firstPage
        // Ends, because every page must hold as much of what is left as it can.
        while UInt64(value.count) < reference.byteCount {
            let due = min(Int(reference.byteCount) - value.count, Tree.chainPartByteCount)
            let page: Page
            switch try self.page(number) {
            case .damage(let reason): return .failure(ChainBreak(page: number, reason: reason))
            case .page(let found): page = found
            }
            guard page.bytes.typeCode == PageType.blob.rawValue,
                Int(page.bytes.u32(at: SpaceFormat.Blob.partByteCount)) == due
            else { return .failure(ChainBreak(page: number, reason: "is no part of the value")) }
            unsafe value.append(contentsOf: page.bytes.bytes(at: SpaceFormat.Blob.data, count: due))
            number = PageNumber(rawValue: page.bytes.u32(at: SpaceFormat.Blob.next))
        }
        return .success(value)
    }
}

/// Where the chain of a value breaks.
struct ChainBreak: Error {
    let page: PageNumber
    let reason: String
}
