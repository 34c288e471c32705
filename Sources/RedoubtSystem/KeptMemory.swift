import Glibc
import RedoubtCore
import Synchronization

/// Mappings that are handed out again instead of going back to the kernel: for simulations, in which a database is
/// open for a millisecond and would spend most of it on faults of fresh pages.
///
/// Buffers of threads whose scheduler has one come from it; see ``Scheduler/keptMemory``. Sizes match exactly, because
/// the same engine asks for the same sizes.
package final class KeptMemory: Sendable {
    private struct State: Sendable {
        /// Mappings that nobody uses, by their size in bytes.
        var free: [Int: [UInt]] = [:]
        /// Those in use.
        var usedCount = 0
        /// The bytes of all of them.
        var byteCount = 0
    }

    private let state = Mutex(State())

    /// Creates an empty store.
    package init() {}

    /// The buffers in use: 0 when every engine that took from here is gone.
    package var usedCount: Int { state.withLock { $0.usedCount } }

    /// The bytes mapped, used or not.
    package var byteCount: Int { state.withLock { $0.byteCount } }

    /// Returns memory of `byteCount` bytes, aligned to a page of memory: zeros, or with `needsZeros` false what its
    /// last user left there.
    ///
    /// - Throws: `.systemLimit` if there is not enough memory.
    func take(_ byteCount: Int, needsZeros: Bool) throws(RedoubtError) -> UnsafeMutableRawPointer {
        let kept = state.withLock { state in
            state.usedCount += 1
            return state.free[byteCount]?.popLast()
        }
        if let kept, let memory = unsafe UnsafeMutableRawPointer(bitPattern: kept) {
            if needsZeros { unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }
            return unsafe memory
        }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1) else {
            state.withLock { $0.usedCount -= 1 }
            throw RedoubtError(.systemLimit, "\(byteCount) bytes of memory could not be mapped", errno: errno)
        }
        state.withLock { $0.byteCount += byteCount }
        return unsafe memory
    }

    /// Takes back what ``take(_:needsZeros:)`` returned.
    func giveBack(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
        state.withLock { state in
            state.usedCount -= 1
            state.free[byteCount, default: []].append(UInt(bitPattern: memory))
        }
    }

    deinit {
        for (byteCount, mappings) in state.withLock({ $0.free }) {
            for mapping in mappings { unsafe munmap(UnsafeMutableRawPointer(bitPattern: mapping), byteCount) }
        }
    }
}
