import RedoubtCore
import RedoubtSystem
import Synchronization

/// What shall happen when positions become durable, for those who do not wait.
final class FlushContinuations: @unchecked Sendable {
    typealias Continuation = @Sendable (RedoubtError?) -> Void

    private let lock = EngineLock()
    private let count = Atomic<Int>(0)
    private var waiting: [(position: UInt64, continuation: Continuation)] = []

    /// Keeps `continuation`; the caller then checks the position again and calls ``run(flushed:error:)``.
    func add(_ position: UInt64, _ continuation: @escaping Continuation) {
        lock.withLock { waiting.append((position, continuation)) }
        count.wrappingAdd(1, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Runs those whose position is durable, and, with `error` if there is one, all others.
    func run(flushed: UInt64, error: RedoubtError?) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if count.load(ordering: .relaxed) == 0 { return }
        let ready = lock.withLock { () -> [(position: UInt64, continuation: Continuation)] in
            let isReady = { (position: UInt64) in error != nil || position <= flushed }
            let ready = waiting.filter { isReady($0.position) }
            waiting.removeAll { isReady($0.position) }
            count.wrappingSubtract(ready.count, ordering: .relaxed)
            return ready
        }
        // What is durable stays so, whatever happened since.
        for (position, continuation) in ready { continuation(position <= flushed ? nil : error) }
    }
}
