import RedoubtCore
import RedoubtSimulation

/// What a power cut at any moment of a recording may leave, in the order in which it is judged.
struct CrashStates: Sendable {
    struct State: Sendable {
        let epoch: Int
        let choice: CrashChoice
    }

    let epochs: [CrashEpoch]
    /// Every epoch has its turn, and a seeded one of its choices is taken; again and again until none are left.
    let states: [State]

    init(_ epochs: [CrashEpoch], seed: UInt64) {
        self.epochs = epochs
        var random = SeededRandom(seed: mix(seed))
        var ranked: [(rank: Int, draw: UInt64, state: State)] = []
        for (index, epoch) in epochs.enumerated() {
            let choices = CrashChoice.list(epoch, isLast: index == epochs.count - 1, seed: mix(seed ^ UInt64(index)))
            for (rank, choice) in choices.shuffled(using: &random).enumerated() {
                ranked.append((rank, random.next(), State(epoch: index, choice: choice)))
            }
        }
        ranked.sort { ($0.rank, $0.draw) < ($1.rank, $1.draw) }
        states = ranked.map(\.state)
    }

    /// Says which one a state is.
    func text(_ state: State) -> String {
        let epoch = epochs[state.epoch]
        return "epoch \(state.epoch) of \(epochs.count), \(epoch.writes.count) writes, \(state.choice), "
            + "acknowledged \(epoch.window.lowerBound), issued \(epoch.window.upperBound)"
    }
}
