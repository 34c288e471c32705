import RedoubtCore
import RedoubtSystem
import Synchronization

/// Asynchronous I/O on a simulated storage: at once, or started at submission and ended late, in a seeded order.
final class SimulatedQueue: StorageQueue {
    private enum Work: Sendable {
        /// Ended, with the completion to be returned.
        case ended(StorageCompletion)
        /// A write that is under way: its bytes, and the number of its starting event.
        case writing(StorageRequest, SimulatedFile, [UInt8], sequence: Int)
        /// A read that is under way.
        case reading(StorageRequest, SimulatedFile)
    }

    private struct State: Sendable {
        var inFlight: [Work] = []
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
            let work = start(request)
            state.withLock { $0.inFlight.append(work) }
        }
    }

    private func start(_ request: StorageRequest) -> Work {
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
                if isReordering { return .reading(request, file) }
                return .ended(finishRead(request, file))
            }
            try file.checkWritable("write")
            let bytes = unsafe Array(request.buffer)
            let reorders = isReordering
            let sequence = try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) -> Int in
                let change = try file.admitted(bytes, at: request.offset, isAtomic: request.isAtomic, in: &world)
                if reorders { return world.record(.start(change)) }
                world.change(change)
                return -1
            }
            if reorders { return .writing(request, file, bytes, sequence: sequence) }
            return .ended(StorageCompletion(tag: request.tag, byteCount: bytes.count, error: nil))
        } catch {
            return .ended(StorageCompletion(tag: request.tag, byteCount: 0, error: error))
        }
    }

    func complete(minimum: Int) -> [StorageCompletion] {
        storage.schedulePoint()
        let chosen = state.withLock { state -> [Work] in
            guard isReordering else {
                let all = state.inFlight
                state.inFlight.removeAll()
                return all
            }
            let least = min(max(minimum, 0), state.inFlight.count)
            let extra = state.inFlight.count - least
            let count = least + (extra > 0 ? state.random.below(extra + 1) : 0)
            var chosen: [Work] = []
            for _ in 0..<count {
                chosen.append(state.inFlight.remove(at: state.random.below(state.inFlight.count)))
            }
            return chosen
        }
        return chosen.map(finish)
    }

    private func finish(_ work: Work) -> StorageCompletion {
        switch work {
        case .ended(let completion): return completion
        case .reading(let request, let file): return finishRead(request, file)
        case .writing(let request, let file, let bytes, let sequence):
            storage.inspect { world in
                world.image.apply(.write(file: file.number, offset: request.offset, bytes: bytes))
                world.record(.finish(sequence: sequence))
            }
            return StorageCompletion(tag: request.tag, byteCount: bytes.count, error: nil)
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
