import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// Recovers what a simulation left, and compares it with what each client did.
struct SwarmJudge: Sendable {
    /// What was found on a disk.
    struct Finding: Sendable {
        /// What is wrong; nil if nothing is.
        var wrong: String?
        /// A hash of what was found.
        var hash: UInt64 = 0
    }

    private let configuration: SwarmConfiguration
    private let models: [ReferenceModel]
    private let memory: KeptMemory

    init(_ configuration: SwarmConfiguration, _ models: [ReferenceModel], _ memory: KeptMemory) {
        self.configuration = configuration
        self.models = models
        self.memory = memory
    }

    /// Recovers from `cut`, twice, and compares what is found.
    func judge(_ cut: SwarmBoard.Cut, _ number: Int) -> Finding {
        let body = { @Sendable () -> Finding in
            var finding = Finding()
            do throws(RedoubtError) {
                let first = try recover(cut, &finding)
                // A second recovery finds what the first one left.
                var second = Finding()
                let again = try recover(cut, &second)
                if first != again { finding.wrong = finding.wrong ?? "a second recovery found something else" }
            } catch {
                finding.wrong = finding.wrong ?? "\(error)"
            }
            return finding
        }
        if configuration.recoversWithThreads {
            let seed = mix(configuration.seed &+ UInt64(number))
            return SimulatedScheduler(seed: seed, choice: configuration.choice, memory: memory).run(body)
        }
        return InlineScheduler(memory: memory).run(body)
    }

    private func recover(_ cut: SwarmBoard.Cut, _ finding: inout Finding) throws(RedoubtError) -> [UInt64] {
        let hasThreads = configuration.recoversWithThreads
        let database = try SwarmWorld.open(cut.storage, configuration, hasThreads: hasThreads)
        let hashes = try contentHashes(of: database)
        for hash in hashes { finding.hash = mix(finding.hash ^ hash) }
        for client in models.indices {
            let numbers = models[client].commitNumbers(with: hashes[client])
            let window = cut.windows[client]
            if !numbers.contains(where: window.contains) {
                finding.wrong = finding.wrong ?? difference(of: database, client, numbers, window)
            }
        }
        if let found = try database.check().first { finding.wrong = finding.wrong ?? "check: \(found)" }
        if hasThreads { try database.close() } else { database.forget() }
        return hashes
    }

    /// Returns what is wrong with an open database whose clients have all ended without an error.
    func wrong(of database: Database) throws(RedoubtError) -> String? {
        let hashes = try contentHashes(of: database)
        for client in models.indices where hashes[client] != models[client].hashes.last {
            let count = models[client].commitCount
            return difference(of: database, client, models[client].commitNumbers(with: hashes[client]), count...count)
        }
        return try database.check().first.map { "check: \($0)" }
    }

    /// Returns a hash of what each client has in `database`, comparable with those of its model.
    private func contentHashes(of database: Database) throws(RedoubtError) -> [UInt64] {
        var hashes = [ContentHash](repeating: ContentHash(), count: models.count)
        for name in try database.keyspaceNames() {
            let owner = models.indices.first { name.hasPrefix(SwarmClient.ownKeyspacePrefix($0)) }
            try database.keyspace(named: name).scan { (key, value) throws(RedoubtError) in
                if let client = owner ?? Self.owner(of: key), client < hashes.count {
                    hashes[client].add(key: key, value: value)
                }
                return true
            }
            if let owner {
                hashes[owner].finish(keyspace: name)
            } else {
                for client in hashes.indices { hashes[client].finish(keyspace: name) }
            }
        }
        return hashes.map(\.value)
    }

    private static func owner(of key: [UInt8]) -> Int? {
        key.count > 1 ? Int(key[1]) - Int(UInt8(ascii: "0")) : nil
    }

    private func difference(
        of database: Database,
        _ client: Int,
        _ numbers: [Int],
        _ window: ClosedRange<Int>
    ) -> String {
        var content: [String: ReferenceModel.Rows] = [:]
        do throws(RedoubtError) {
            for name in try database.keyspaceNames() {
                let isOwn = name.hasPrefix(SwarmClient.ownKeyspacePrefix(client))
                guard isOwn || SwarmClient.sharedKeyspaces.contains(name) else { continue }
                var rows: ReferenceModel.Rows = [:]
                try database.keyspace(named: name).scan { (key, value) throws(RedoubtError) in
                    if isOwn || Self.owner(of: key) == client { rows[key] = value }
                    return true
                }
                content[name] = rows
            }
        } catch {
            return "\(error)"
        }
        let text = "client \(client) has the content after \(numbers) commits, allowed \(window)"
        guard configuration.isLoaded == false else { return text }
        let count = min(window.upperBound, models[client].commitCount)
        let start = SwarmStart.empty.models[client]
        return "\(text): \(models[client].replayed(count: count, from: start).differences(from: content))"
    }
}
