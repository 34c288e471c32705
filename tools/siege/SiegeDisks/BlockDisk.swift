import RedoubtSimulation
import Synchronization

/// Something that happened to a disk, or was said about it, in the order in which it happened.
enum BlockEvent: Sendable, Equatable {
    /// Bytes were written; not durable before the next flush.
    case write(offset: Int, bytes: [UInt8])
    /// All that was written before is durable.
    case flush
    /// Commit number `n`, from 1, is being asked for.
    case issued(Int)
    /// Commit number `n` was acknowledged.
    case acknowledged(Int)
    /// Where the contents of the target's files are, in bytes of the disk.
    case extents([Range<Int>])
}

/// A disk in memory that writes down what is done to it.
///
/// May be used from any thread; nothing blocks for longer than a copy.
final class BlockDisk: Sendable {
    private struct State {
        var image: SparseBytes
        var events: [BlockEvent] = []
        var isRecording = false
    }

    /// The size in bytes.
    let size: Int
    private let state: Mutex<State>

    /// Creates a disk of `size` bytes, all zero.
    init(size: Int) {
        self.size = size
        var image = SparseBytes()
        image.grow(to: UInt64(size))
        state = Mutex(State(image: image))
    }

    /// What is on the disk now.
    var image: SparseBytes {
        get { state.withLock { $0.image } }
        set { state.withLock { $0.image = newValue } }
    }

    /// Begins to write down what happens, from nothing.
    func beginRecording() {
        state.withLock { state in
            state.events = []
            state.isRecording = true
        }
    }

    /// Stops writing down and returns what happened.
    func endRecording() -> [BlockEvent] {
        state.withLock { state in
            state.isRecording = false
            defer { state.events = [] }
            return state.events
        }
    }

    /// Writes down what the workload says.
    func note(_ event: BlockEvent) { state.withLock { record(event, &$0) } }

    /// Returns up to `count` bytes from `offset`; fewer at the end.
    func read(at offset: Int, count: Int) -> [UInt8] {
        guard offset >= 0, offset < size, count > 0 else { return [] }
        let image = image
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            done = unsafe image.read(into: UnsafeMutableRawBufferPointer(buffer), at: UInt64(offset))
        }
    }

    /// Writes `bytes` at `offset`; returns false, and writes nothing, if that is not on the disk.
    func write(_ bytes: [UInt8], at offset: Int) -> Bool {
        guard offset >= 0, bytes.count <= size - offset else { return false }
        state.withLock { state in
            unsafe bytes.withUnsafeBytes { unsafe state.image.write($0, at: UInt64(offset)) }
            record(.write(offset: offset, bytes: bytes), &state)
        }
        return true
    }

    /// Makes `count` bytes from `offset` zero; returns false if they are not on the disk.
    func zero(at offset: Int, count: Int) -> Bool {
        guard offset >= 0, count >= 0, count <= size - offset else { return false }
        var position = offset
        while position < offset + count {
            let part = min(FUSEFolder.writeLimit, offset + count - position)
            // What is zero already needs no memory.
            if read(at: position, count: part).contains(where: { $0 != 0 }) {
                _ = write([UInt8](repeating: 0, count: part), at: position)
            }
            position += part
        }
        return true
    }

    /// Makes what was written durable.
    func flush() { note(.flush) }

    private func record(_ event: BlockEvent, _ state: inout State) {
        if state.isRecording { state.events.append(event) }
    }
}
