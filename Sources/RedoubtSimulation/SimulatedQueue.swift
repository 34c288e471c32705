import RedoubtCore
import RedoubtSystem
import Synchronization

/// Asynchronous I/O on a simulated storage: at once, or started at submission and ended late, in a seeded order.
final class SimulatedQueue: StorageQueue {
    private enum Work: Sendable {
        /// Ended, with the completion to be returned.
        case ended(StorageCompletion)
        /// A write that is under way: its change, and the number of its starting event.
        case writing(StorageRequest, StorageChange, sequence: Int)
        /// A read that is under way.
        case reading(StorageRequest, SimulatedFile)
    }

    /// A transfer, and the virtual time before which it does not end.
    private struct Transfer: Sendable {
        let work: Work
        var due: UInt64 = 0
    }

    private struct State: Sendable {
        var inFlight: [Transfer] = []
        var random: SeededRandom
    }

    private let storage: SimulatedStorage
    private let depth: Int
    private let isReordering: Bool
    private let state: Mutex<State>

    init(storage: SimulatedStorage, depth: Int, options: SimulatedStorage.Options) {
        self.storage = storage
        self.depth = depth
        isReordering = options.reordersCompletions
        state = Mutex(State(random: SeededRandom(seed: options.seed)))
    }

    var inFlightCount: Int { state.withLock { $0.inFlight.count } }

    func submit(_ requests: [StorageRequest]) {
        for request in requests {
            storage.schedulePoint()
            let transfer = start(request)
            state.withLock { $0.inFlight.append(transfer) }
        }
    }

    private func start(_ request: StorageRequest) -> Transfer {
        guard let file = request.file as? SimulatedFile, file.storage === storage else {
            preconditionFailure("\(request.file.path) is not a file of this simulated storage")
        }
        do throws(RedoubtError) {
            unsafe try file.checkTransfer(
                request.isWrite ? "write" : "read",
                UnsafeRawBufferPointer(request.buffer),
                request.offset
            )
            if !request.isWrite {
                return Transfer(work: isReordering ? .reading(request, file) : .ended(finishRead(request, file)))
            }
            try file.checkWritable("write")
            return try startWrite(request, file)
        } catch {
            return Transfer(work: .ended(StorageCompletion(tag: request.tag, byteCount: 0, error: error)))
        }
    }

    private func startWrite(_ request: StorageRequest, _ file: SimulatedFile) throws(RedoubtError) -> Transfer {
        let bytes = unsafe Array(request.buffer)
        let isReordering = isReordering
        let (started, delay) = try storage.withWorld {
            (world: inout SimulatedStorage.World) throws(RedoubtError) -> (Work?, Int) in
            let change = try file.admitted(bytes, at: request.offset, isAtomic: request.isAtomic, in: &world)
            // The request ends late, and who submits it goes on.
            let delay = world.takeDelay()
            guard let change else { return (nil, delay) }
            if isReordering {
                return (.writing(request, change, sequence: world.record(.start(change))), delay)
            }
            world.change(change)
            return (nil, delay)
        }
        let due = delay > 0 && Scheduling.isSimulated ? Scheduling.now().advanced(microseconds: delay).nanoseconds : 0
        let ended = Work.ended(StorageCompletion(tag: request.tag, byteCount: bytes.count, error: nil))
        return Transfer(work: started ?? ended, due: due)
    }

    func complete(minimum: Int) -> [StorageCompletion] {
        storage.schedulePoint()
        while true {
            let (chosen, due) = state.withLock { choose(minimum, &$0) }
            guard let due else { return chosen.map { finish($0.work) } }
            // Too few can end yet.
            Scheduling.sleep(microseconds: Int(due.nanoseconds(since: Scheduling.now()) / 1000) + 1)
        }
    }

    /// Takes out what ends now, or says when enough can.
    private func choose(_ minimum: Int, _ state: inout State) -> ([Transfer], until: EngineInstant?) {
        let least = min(max(minimum, 0), state.inFlight.count)
        let isDelayed = state.inFlight.contains { $0.due > 0 }
        let now = isDelayed ? Scheduling.now().nanoseconds : 0
        var ready = state.inFlight.indices.filter { state.inFlight[$0].due <= now }
        if ready.count < least {
            return ([], EngineInstant(nanoseconds: state.inFlight.map(\.due).sorted()[least - 1]))
        }
        var count = ready.count
        if isReordering {
            let extra = ready.count - least
            count = least + (extra > 0 ? state.random.below(extra + 1) : 0)
        }
        var chosen: [Int] = []
        for _ in 0..<count { chosen.append(ready.remove(at: isReordering ? state.random.below(ready.count) : 0)) }
        let transfers = chosen.map { state.inFlight[$0] }
        for index in chosen.sorted(by: >) { state.inFlight.remove(at: index) }
        return (transfers, nil)
    }

    private func finish(_ work: Work) -> StorageCompletion {
        switch work {
        case .ended(let completion): return completion
        case .reading(let request, let file): return finishRead(request, file)
        case .writing(let request, let change, let sequence):
            storage.inspect { world in
                world.apply(change)
                world.record(.finish(sequence: sequence))
            }
            return unsafe StorageCompletion(tag: request.tag, byteCount: request.buffer.count, error: nil)
        }
    }

    private func finishRead(_ request: StorageRequest, _ file: SimulatedFile) -> StorageCompletion {
        do throws(RedoubtError) {
            let count = unsafe try file.read(into: request.buffer, at: request.offset)
            return StorageCompletion(tag: request.tag, byteCount: count, error: nil)
        } catch {
            return StorageCompletion(tag: request.tag, byteCount: 0, error: error)
        }
    }
}
