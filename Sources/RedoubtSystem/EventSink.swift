package import RedoubtCore
import Synchronization

/// Where the engine posts what happened, for whoever listens.
///
/// Posting costs one load of a word that hardly ever changes while nobody listens. It never blocks on a listener: a
/// listener takes the event at once or drops it. To be called by background threads and on rare paths only.
///
/// Events posted before ``endOpening()`` are kept, at most ``openingCapacity`` of them, and are the first that each
/// listener gets: nobody can listen to a recovery that is over before there is a database to ask.
package final class EventSink: Sendable {
    /// Takes an event, or drops it; called with the sink locked, so it must not post and not wait.
    package typealias Listener = @Sendable (DatabaseEvent) -> Void

    /// The events that are kept for later listeners.
    package static let openingCapacity = 64

    private struct Entry {
        let token: Int
        let listener: Listener
        let ending: @Sendable () -> Void
    }

    private struct State {
        var number: UInt64 = 0
        var nextToken = 0
        var listeners: [Entry] = []
        var opening: [DatabaseEvent] = []
        var isOpening = true
        var isEnded = false
    }

    // Nothing inside the lock waits, so simulated threads may take it too.
    private let state = Mutex(State())
    private let isWanted = Atomic<Bool>(true)
    private let dropped = Atomic<UInt64>(0)

    /// Creates a sink that keeps what is posted until ``endOpening()``.
    package init() {}

    /// Tells every listener that `kind` happened now.
    package func post(_ kind: DatabaseEvent.Kind) {
        guard isWanted.load(ordering: .relaxed) else { return }
        state.withLock { state in
            state.number += 1
            // Read inside, so that times rise with the numbers.
            let now = Scheduling.now().nanoseconds
            let event = DatabaseEvent(number: state.number, nanoseconds: now, kind: kind)
            if state.isOpening && state.opening.count < Self.openingCapacity { state.opening.append(event) }
            for entry in state.listeners { entry.listener(event) }
        }
    }

    /// Ends the time in which events are kept for later listeners.
    package func endOpening() {
        state.withLock { state in
            state.isOpening = false
            isWanted.store(!state.listeners.isEmpty, ordering: .relaxed)
        }
    }

    /// Hands every event from now on to `listener`, and first those of the opening; returns what ends that.
    ///
    /// `ending` is called once, by ``end()``, and with nothing locked.
    package func listen(_ listener: @escaping Listener, ending: @escaping @Sendable () -> Void = {}) -> Int {
        let (token, isEnded) = state.withLock { state in
            for event in state.opening { listener(event) }
            state.nextToken += 1
            guard !state.isEnded else { return (state.nextToken, true) }
            state.listeners.append(Entry(token: state.nextToken, listener: listener, ending: ending))
            isWanted.store(true, ordering: .relaxed)
            return (state.nextToken, false)
        }
        if isEnded { ending() }
        return token
    }

    /// Lets all listeners go, and tells them.
    package func end() {
        let entries = state.withLock { state in
            defer {
                state.listeners = []
                state.isEnded = true
                state.isOpening = false
                isWanted.store(false, ordering: .relaxed)
            }
            return state.listeners
        }
        for entry in entries { entry.ending() }
    }

    /// Ends what ``listen(_:)`` began.
    package func stopListening(_ token: Int) {
        // Given back outside: what a listener holds may end others when it goes.
        let entries = state.withLock { state in
            let entries = state.listeners
            state.listeners.removeAll { $0.token == token }
            isWanted.store(state.isOpening || !state.listeners.isEmpty, ordering: .relaxed)
            return entries
        }
        withExtendedLifetime(entries) {}
    }

    /// The events that listeners were too slow for.
    package var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Takes note of an event that a listener dropped.
    package func countDrop() { dropped.wrappingAdd(1, ordering: .relaxed) }
}
