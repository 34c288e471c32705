import RedoubtCore

/// Asynchronous I/O by a few threads that make blocking calls, for where the kernel has none of its own.
final class ThreadIOQueue: StorageQueue, @unchecked Sendable {
    private let core: Core
    private let threads: [EngineThread]
    private let depth: Int

    var inFlightCount: Int { core.lock.withLock { core.inFlight } }

    /// Starts the threads of a queue for `depth` requests.
    init(depth: Int) throws(RedoubtError) {
        let core = Core()
        self.core = core
        self.depth = depth
        var started: [EngineThread] = []
        do throws(RedoubtError) {
            for number in 0..<min(depth, 8) {
                started.append(try Scheduling.start("redoubt-io-\(number)") { core.serve() })
            }
        } catch {
            // Fewer threads are slower, none are no queue.
            if started.isEmpty { throw error }
        }
        threads = started
    }

    deinit {
        core.stop()
        for thread in threads { Scheduling.join(thread) }
    }

    func submit(_ requests: [StorageRequest]) {
        for request in requests {
            core.waitUntil { $0.pending.count + $0.running < depth }
            core.lock.withLock {
                core.pending.append(request)
                core.inFlight += 1
            }
            core.work.signal()
        }
    }

    func complete(minimum: Int) -> [StorageCompletion] {
        core.waitUntil { $0.ended.count >= min(minimum, $0.inFlight) }
        return core.lock.withLock {
            let ended = core.ended
            core.ended = []
            core.inFlight -= ended.count
            return ended
        }
    }

    /// What the threads share with the queue; all of it under the lock.
    final class Core: @unchecked Sendable {
        let lock = EngineLock()
        let work = Event()
        let progress = Event()
        var pending: [StorageRequest] = []
        var ended: [StorageCompletion] = []
        var running = 0
        var inFlight = 0
        var isStopping = false

        /// Waits until `condition` holds, as seen under the lock.
        func waitUntil(_ condition: (Core) -> Bool) {
            while true {
                let ticket = progress.ticket
                if lock.withLock({ condition(self) }) { return }
                progress.wait(ticket)
            }
        }

        func stop() {
            lock.withLock { isStopping = true }
            work.signal()
        }

        /// The body of each thread: ends once the queue stops and nothing is pending.
        func serve() {
            while true {
                let ticket = work.ticket
                let (request, isOver) = lock.withLock { take() }
                if let request {
                    let completion = Self.perform(request)
                    lock.withLock {
                        running -= 1
                        ended.append(completion)
                    }
                    progress.signal()
                } else if isOver {
                    return
                } else {
                    work.wait(ticket)
                }
            }
        }

        private func take() -> (StorageRequest?, Bool) {
            guard !pending.isEmpty else { return (nil, isStopping) }
            running += 1
            return (pending.removeFirst(), false)
        }

        static func perform(_ request: StorageRequest) -> StorageCompletion {
            do throws(RedoubtError) {
                if !request.isWrite {
                    let count = try unsafe request.file.read(into: request.buffer, at: request.offset)
                    return StorageCompletion(tag: request.tag, byteCount: count, error: nil)
                }
                let source = unsafe UnsafeRawBufferPointer(request.buffer)
                if request.isAtomic {
                    try unsafe request.file.writeAtomically(source, at: request.offset)
                } else {
                    try unsafe request.file.write(source, at: request.offset)
                }
                return unsafe StorageCompletion(tag: request.tag, byteCount: request.buffer.count, error: nil)
            } catch {
                return StorageCompletion(tag: request.tag, byteCount: 0, error: error)
            }
        }
    }
}
