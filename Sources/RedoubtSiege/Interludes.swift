import Redoubt
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// What is done to the engine between the operations of a run, so that what is rare becomes common.
enum Interludes {
    /// Writes all dirty pages, sometimes takes them out of memory, and syncs them once in `period` operations; never
    /// if that is nil, so that the ring of copies goes round between two syncs.
    static func churn(syncingEach period: Int? = 3) -> Hunt.Interlude {
        { fault in
            { (client, number) throws(RedoubtError) in
                let engine = client.database.engine
                engine.breaking(fault)
                let frames = engine.dirtyFrames
                try engine.write(frames)
                if let period, number % period == period - 1 { try engine.syncWritten() }
                if number % 14 == 0 { engine.evict(frames) }
            }
        }
    }

    /// Takes every page out of memory that can leave.
    static let shortage: Hunt.Interlude = { fault in
        { (client, _) throws(RedoubtError) in
            client.database.engine.breaking(fault)
            client.database.engine.evict()
        }
    }

    /// Lets other threads write pages and checkpoints while the client works, in all operations but the last of
    /// `operationCount`.
    static func bustle(_ operationCount: Int) -> Hunt.Interlude {
        { fault in
            let bustle = Bustle()
            return { (client, number) throws(RedoubtError) in
                let engine = client.database.engine
                engine.breaking(fault)
                bustle.end()
                if number + 1 < operationCount { try bustle.begin(engine, number) }
            }
        }
    }
}

/// The threads of an interlude that go on while the client works.
private final class Bustle: Sendable {
    private let threads = Mutex<[EngineThread]>([])

    func begin(_ engine: Engine, _ number: Int) throws(RedoubtError) {
        let frames = engine.dirtyFrames
        let writer = try Scheduling.start("bustle writer") { try? engine.write(frames) }
        let checkpointer = try Scheduling.start("bustle checkpoint") {
            Scheduling.sleep(microseconds: 40 * (number % 9))
            try? engine.advanceCheckpoint()
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
