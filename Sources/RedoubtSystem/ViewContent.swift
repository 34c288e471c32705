import RedoubtCore
import Synchronization

/// What a file of a view holds: bytes of the file below, blocks that were written, and zeros.
final class ViewContent: Sendable {
    private struct State {
        var size: UInt64
        /// The bytes that come from below.
        var originByteCount: UInt64
        var blocks: [UInt64: ViewRoom.Block] = [:]
    }

    let origin: (any StorageFile)?
    private let room: ViewRoom
    // Held through reads from below: one reader at a time is enough here.
    private let lock = EngineLock()
    private let state: Mutex<State>

    private static let blockByteCount = ViewRoom.blockByteCount

    init(_ origin: (any StorageFile)?, size: UInt64, _ room: ViewRoom) {
        self.origin = origin
        self.room = room
        state = Mutex(State(size: size, originByteCount: size))
    }

    deinit { origin?.close() }

    var size: UInt64 { state.withLock { $0.size } }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        let (size, originEnd) = state.withLock { ($0.size, $0.originByteCount) }
        guard offset < size else { return 0 }
        let count = Int(min(UInt64(target.count), size - offset))
        var filled = 0
        if let origin, offset < originEnd {
            let read = unsafe try origin.read(into: target, at: offset)
            filled = min(read, Int(min(UInt64(count), originEnd - offset)))
        }
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            .initializeMemory(as: UInt8.self, repeating: 0)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[..<count])
        try Self.forEachBlock(offset, count) { (block, inBlock, inTarget, length) throws(RedoubtError) in
            guard let written = state.withLock({ $0.blocks[block] }) else { return }
            let bytes = try room.bytes(of: written)
            unsafe UnsafeMutableRawBufferPointer(rebasing: part[inTarget..<inTarget + length])
                .copyBytes(from: bytes[inBlock..<inBlock + length])
        }
        return count
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        lock.lock()
        defer { lock.unlock() }
        try Self.forEachBlock(offset, source.count) { (block, inBlock, inSource, length) throws(RedoubtError) in
            var bytes = try present(block, isReplaced: length == Self.blockByteCount)
            let part = unsafe UnsafeRawBufferPointer(rebasing: source[inSource..<inSource + length])
            unsafe bytes.replaceSubrange(inBlock..<inBlock + length, with: part)
            try put(bytes, in: block)
        }
        state.withLock { $0.size = max($0.size, offset + UInt64(source.count)) }
    }

    private func put(_ bytes: [UInt8], in number: UInt64) throws(RedoubtError) {
        let kept = try room.keep(bytes, in: state.withLock { $0.blocks[number] })
        state.withLock { $0.blocks[number] = kept }
    }

    /// The present bytes of a block that is about to be written, as a whole if `isReplaced`.
    private func present(_ number: UInt64, isReplaced: Bool) throws(RedoubtError) -> [UInt8] {
        let (written, originEnd) = state.withLock { ($0.blocks[number], $0.originByteCount) }
        var bytes = [UInt8](repeating: 0, count: Self.blockByteCount)
        if isReplaced { return bytes }
        if let written { return try room.bytes(of: written) }
        let start = number * UInt64(Self.blockByteCount)
        guard let origin, start < originEnd else { return bytes }
        let buffer = try AlignedBuffer(byteCount: Self.blockByteCount)
        let read = unsafe try origin.read(into: buffer.bytes, at: start)
        let count = min(read, Int(min(UInt64(Self.blockByteCount), originEnd - start)))
        unsafe bytes.replaceSubrange(0..<count, with: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        return bytes
    }

    func extend(to size: UInt64) {
        state.withLock { $0.size = max($0.size, size) }
    }

    func truncate(to size: UInt64) throws(RedoubtError) {
        lock.lock()
        defer { lock.unlock() }
        let unit = UInt64(Self.blockByteCount)
        let dropped = state.withLock { state -> [ViewRoom.Block] in
            state.size = min(state.size, size)
            state.originByteCount = min(state.originByteCount, size)
            return state.blocks.keys.filter { $0 * unit >= size }.compactMap { state.blocks.removeValue(forKey: $0) }
        }
        for block in dropped { room.giveBack(block) }
        let end = Int(size % unit)
        guard end > 0, let written = state.withLock({ $0.blocks[size / unit] }) else { return }
        var bytes = try room.bytes(of: written)
        bytes.replaceSubrange(end..., with: [UInt8](repeating: 0, count: Self.blockByteCount - end))
        try put(bytes, in: size / unit)
    }

    /// Calls `body` with each block that `count` bytes at `offset` lie in: its number, and where and how many.
    private static func forEachBlock(
        _ offset: UInt64,
        _ count: Int,
        _ body: (UInt64, Int, Int, Int) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        var done = 0
        while done < count {
            let position = offset + UInt64(done)
            let inBlock = Int(position % UInt64(blockByteCount))
            let length = min(blockByteCount - inBlock, count - done)
            try body(position / UInt64(blockByteCount), inBlock, done, length)
            done += length
        }
    }
}
