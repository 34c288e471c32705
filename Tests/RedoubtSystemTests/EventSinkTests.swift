import RedoubtCore
import RedoubtSystem
import Synchronization
import Testing

/// Goal: a listener gets every event once, in order, and those of the opening first. Method: a sink by itself, with
/// listeners that come early and late.
@Suite struct EventSinkTests {
    @Test("who listens late still gets what was posted while opening, and gets it first")
    func openingFirst() {
        let sink = EventSink()
        sink.post(.recoveryBegan(.scanning))
        sink.post(.opened)
        sink.endOpening()
        sink.post(.fenced)
        let seen = Mutex<[DatabaseEvent]>([])
        let token = sink.listen { event in seen.withLock { $0.append(event) } }
        sink.post(.syncFlushEntered(age: 7))
        sink.stopListening(token)
        sink.post(.syncFlushLeft(age: 3))
        let events = seen.withLock { $0 }
        #expect(events.map(\.kind) == [.recoveryBegan(.scanning), .opened, .syncFlushEntered(age: 7)])
        // What nobody listened to has no number.
        #expect(events.map(\.number) == [1, 2, 3])
    }

    @Test("events of many threads reach a listener in the order of their numbers")
    func order() throws {
        let sink = EventSink()
        sink.endOpening()
        let seen = Mutex<[DatabaseEvent]>([])
        let token = sink.listen { event in seen.withLock { $0.append(event) } }
        let threads = try (0..<4).map { thread in
            try Scheduling.start("poster") {
                for step in 0..<500 { sink.post(.flushBatchBegan(.lru, pages: thread * 1000 + step)) }
            }
        }
        for thread in threads { Scheduling.join(thread) }
        sink.stopListening(token)
        let events = seen.withLock { $0 }
        #expect(events.map(\.number) == Array(1...2000))
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.nanoseconds <= $1.nanoseconds })
        for thread in 0..<4 {
            let own = events.compactMap { event -> Int? in
                guard case .flushBatchBegan(_, let pages) = event.kind, pages / 1000 == thread else { return nil }
                return pages % 1000
            }
            #expect(own == Array(0..<500))
        }
    }
}
