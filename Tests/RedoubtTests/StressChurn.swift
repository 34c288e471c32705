import Redoubt
import RedoubtCore
import Synchronization

/// The thread of a stress test that creates, fills, renames and drops keyspaces while the others use them.
final class StressChurn {
    private let world: StressWorld
    private var random: SeededRandom
    private var round = 0

    init(_ world: StressWorld, seed: UInt64) {
        self.world = world
        random = SeededRandom(seed: seed ^ 0xC0FFEE)
    }

    /// Works until time is up.
    func run() throws {
        try world.guarding {
            while !world.isOver {
                try passOne()
                round += 1
            }
        }
    }

    private func passOne() throws {
        let database = world.keyspaces[0].database
        var name = "passing-\(round)"
        let keyspace = try database.createKeyspace(name)
        world.passing.withLock { $0 = keyspace }
        var rows: [Int: Int] = [:]
        for _ in 0..<20 + random.below(200) {
            let number = random.below(2000)
            let length = random.below(40) == 0 ? 8500 + random.below(60_000) : 8 + random.below(2000)
            try keyspace.put(StressWorld.key(0, number), StressWorld.value(number, length: length))
            rows[number] = length
            if world.isOver { break }
        }
        if round % 3 == 0 {
            try database.renameKeyspace(name, to: name + "-renamed")
            name += "-renamed"
        }
        for (number, length) in rows {
            guard try keyspace.get(StressWorld.key(0, number)) == StressWorld.value(number, length: length) else {
                throw StressFailure("row \(number) of keyspace \(name) is not what was put")
            }
        }
        let names = try database.keyspaceNames()
        if !names.contains(name) { throw StressFailure("\(name) is not among \(names)") }
        // Others may hold it still: they are told that it is gone.
        try database.dropKeyspace(name)
        try requireGone(keyspace)
    }

    private func requireGone(_ keyspace: Keyspace) throws {
        do {
            _ = try keyspace.get([1])
        } catch {
            if error.code == .keyspaceNotFound { return }
            throw error
        }
        throw StressFailure("keyspace \(keyspace.name) was dropped but can be read")
    }
}
