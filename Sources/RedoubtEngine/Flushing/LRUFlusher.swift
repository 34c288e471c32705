import RedoubtCore
import RedoubtPolicy
import RedoubtSystem

/// The thread that keeps frames of one instance free, for policies that want such threads: then the page cleaner leaves
/// LRU lists alone, and neither can starve the other.
///
/// ## References
/// Percona Server 8.0: `buf_lru_manager_thread`.
struct LRUFlusher: Sendable {
    private let flushing: Flushing
    private let instance: PoolInstance
    private let writer: PageWriter

    /// After a batch that came to nothing, so long at least, in nanoseconds.
    private static var pause: UInt64 { 500_000 }

    init(_ flushing: Flushing, _ instance: PoolInstance, writer: PageWriter) {
        self.flushing = flushing
        self.instance = instance
        self.writer = writer
    }

    /// Works until flushing stops or the engine is fenced.
    ///
    /// Waits.
    func run() {
        var options = flushing.options
        var decisions = makeDecisions(options.policy)
        var inputs = LRUInputs()
        while !flushing.isStopping && !flushing.kernel.health.isFenced {
            let ticket = instance.roomWanted.ticket
            guard flushing.pool.lruFlushersServe else {
                // A fence may come from elsewhere, and wakes nobody here.
                instance.roomWanted.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 1000))
                continue
            }
            let present = flushing.options
            if present.policy != options.policy { decisions = makeDecisions(present.policy) }
            options = present
            read(options, &inputs)
            let recommendation = decisions.decideLRU(inputs)
            instance.setRoomMark(max(instance.freeTarget, recommendation.freeTarget) / 2)
            let wasVain = inputs.lastWritten == 0 && inputs.lastEvicted == 0
            let sleep = wasVain ? max(recommendation.sleep, Self.pause) : recommendation.sleep
            if sleep > 0 {
                instance.roomWanted.wait(ticket, deadline: EngineInstant(nanoseconds: inputs.now + sleep))
                if flushing.isStopping { return }
            }
            do throws(RedoubtError) {
                let (freed, outcome) = try flushing.flushLRU(
                    instance,
                    target: recommendation.freeTarget,
                    pages: recommendation.pages,
                    writer
                )
                inputs.lastWritten = outcome.written
                inputs.lastEvicted = max(0, freed - outcome.written)
            } catch {
                // A fence ends the loop; a full disk may have room again.
                inputs.lastWritten = 0
                inputs.lastEvicted = 0
                if error.code != .fenced { Scheduling.sleep(microseconds: 100_000) }
            }
        }
    }

    private func read(_ options: Configuration.Flushing, _ inputs: inout LRUInputs) {
        inputs.now = Scheduling.now().nanoseconds
        inputs.freeFrameCount = instance.freeCount
        inputs.freeFrameTarget = instance.freeTarget
        inputs.pageCount = instance.pageCount
        inputs.framesTaken = instance.framesTaken
        inputs.frameWaits = instance.frameWaits
        inputs.options = options
    }
}

/// The LRU flushers of all instances; started when a policy first wants them.
struct LRUFlushers {
    private let flushing: Flushing
    private var threads: [EngineThread] = []
    private var nextTry: UInt64 = 0

    /// Nanoseconds before flushers that could not be started are tried again.
    private static let pause: UInt64 = 1_000_000_000

    init(_ flushing: Flushing) {
        self.flushing = flushing
    }

    /// Has the flushers serve their LRU lists, or not.
    ///
    /// While they cannot be started the page cleaner goes on serving the lists, and it is tried again a second later.
    mutating func setServing(_ wanted: Bool, at now: UInt64) {
        let pool = flushing.pool
        if wanted && threads.count < pool.instances.count {
            guard now >= nextTry else { return }
            do throws(RedoubtError) {
                while threads.count < pool.instances.count { try startNext() }
            } catch {
                nextTry = now + Self.pause
                pool.setLRUFlushersServe(flushing.breaks(.endsOnError))
                return
            }
        }
        guard pool.lruFlushersServe != wanted else { return }
        pool.setLRUFlushersServe(wanted)
        for instance in pool.instances { instance.roomWanted.signal() }
    }

    private mutating func startNext() throws(RedoubtError) {
        let instance = flushing.pool.instances[threads.count]
        let writer = try flushing.writer(number: flushing.cleanerThreadCount + instance.number)
        let flusher = LRUFlusher(flushing, instance, writer: writer)
        threads.append(try flushing.startWriting("LRU flusher \(instance.number)") { flusher.run() })
    }

    /// Waits for the flushers to end; flushing is stopping, or the engine is fenced.
    mutating func join() {
        flushing.pool.setLRUFlushersServe(false)
        for instance in flushing.pool.instances { instance.roomWanted.signal() }
        for thread in threads { Scheduling.join(thread) }
        threads = []
    }
}
