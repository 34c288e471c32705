package import RedoubtCore

/// The value of a row in a foreign file; valid only inside the closure that got it.
@safe
package struct ForeignValue {
    /// The bytes in the row's page: all, or those before what ``read(into:)`` gives.
    package let localBytes: UnsafeRawBufferPointer
    /// The length.
    package let byteCount: Int
    /// What stands outside the page; nil if nothing does.
    let chain: ForeignChain?
    private let position = Position()

    private final class Position {
        var offset = 0
    }

    init(localBytes: UnsafeRawBufferPointer, chain: ForeignChain?) {
        unsafe self.localBytes = localBytes
        self.chain = chain
        byteCount = localBytes.count + (chain?.byteCountLeft ?? 0)
    }

    /// Whether ``localBytes`` are the whole value.
    package var isInline: Bool { chain == nil }

    /// Fills `target` from its beginning with the next bytes; returns how many, 0 at the end.
    ///
    /// Waits for the file system.
    ///
    /// - Throws: `.corruptPage` if the value is damaged, `.unsupportedFormat` if it is compressed, `.readFailed`.
    package func read(into target: UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int {
        let localCount = unsafe localBytes.count
        if position.offset < localCount {
            let count = min(target.count, localCount - position.offset)
            unsafe target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: localBytes[position.offset..<position.offset + count])
            )
            position.offset += count
            return count
        }
        return try unsafe chain?.read(into: target) ?? 0
    }
}

/// What of a value stands outside its row's page: a chain of BLOB pages, or the pages of a MySQL LOB.
final class ForeignChain {
    /// The bytes that were not read yet.
    private(set) var byteCountLeft: Int
    private let walk: ForeignWalk
    private let firstPage: PageNumber
    private var next: Place
    // The part of the page in `walk.chainBuffer` that was not read yet.
    private var part = 0..<0

    /// Where the next bytes are.
    private enum Place {
        case first
        case page(PageNumber)
        case entry(ListAddress)
    }

    /// Page types and fields of MySQL's LOBs.
    ///
    /// InnoDB: `lob::first_page_t`, `lob::index_entry_t`, `lob::data_page_t`.
    private enum LOB {
        static let indexType: UInt16 = 22
        static let dataType: UInt16 = 23
        static let firstType: UInt16 = 24
        static let firstByteCount = 54
        static let firstEntry = 68
        static let firstData = 696
        static let entryNext = 6
        static let entryPage = 48
        static let entryByteCount = 60
        static let dataByteCount = 39
        static let data = 49
    }

    init(_ walk: ForeignWalk, _ reference: OffPageReference) {
        self.walk = walk
        firstPage = reference.firstPage
        // Bounded by who makes it.
        byteCountLeft = Int(clamping: reference.byteCount)
        next = .first
    }

    /// Fills `target` from its beginning; returns how many bytes, 0 at the end.
    func read(into target: UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int {
        guard byteCountLeft > 0, target.count > 0 else { return 0 }
        if part.isEmpty { try loadPart() }
        let count = min(target.count, part.count)
        unsafe target.copyMemory(from: walk.chainBuffer.page.bytes(at: part.lowerBound, count: count))
        part = part.lowerBound + count..<part.upperBound
        byteCountLeft -= count
        return count
    }

    /// The error for page `number`; the leaf has proven what shape it is of, so no other one explains it.
    private func damaged(_ number: PageNumber, _ reason: String) -> RedoubtError { walk.pages.damaged(number, reason) }

    private func loadPart() throws(RedoubtError) {
        switch next {
        case .first: try loadFirst()
        case .page(let number): try loadBlob(number)
        case .entry(let address): try loadEntry(address)
        }
    }

    private func loadFirst() throws(RedoubtError) {
        try fetch(firstPage)
        let page = walk.chainBuffer.page
        switch page.typeCode {
        case PageType.blob.rawValue: try takeBlob(firstPage)
        case LOB.firstType: try loadEntry(page.address(at: LOB.firstEntry))
        case 11, 12, 25...30:
            throw RedoubtError(
                .unsupportedFormat,
                "page \(firstPage) holds a compressed value; rebuild the table with ROW_FORMAT=DYNAMIC",
                path: walk.pages.path
            )
        default: throw damaged(firstPage, "it is of type \(page.typeCode), but a value leads to it")
        }
    }

    /// Reads page `number`, which no other value may have.
    private func fetch(_ number: PageNumber) throws(RedoubtError) {
        guard walk.reach(number) else { throw damaged(number, "two values lead to it, or one leads to it twice") }
        try walk.pages.read(number, into: walk.chainBuffer)
    }

    private func take(_ number: PageNumber, byteCount: UInt32, at offset: Int) throws(RedoubtError) {
        let room = PageBytes.Offset.trailer - offset
        guard byteCount >= 1, Int(byteCount) <= min(room, byteCountLeft) else {
            throw damaged(number, "it holds \(byteCount) bytes of a value, of which \(byteCountLeft) are left")
        }
        part = offset..<offset + Int(byteCount)
    }

    private func loadBlob(_ number: PageNumber) throws(RedoubtError) {
        try fetch(number)
        guard walk.chainBuffer.page.typeCode == PageType.blob.rawValue else {
            throw damaged(number, "it is of type \(walk.chainBuffer.page.typeCode), but a value leads to it")
        }
        try takeBlob(number)
    }

    private func takeBlob(_ number: PageNumber) throws(RedoubtError) {
        let page = walk.chainBuffer.page
        try take(number, byteCount: page.u32(at: SpaceFormat.Blob.partByteCount), at: SpaceFormat.Blob.data)
        next = .page(PageNumber(rawValue: page.u32(at: SpaceFormat.Blob.next)))
    }

    /// Loads the data that the index entry at `address` names.
    private func loadEntry(_ address: ListAddress) throws(RedoubtError) {
        let offset = Int(address.offset)
        guard offset >= PageBytes.Offset.body, offset <= PageBytes.Offset.trailer - LOB.entryByteCount else {
            throw damaged(address.page, "no entry of a value's index can be at offset \(offset)")
        }
        try walk.pages.read(address.page, into: walk.entryBuffer)
        let index = walk.entryBuffer.page
        guard index.typeCode == LOB.firstType || index.typeCode == LOB.indexType else {
            throw damaged(address.page, "it is of type \(index.typeCode), but should hold the index of a value")
        }
        next = .entry(index.address(at: offset + LOB.entryNext))
        let number = PageNumber(rawValue: index.u32(at: offset + LOB.entryPage))
        if number == firstPage {
            // Reached before, as the beginning of the index; its data come first, so they come only once.
            guard part.upperBound == 0 else { throw damaged(number, "one value leads to it twice") }
            try walk.pages.read(number, into: walk.chainBuffer)
            let count = walk.chainBuffer.page.u32(at: LOB.firstByteCount)
            return try take(number, byteCount: count, at: LOB.firstData)
        }
        try fetch(number)
        guard walk.chainBuffer.page.typeCode == LOB.dataType else {
            throw damaged(number, "it is of type \(walk.chainBuffer.page.typeCode), but should hold a value")
        }
        try take(number, byteCount: walk.chainBuffer.page.u32(at: LOB.dataByteCount), at: LOB.data)
    }
}
