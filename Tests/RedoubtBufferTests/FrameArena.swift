import RedoubtCore
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// Frames without a pool, for tests of lists and tables.
@safe
final class FrameArena: @unchecked Sendable {
    let controls: UnsafeMutableRawPointer
    let count: Int
    private let controlMemory: AlignedBuffer
    private let memory: AlignedBuffer

    init(count: Int) throws {
        self.count = count
        controlMemory = try AlignedBuffer(byteCount: count * Frame.controlByteCount)
        memory = try AlignedBuffer(byteCount: count * pageByteCount + 4096)
        unsafe controls = controlMemory.bytes.baseAddress.unsafelyUnwrapped
        for index in 0..<count {
            unsafe Frame.initialize(
                controls + index * Frame.controlByteCount,
                index: UInt32(index),
                bytes: memory.bytes.baseAddress.unsafelyUnwrapped + index * pageByteCount
            )
        }
    }

    subscript(_ index: Int) -> Frame { unsafe Frame(control: controls + index * Frame.controlByteCount) }

    /// The frames of `list` from head to tail.
    func order(of list: LRUList) -> [UInt32] {
        var found: [UInt32] = []
        var index = list.head
        while index != FrameState.noFrame && found.count <= count {
            found.append(index)
            index = unsafe self[Int(index)].state.pointee.lruNext.load(ordering: .relaxed)
        }
        return found
    }

    /// The oldest modifications of `list` from tail to head.
    func oldest(of list: FlushList) -> [UInt64] {
        var found: [UInt64] = []
        var index = list.tail
        while index != FrameState.noFrame && found.count <= count {
            found.append(self[Int(index)].oldestModification.rawValue)
            index = list.previous(self[Int(index)])
        }
        return found
    }
}

/// The id of page `number` of `space`.
func page(_ number: UInt32, of space: UInt32 = 7) -> PageID {
    PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: number))
}

/// Makes `bytes` a sealed page `id` whose body is all `fill`.
func makePage(_ bytes: PageBytes, _ id: PageID, lsn: UInt64, fill: UInt8) {
    bytes.fill(at: 0, count: pageByteCount)
    bytes.number = id.number
    bytes.space = id.space
    bytes.previous = .none
    bytes.next = .none
    bytes.typeCode = PageType.blob.rawValue
    bytes.lsn = LogSequenceNumber(rawValue: lsn)
    bytes.fill(at: 64, count: 16000, with: fill)
    PageSeal.seal(bytes)
}

/// Runs `body` with the memory of a page.
func withPage<Result>(_ body: (PageBytes, UnsafeMutableRawBufferPointer) throws -> Result) throws -> Result {
    let memory = try AlignedBuffer(byteCount: 2 * pageByteCount)
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<pageByteCount])
    return try unsafe body(PageBytes(bytes.baseAddress.unsafelyUnwrapped), bytes)
}
