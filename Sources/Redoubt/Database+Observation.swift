public import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization

/// What a database says about itself while it is open.
extension Database {
    /// What happened since it was opened, and how full it is.
    ///
    /// - Throws: `.closed`.
    public func statistics() throws(RedoubtError) -> Statistics {
        try call { () throws(RedoubtError) in Statistics(engine.statistics()) }
    }

    /// The statistics as text, in the sections of `SHOW ENGINE INNODB STATUS`; rates are averages since the last one.
    ///
    /// - Throws: `.closed`.
    public func statusReport() throws(RedoubtError) -> String {
        let now = try statistics()
        let before = lastReported.withLock { last in
            defer { last = now }
            return last
        }
        return now.statusReport(since: before)
    }

    /// The statistics in the text format that Prometheus scrapes.
    ///
    /// - Throws: `.closed`.
    public func metrics() throws(RedoubtError) -> String { try statistics().metrics() }

    /// What happens in the background from now on, and first what happened while the database was being opened: batches
    /// of page writes, checkpoints, stalls, back-pressure, phases of recovery.
    ///
    ///     for await event in database.events() { print(event.kind) }
    ///
    /// Each call makes a stream of its own, which ends when the database is closed. A stream keeps the newest
    /// `capacity` events for a listener that falls behind; what it loses shows as a gap in ``DatabaseEvent/number``
    /// and in ``CounterName/eventsDropped``. Nothing waits for a listener, and nothing is posted without one.
    public func events(capacity: Int = 1024) -> AsyncStream<DatabaseEvent> {
        let sink = engine.source.events
        let (stream, continuation) = AsyncStream<DatabaseEvent>.makeStream(
            bufferingPolicy: .bufferingNewest(max(1, capacity))
        )
        let token = sink.listen { event in
            if case .dropped = continuation.yield(event) { sink.countDrop() }
        } ending: {
            continuation.finish()
        }
        continuation.onTermination = { _ in sink.stopListening(token) }
        return stream
    }
}
