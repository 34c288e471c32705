import RedoubtCore

/// One record of a redo group, as it stands in the log.
///
///     kind 1 | space (0: the page of the record before, and no page follows) | page | body length | body
///
/// Space, page and length are compressed. Kinds come in ranges: page 1-63, space 64-95, file 96-127, undo 128-159,
/// transaction 160-191, trim 192-223, and from 224 on records that a reader may skip. The length makes every record
/// skippable.
@safe
struct RedoRecord {
    /// The kind; see ``PageOperation/Kind`` and ``FileKind``.
    let kind: UInt8
    /// The page; of a record about a file, its space and page 0.
    let page: PageID
    /// The body, in the log's memory.
    let body: UnsafeRawBufferPointer

    /// Creates a record over borrowed bytes.
    init(kind: UInt8, page: PageID, body: UnsafeRawBufferPointer) {
        self.kind = kind
        self.page = page
        unsafe self.body = body
    }

    /// Records about files.
    enum FileKind: UInt8, Sendable {
        /// A file of the space exists from here on; the body is its name.
        case create = 96
        /// The space is gone.
        case delete = 97
        /// The file has at least as many pages as the 4 bytes of the body say.
        case extend = 98
    }

    /// What the kind says about the record.
    enum Class: Sendable {
        case page, space, file, undo, transaction, trim, ignorable, unknown
    }

    /// The class of the record.
    var `class`: Class {
        switch kind {
        case 1...63: .page
        case 64...95: .space
        case 96...127: .file
        case 128...159: .undo
        case 160...191: .transaction
        case 192...223: .trim
        case 224...255: .ignorable
        default: .unknown
        }
    }

    /// The most bytes before the body.
    static let headerByteCountMaximum = 1 + 3 * CompressedInteger.byteCountMaximum

    /// Returns the operation of a page record.
    ///
    /// - Throws: `.corruptLog` if kind or body are not those of an operation.
    func operation() throws(RedoubtError) -> PageOperation {
        try unsafe PageOperation.decode(kind: kind, body: body)
    }

    /// Writes the bytes before a body of `bodyByteCount` bytes at `target`, which must have room for
    /// ``headerByteCountMaximum``; returns how many.
    static func encodeHeader(
        kind: UInt8,
        page: PageID,
        previous: PageID?,
        bodyByteCount: Int,
        to target: UnsafeMutableRawPointer
    ) -> Int {
        unsafe target.storeBytes(of: kind, as: UInt8.self)
        var length = 1
        if page == previous {
            unsafe target.storeBytes(of: 0, toByteOffset: length, as: UInt8.self)
            length += 1
        } else {
            length += unsafe CompressedInteger.encode(page.space.rawValue, to: target + length)
            length += unsafe CompressedInteger.encode(page.number.rawValue, to: target + length)
        }
        length += unsafe CompressedInteger.encode(UInt32(bodyByteCount), to: target + length)
        return length
    }

    /// The most bytes that a record of `operation` takes.
    static func byteCountMaximum(_ operation: PageOperation) -> Int {
        headerByteCountMaximum + operation.bodyByteCount
    }

    /// Appends the record of `operation` on `page` to `buffer` and returns its length.
    ///
    /// `buffer` must have room for ``byteCountMaximum(_:)``. `previous` is the page of the record before in the group.
    static func encode(
        _ operation: PageOperation,
        page: PageID,
        previous: PageID?,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        unsafe encode(operation, operation.bodyByteCount, page: page, previous: previous, into: buffer)
    }

    /// Does that with the length of the body known.
    @inline(__always)
    static func encode(
        _ operation: PageOperation,
        _ bodyByteCount: Int,
        page: PageID,
        previous: PageID?,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(
            buffer.count >= headerByteCountMaximum + bodyByteCount,
            "\(buffer.count) bytes for a record of up to \(headerByteCountMaximum + bodyByteCount)"
        )
        guard let target = buffer.baseAddress else { return 0 }
        let header = unsafe encodeHeader(
            kind: operation.kind.rawValue,
            page: page,
            previous: previous,
            bodyByteCount: bodyByteCount,
            to: target
        )
        let room = unsafe UnsafeMutableRawBufferPointer(start: target + header, count: buffer.count &- header)
        unsafe operation.encode(bodyByteCount, into: room)
        return header + bodyByteCount
    }

    /// Appends a record about the file of `space` to `buffer` and returns its length.
    static func encode(
        _ kind: FileKind,
        space: SpaceID,
        body: UnsafeRawBufferPointer,
        previous: PageID?,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(
            buffer.count >= headerByteCountMaximum + body.count,
            "\(buffer.count) bytes for a record of up to \(headerByteCountMaximum + body.count)"
        )
        guard let target = buffer.baseAddress else { return 0 }
        let page = PageID(space: space, number: PageNumber(rawValue: 0))
        let header = unsafe encodeHeader(
            kind: kind.rawValue,
            page: page,
            previous: previous,
            bodyByteCount: body.count,
            to: target
        )
        if let from = body.baseAddress { unsafe (target + header).copyMemory(from: from, byteCount: body.count) }
        return header + body.count
    }
}

/// Iterates over the records of one redo group: its payload, without the 4 bytes of length.
@safe
struct RedoGroupReader {
    private let payload: UnsafeRawBufferPointer
    private var position = 0
    private var previous: PageID?

    /// Creates a reader of `payload`, which must stay valid while the records are used.
    init(_ payload: UnsafeRawBufferPointer) {
        unsafe self.payload = payload
    }

    /// Returns the next record, or nil at the end of the group.
    ///
    /// - Throws: `.corruptLog` if the bytes are not a record.
    mutating func next() throws(RedoubtError) -> RedoRecord? {
        guard unsafe position < payload.count else { return nil }
        let start = position
        let kind = unsafe payload[position]
        position += 1
        let space = try number("space id", of: start)
        let page: PageID
        if space == 0 {
            guard let previous else {
                throw damage("says that it is about the page of a record before, but is the first", start)
            }
            page = previous
        } else {
            page = PageID(
                space: SpaceID(rawValue: space),
                number: PageNumber(rawValue: try number("page number", of: start))
            )
        }
        let length = Int(try number("length", of: start))
        guard unsafe length <= payload.count - position else {
            throw damage(unsafe "has a body of \(length) bytes, but \(payload.count - position) are left", start)
        }
        let body = unsafe UnsafeRawBufferPointer(rebasing: payload[position..<position + length])
        position += length
        previous = page
        return unsafe RedoRecord(kind: kind, page: page, body: body)
    }

    private mutating func number(_ what: String, of start: Int) throws(RedoubtError) -> UInt32 {
        guard let decoded = unsafe CompressedInteger.decode(UnsafeRawBufferPointer(rebasing: payload[position...]))
        else { throw damage("has no \(what)", start) }
        position += decoded.byteCount
        return decoded.value
    }

    private func damage(_ what: String, _ start: Int) -> RedoubtError {
        RedoubtError(.corruptLog, "the redo record at byte \(start) of its group \(what)")
    }
}
