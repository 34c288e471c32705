import RedoubtCore
import RedoubtSystem
import Synchronization

/// The threads of a redo log in its shape, and how they are woken.
///
///     single        one thread writes, syncs and notifies
///     self-writing  whoever waits for durability does, if nobody else is at it; one thread stands by for deferred
///                   commits, for continuations, and for whoever came while somebody else was at it
///     dedicated     a writer, a flusher, and a notifier for each
///
/// In each of them, whoever waits only until redo is written writes, if nobody else is at it: a write to the page cache
/// takes less time than waking a thread.
final class LogThreads: @unchecked Sendable {
    private let shape: Configuration.RedoLog.Shape
    private let running = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private let processor = ProcessCPU()
    private let spinPolicy = SpinPolicy()
    private let work = Event()
    private let flushWork = Event()
    private let writtenNews = Event()
    private let flushedNews = Event()
    // Touched by start and stop only.
    private var started: [EngineThread] = []

    init(shape: Configuration.RedoLog.Shape) {
        let isLarge = processor.processorCount >= Self.largeProcessorCount
        self.shape = shape == .automatic ? (isLarge ? .dedicated : .selfWriting) : shape
    }

    /// From as many processors on there are dedicated threads, and waiting committers spin.
    private static let largeProcessorCount = 8

    /// Whether there are threads that do the work.
    var areRunning: Bool { running.load(ordering: .acquiring) }
    /// Whether a committer that wants durability writes and syncs if nobody else does.
    var letsCommittersWrite: Bool { shape == .selfWriting }

    func start(_ log: RedoLog) throws(RedoubtError) {
        precondition(!areRunning, "the threads of the redo log are running")
        stopping.store(false, ordering: .releasing)
        // What the notifiers have told: read before anybody can wait for them, not when they first run.
        let written = log.written.value.load(ordering: .acquiring)
        let flushed = log.flushed.value.load(ordering: .acquiring)
        running.store(true, ordering: .releasing)
        do throws(RedoubtError) {
            if shape == .dedicated {
                started.append(try Scheduling.startBackground("log-writer") { self.runWriter(log) })
                started.append(try Scheduling.startBackground("log-flusher") { self.runFlusher(log) })
                started.append(
                    try Scheduling.startBackground("log-wr-notify") {
                        self.runNotifier(self.writtenNews, log.written.value, told: written, log.writtenEvents)
                    }
                )
                started.append(
                    try Scheduling.startBackground("log-fl-notify") {
                        self.runNotifier(self.flushedNews, log.flushed.value, told: flushed, log.flushedEvents)
                    }
                )
            } else {
                started.append(try Scheduling.startBackground("log") { self.runSingle(log) })
            }
        } catch {
            stop()
            throw error
        }
    }

    /// Ends and joins the threads.
    ///
    /// Waits.
    func stop() {
        stopping.store(true, ordering: .releasing)
        running.store(false, ordering: .releasing)
        wakeAll()
        for thread in started { Scheduling.join(thread) }
        started = []
    }

    /// Tells the working threads that there are requests, or that the buffer fills.
    func wake() {
        work.signal()
        // What is wanted may be written already, and then the writer has no news for the flusher.
        if shape == .dedicated { flushWork.signal() }
    }

    /// Spins until `condition` holds, as long as the processors are idle enough for that; never on a small machine.
    func spin(until condition: () -> Bool) {
        guard processor.processorCount >= Self.largeProcessorCount else { return }
        let turns = spinPolicy.spinCount(share: processor.percentOfAll, ofOne: processor.percentOfOne)
        for _ in 0..<turns {
            if condition() { return }
            Scheduling.spinOnce()
        }
    }

    /// Wakes all threads.
    func wakeAll() {
        for event in [work, flushWork, writtenNews, flushedNews] { event.signal() }
    }

    /// Announces that the written position moved.
    func notifyWritten(_ log: RedoLog, from before: UInt64, to after: UInt64, by route: LogRoute) {
        if shape == .dedicated, areRunning {
            // Who writes to the page cache wakes the few who came meanwhile.
            if route == .device { writtenNews.signal() } else { Self.signalWritten(log, from: before, to: after) }
            // Who asks wakes the flusher too, which looks at the position that was stored before this fence.
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            if log.hasFlushRequests { flushWork.signal() }
        } else {
            Self.signalWritten(log, from: before, to: after)
        }
    }

    private static func signalWritten(_ log: RedoLog, from before: UInt64, to after: UInt64) {
        log.writtenEvents.signal(
            after: LogSequenceNumber(rawValue: before),
            through: LogSequenceNumber(rawValue: after)
        )
    }

    /// Announces that the flushed position moved.
    func notifyFlushed(_ log: RedoLog, from before: UInt64, to after: UInt64) {
        if shape == .dedicated, areRunning {
            flushedNews.signal()
        } else {
            log.flushedEvents.signal(
                after: LogSequenceNumber(rawValue: before),
                through: LogSequenceNumber(rawValue: after)
            )
        }
    }

