import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization

@testable import Redoubt
@testable import RedoubtEngine

/// What is done to the engine between the operations of a run, so that what is rare becomes common.
enum Interludes {
    /// Writes all dirty pages, mostly without a sync, and sometimes takes them out of memory.
    static let churn: Hunt.Interlude = { fault in
        { (client, number) throws(RedoubtError) in
            let engine = breaking(fault, client)
            let frames = dirtyFrames(engine)
            _ = try engine.flushing.writer.write(frames)
            // Where copies are overwritten too early, the ring must go round between two syncs.
            let period = fault == .forgetsUnsyncedSegments ? .max : 3
            if number % period == period - 1 { try engine.kernel.files.syncWritten() }
            guard number % 14 == 0 else { return }
            for index in frames { _ = engine.kernel.pool.evict(engine.kernel.pool.frame(index)) }
        }
    }

    /// Takes every page out of memory that can leave.
    static let shortage: Hunt.Interlude = { fault in
        { (client, _) throws(RedoubtError) in
            let pool = breaking(fault, client).kernel.pool
            for index in 0..<UInt32(pool.frameCount) { _ = pool.evict(pool.frame(index)) }
        }
    }

    /// Lets other threads write pages and checkpoints while the client works, in all operations but the last of
    /// `operationCount`.
    static func bustle(_ operationCount: Int) -> Hunt.Interlude {
        { fault in
            let bustle = Bustle()
            return { (client, number) throws(RedoubtError) in
                let engine = breaking(fault, client)
                bustle.end()
                if number + 1 < operationCount { try bustle.begin(engine, number) }
            }
        }
    }

    private static func breaking(_ fault: CleanerFault?, _ client: borrowing EngineClient) -> Engine {
        let engine = client.database.engine
        #if REDOUBT_INTERLEAVING
        engine.kernel.faults.store(fault?.rawValue ?? 0, ordering: .relaxed)
        #endif
        return engine
    }

    fileprivate static func dirtyFrames(_ engine: Engine) -> [UInt32] {
        let pool = engine.kernel.pool
        return (0..<UInt32(pool.frameCount)).filter { pool.frame($0).isDirty }
    }
}

/// The threads of an interlude that go on while the client works.
private final class Bustle: Sendable {
    private let threads = Mutex<[EngineThread]>([])

    func begin(_ engine: Engine, _ number: Int) throws(RedoubtError) {
        let frames = Interludes.dirtyFrames(engine)
        let writer = try Scheduling.start("bustle writer") { _ = try? engine.flushing.writer.write(frames) }
        let checkpointer = try Scheduling.start("bustle checkpoint") {
            Scheduling.sleep(microseconds: 40 * (number % 9))
            _ = try? engine.flushing.checkpoint()
        }
        threads.withLock { $0 = [writer, checkpointer] }
    }

    /// Waits for their end.
    func end() {
        let started = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in started { Scheduling.join(thread) }
    }
}
