import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

private final class Flagged: @unchecked Sendable {
    let event = Event()
    var flag = 0

    func await(_ value: Int, takesTicketFirst: Bool = true) {
        while true {
            let early = event.ticket
            Scheduling.atomicStep()
            if flag >= value { return }
            // The planted fault: a ticket that is younger than the look at the condition.
            event.wait(takesTicketFirst ? early : event.ticket)
        }
    }

    func raise() {
        Scheduling.atomicStep()
        flag += 1
        event.signal()
    }
}

/// Goal: no signal is lost between ticket and wait. Method: all orders of few steps, and OS threads that play
/// ping-pong.
@Suite struct EventTests {
    @Test("no order of steps loses a signal", arguments: [1, 2])
    func interleavings(waiters: Int) throws {
        let report = try exploreInterleavings(
            threads: waiters + 1,
            preemptions: waiters == 1 ? 4 : 2,
            make: { Flagged() },
            body: { index, flagged in
                if index > 0 { return flagged.await(2) }
                flagged.raise()
                flagged.raise()
            },
            check: { $0.flag == 2 ? nil : "the flag is \($0.flag)" }
        )
        #expect(report.failure == nil)
        #expect(report.isComplete)
    }

    #if REDOUBT_INTERLEAVING
    @Test("a ticket taken too late is caught")
    func plantedLateTicket() throws {
        let report = try exploreInterleavings(
            threads: 2,
            preemptions: 2,
            make: { Flagged() },
            body: { index, flagged in
                if index == 0 { flagged.raise() } else { flagged.await(1, takesTicketFirst: false) }
            },
            check: { _ in nil }
        )
        #expect(report.failure?.contains("wait for ever") == true)
    }
    #endif

    @Test("two threads that wait for each other thousands of times both end")
    func pingPong() throws {
        let event = Event()
        let turn = Atomic<Int>(0)
        let rounds = 3000
        try onThreads(2) { index in
            for round in 0..<rounds {
                while true {
                    if turn.load(ordering: .acquiring) == 2 * round + index { break }
                    let ticket = event.ticket
                    if turn.load(ordering: .acquiring) == 2 * round + index { break }
                    event.wait(ticket)
                }
                turn.wrappingAdd(1, ordering: .releasing)
                event.signal()
            }
        }
        #expect(turn.load(ordering: .relaxed) == 2 * rounds)
    }

    @Test("a wait ends at its deadline, and at once after a signal")
    func deadline() {
        let event = Event()
        let ticket = event.ticket
        let start = Scheduling.now()
        #expect(!event.wait(ticket, deadline: start.advanced(milliseconds: 20)))
        #expect(Scheduling.now().nanoseconds(since: start) >= 20_000_000)
        event.signal()
        #expect(event.wait(ticket, deadline: Scheduling.now()))
        #expect(event.ticket != ticket)
    }

    @Test("positions fall into the golden slots")
    func slots() {
        let events = EventArray()
        #expect(events.count == 2048)
        let golden: [(LogSequenceNumber, Int)] = [(8204, 16), (8704, 16), (8705, 17), (1_048_577, 0), (1, 0), (512, 0)]
        for (position, slot) in golden { #expect(events.slot(of: position) == slot) }
    }

    @Test("a range signals the slots of its positions and no others")
    func ranges() {
        let events = EventArray(count: 8)
        func signalled(after start: LogSequenceNumber, through end: LogSequenceNumber) -> [Int] {
            let tickets = (0..<8).map { events.ticket($0) }
            events.signal(after: start, through: end)
            return (0..<8).filter { events.wait($0, tickets[$0], deadline: Scheduling.now()) }
        }
        #expect(signalled(after: 8204, through: 8204).isEmpty)
        #expect(signalled(after: 8204, through: 8205) == [0])
        #expect(signalled(after: 8204, through: 8704) == [0])
        #expect(signalled(after: 8704, through: 8705) == [1])
        #expect(signalled(after: 8600, through: 8705) == [0, 1])
        #expect(signalled(after: 11_800, through: 12_400) == [0, 7])
        #expect(signalled(after: 8192, through: 1_073_741_824) == Array(0..<8))
    }
}
