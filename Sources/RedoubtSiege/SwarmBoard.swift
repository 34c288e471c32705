package import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// What the clients of a simulation say about themselves, and what cuts of the power take from it.
package final class SwarmBoard: Sendable {
    /// How far a client is, in commits of its own.
    package struct Progress: Sendable {
        /// Those that are durable.
        var flushed = 0
        /// Those that a kill of the process leaves.
        var written = 0
        /// Those asked for.
        var issued = 0
    }

    /// A disk that was left, and what has to be found on it.
    package struct Cut: Sendable {
        /// What it was.
        package let name: String
        /// The disk.
        package let storage: SimulatedStorage
        /// For each client the numbers of commits of which one has to be that after which the content was as found.
        package let windows: [ClosedRange<Int>]
    }

    private struct State: Sendable {
        var progress: [Progress]
        var models: [ReferenceModel?]
        var operationCount = 0
        var doneCount = 0
        var longestNanoseconds: UInt64 = 0
        var violations: [String] = []
        var failures: [String] = []
    }

    private let state: Mutex<State>

    init(clientCount: Int) {
        state = Mutex(
            State(
                progress: [Progress](repeating: Progress(), count: clientCount),
                models: [ReferenceModel?](repeating: nil, count: clientCount)
            )
        )
    }

    /// Whether every client has ended.
    var isDone: Bool { state.withLock { $0.doneCount == $0.progress.count } }
    /// The operations that ended.
    var operationCount: Int { state.withLock { $0.operationCount } }
    /// The longest virtual time of one of them.
    var longestNanoseconds: UInt64 { state.withLock { $0.longestNanoseconds } }
    /// What clients found wrong.
    var violations: [String] { state.withLock { $0.violations } }
    /// The errors that ended clients.
    var failures: [String] { state.withLock { $0.failures } }
    /// What each client did.
    var models: [ReferenceModel] { state.withLock { $0.models.map { $0 ?? ReferenceModel() } } }

    func note(_ client: Int, _ change: (inout Progress) -> Void) {
        state.withLock { change(&$0.progress[client]) }
    }

    func ended(_ nanoseconds: UInt64) {
        state.withLock { state in
            state.operationCount += 1
            state.longestNanoseconds = max(state.longestNanoseconds, nanoseconds)
        }
    }

    func wrong(_ text: String) {
        state.withLock { $0.violations.append(text) }
    }

    func failed(_ text: String) {
        state.withLock { $0.failures.append(text) }
    }

    func done(_ client: Int, _ model: ReferenceModel) {
        state.withLock { state in
            state.models[client] = model
            state.doneCount += 1
        }
    }

    /// Cuts the power of `storage` now, or kills the process if `cut` is nil.
    ///
    /// No thread of the simulation runs between the look at the clients and the cut.
    /// - Parameter mayFail: Whether what was only handed over may be lost by an error of the disk.
    func cut(_ storage: SimulatedStorage, _ cut: PowerCut?, mayFail: Bool) -> Cut {
        let progress = state.withLock { $0.progress }
        let windows = progress.map { client in
            let least = cut == nil && !mayFail ? max(client.flushed, client.written) : client.flushed
            return least...max(least, client.issued)
        }
        guard let cut else { return Cut(name: "a kill", storage: storage.killed(), windows: windows) }
        return Cut(name: "a power cut that keeps \(cut)", storage: storage.powerCut(cut), windows: windows)
    }
}
