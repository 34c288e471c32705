import Glibc

/// How far a read or write has come: a pure state machine fed with the results of system calls, so that blocking and
/// asynchronous I/O continue short transfers by the same rules.
@safe
struct Transfer {
    /// What to do next.
    enum Step {
        /// Transfer the rest.
        case goOn
        /// Transfer the rest after a pause.
        case retryLater
        /// Nothing: the transfer ended.
        case end
    }

    /// Whether it writes.
    let isWrite: Bool
    /// Whether it is a write that is made as a whole or not at all.
    let isAtomic: Bool
    /// Where it starts in the file.
    let offset: UInt64
    /// The bytes transferred.
    private(set) var done = 0
    /// The errno of the failure that ended it, or 0.
    private(set) var failure: Int32 = 0
    /// Whether there is nothing left to do.
    private(set) var isEnded: Bool

    private let bytes: UnsafeMutableRawBufferPointer
    private let alignment: Int
    private var fruitless = 0

    init(
        isWrite: Bool,
        bytes: UnsafeMutableRawBufferPointer,
        offset: UInt64,
        alignment: Int,
        isAtomic: Bool = false
    ) {
        self.isWrite = isWrite
        self.isAtomic = isAtomic
        unsafe self.bytes = bytes
        self.offset = offset
        self.alignment = alignment
        isEnded = unsafe bytes.isEmpty
    }

    /// The bytes asked for.
    var byteCount: Int { unsafe bytes.count }
    /// The memory still to transfer.
    var rest: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...]) }
    /// Where ``rest`` belongs in the file.
    var restOffset: UInt64 { offset + UInt64(done) }

    /// Takes note of the result of a call for ``rest``: a byte count, or errno as a negative number.
    mutating func advance(_ result: Int) -> Step {
        if result == -Int(EAGAIN) || result == -Int(EINTR) { return pause(EAGAIN) }
        if result < 0 { return end(Int32(-result)) }
        let reached = done + result
        if reached >= byteCount {
            done = byteCount
            return end(0)
        }
        // The rest by itself would be another write.
        if isAtomic { return end(EIO) }
        if !isWrite {
            done = reached
            // Nothing, or part of a unit: only the end of the file is there.
            return result == 0 || result % alignment != 0 ? end(0) : .goOn
        }
        let before = done
        done = reached / alignment * alignment
        return done == before ? pause(EIO) : .goOn
    }

    private mutating func end(_ code: Int32) -> Step {
        failure = code
        isEnded = true
        return .end
    }

    /// Gives up with `code` after a second of calls that moved nothing.
    private mutating func pause(_ code: Int32) -> Step {
        fruitless += 1
        return fruitless > 10_000 ? end(code) : .retryLater
    }
}