    private var shallStop: Bool { stopping.load(ordering: .acquiring) }

    // MARK: Bodies

    private func runSingle(_ log: RedoLog) {
        var last = Scheduling.now()
        var backoff = Backoff()
        while !shallStop {
            let ticket = work.ticket
            let due = Self.due(log, after: last)
            let isActive = !log.health.isFenced
            if isActive, log.hasRequests || log.isBufferHalfFull {
                let before = log.writtenLSN
                Self.serve(log, deferred: false)
                pauseIfFull(log)
                // Half full of what is still being copied: let those who copy run.
                if log.writtenLSN == before { backoff.pause() } else { backoff = Backoff() }
            } else if isActive, log.isMuchUnsynced {
                log.sync(settledOnly: true)
            } else if isActive, Scheduling.now() >= due {
                Self.serve(log, deferred: true)
                pauseIfFull(log)
                last = Scheduling.now()
            } else if !shallStop {
                // After a fence there is nothing left to do but to stop.
                work.wait(ticket, deadline: isActive ? due : nil)
            }
        }
    }

    /// Leaves redo that found no space alone for a while, whoever asks.
    private func pauseIfFull(_ log: RedoLog) {
        if log.streamSpace.isFull && !shallStop { Scheduling.sleep(microseconds: RedoLog.spacePause) }
    }

    /// Writes and syncs what is asked for; with `deferred`, everything there is.
    private static func serve(_ log: RedoLog, deferred: Bool) {
        log.leading.lock()
        defer { log.endLeading() }
        let flush = log.flushRequest.value.load(ordering: .acquiring)
        log.beginWriting()
        log.write(atLeast: log.streamSpace.isFull ? max(flush, log.writeRequestLSN) : flush, by: .device)
        log.endWriting()
        let flushed = log.flushed.value.load(ordering: .acquiring)
        if flush > flushed { return log.sync() }
        guard deferred else { return }
        // Most of it first, while others go on writing.
        if log.writtenLSN.rawValue - flushed > UInt64(RedoLog.unsyncedByteCountSmall) { log.sync(settledOnly: true) }
        log.sync()
    }

    /// When what is deferred must become durable, if it last did at `last`.
    private static func due(_ log: RedoLog, after last: EngineInstant) -> EngineInstant {
        last.advanced(milliseconds: log.deferredFlushMilliseconds.load(ordering: .acquiring))
    }

    private func runWriter(_ log: RedoLog) {
        var backoff = Backoff()
        while !shallStop {
            let ticket = work.ticket
            if log.health.isFenced {
                if !shallStop { work.wait(ticket) }
                continue
            }
            let flush = log.flushRequest.value.load(ordering: .acquiring)
            let wanted = log.streamSpace.isFull ? max(flush, log.writeRequestLSN) : flush
            if wanted > log.written.value.load(ordering: .acquiring) || log.isBufferHalfFull {
                let before = log.writtenLSN
                log.beginWriting()
                log.write(atLeast: wanted, by: .device)
                log.endWriting()
                pauseIfFull(log)
                if log.writtenLSN == before { backoff.pause() } else { backoff = Backoff() }
            } else if !shallStop {
                let isDue = !work.wait(ticket, deadline: Self.due(log, after: Scheduling.now()))
                if isDue {
                    log.writeReady()
                    pauseIfFull(log)
                }
            }
        }
    }

    private func runFlusher(_ log: RedoLog) {
        var last = Scheduling.now()
        while !shallStop {
            let ticket = flushWork.ticket
            let due = Self.due(log, after: last)
            let flushed = log.flushed.value.load(ordering: .acquiring)
            let written = log.written.value.load(ordering: .acquiring)
            let isWanted = log.flushRequest.value.load(ordering: .acquiring) > flushed
            if !log.health.isFenced, written > flushed, isWanted || Scheduling.now() >= due {
                log.sync()
                last = Scheduling.now()
            } else if !log.health.isFenced, log.isMuchUnsynced {
                log.sync(settledOnly: true)
            } else if log.health.isFenced {
                if !shallStop { flushWork.wait(ticket) }
            } else if !shallStop, !flushWork.wait(ticket, deadline: due), written == flushed {
                last = Scheduling.now()
            }
        }
    }

    private func runNotifier(
        _ news: Event,
        _ position: borrowing Atomic<UInt64>,
        told before: UInt64,
        _ events: EventArray
    ) {
        var told = before
        while !shallStop {
            let ticket = news.ticket
            let present = position.load(ordering: .acquiring)
            if present > told {
                events.signal(
                    after: LogSequenceNumber(rawValue: told),
                    through: LogSequenceNumber(rawValue: present)
                )
                told = present
            } else if !shallStop {
                news.wait(ticket)
            }
        }
    }
}
