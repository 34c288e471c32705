import RedoubtCore
import Synchronization

/// Where the blocks that are written to a ``StorageView`` are kept: in memory, and what is more in a file without a
/// name, so that the memory is bounded and a crash leaves nothing.
///
/// Blocks of the file that are given back are used again.
final class ViewRoom: Sendable {
    /// A block that was written.
    enum Block {
        case memory([UInt8])
        /// The number of the block in the file.
        case file(UInt64)
    }

    private struct State {
        var memoryByteCount: Int
        var file: (any StorageFile)?
        var fileBlockCount: UInt64 = 0
        var free: [UInt64] = []
        var failure: RedoubtError?
    }

    static let blockByteCount = 4096
    private let storage: any Storage
    private let spillPath: String?
    private let memoryByteCount: Int
    // Held while the file is made.
    private let lock = EngineLock()
    private let state: Mutex<State>

    init(_ storage: any Storage, memoryByteCount: Int, spillPath: String?) {
        self.storage = storage
        self.spillPath = spillPath
        self.memoryByteCount = memoryByteCount
        state = Mutex(State(memoryByteCount: memoryByteCount))
    }

    deinit { state.withLock { $0.file }?.close() }

    /// The first error of keeping a block.
    var failure: RedoubtError? { state.withLock { $0.failure } }

    /// Returns the bytes of a block.
    ///
    /// Waits.
    func bytes(of block: Block) throws(RedoubtError) -> [UInt8] {
        switch block {
        case .memory(let bytes): return bytes
        case .file(let number):
            return try noting { () throws(RedoubtError) in
                let buffer = try AlignedBuffer(byteCount: Self.blockByteCount)
                let file = try openFile()
                let count = unsafe try file.read(into: buffer.bytes, at: number * UInt64(Self.blockByteCount))
                guard count == Self.blockByteCount else {
                    throw RedoubtError(.readFailed, "\(count) bytes of block \(number) are there", path: file.path)
                }
                return unsafe [UInt8](buffer.bytes)
            }
        }
    }

    /// Keeps `bytes` in place of what `block` held, and returns where.
    ///
    /// Waits.
    ///
    /// - Throws: `.systemLimit` if the memory is used up and there is no file; `.diskFull` and the like.
    func keep(_ bytes: [UInt8], in block: Block?) throws(RedoubtError) -> Block {
        if case .memory = block { return .memory(bytes) }
        return try noting { () throws(RedoubtError) in
            let number: UInt64
            if case .file(let known) = block {
                number = known
            } else if let free = take() {
                number = free
            } else {
                return .memory(bytes)
            }
            let file = try openFile()
            try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(RedoubtError) in
                try unsafe file.write(UnsafeRawBufferPointer(bytes), at: number * UInt64(Self.blockByteCount))
            }
            return .file(number)
        }
    }

    /// Has the room of a block used for others.
    func giveBack(_ block: Block) {
        state.withLock { state in
            switch block {
            case .memory: state.memoryByteCount += Self.blockByteCount
            case .file(let number): state.free.append(number)
            }
        }
    }

    /// Takes room: a block of the file, or nil for memory.
    private func take() -> UInt64? {
        state.withLock { state in
            if state.memoryByteCount >= Self.blockByteCount {
                state.memoryByteCount -= Self.blockByteCount
                return nil
            }
            if let free = state.free.popLast() { return free }
            state.fileBlockCount += 1
            return state.fileBlockCount - 1
        }
    }

    /// Returns the file, which is made and loses its name if there is none.
    private func openFile() throws(RedoubtError) -> any StorageFile {
        lock.lock()
        defer { lock.unlock() }
        if let file = state.withLock({ $0.file }) { return file }
        guard let spillPath else {
            let need = "recovery without writing needs more than \(memoryByteCount >> 20) MiB of memory"
            throw RedoubtError(.systemLimit, "\(need); recover a copy instead")
        }
        let file = try storage.open(spillPath, role: .control, creating: true, readOnly: false)
        do throws(RedoubtError) {
            try storage.remove(spillPath)
        } catch {
            file.close()
            throw error
        }
        state.withLock { $0.file = file }
        return file
    }

    private func noting<Result>(_ body: () throws(RedoubtError) -> Result) throws(RedoubtError) -> Result {
        do throws(RedoubtError) {
            return try body()
        } catch {
            state.withLock { $0.failure = $0.failure ?? error }
            throw error
        }
    }
}
