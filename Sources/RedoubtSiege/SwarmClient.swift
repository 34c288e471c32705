import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// A client of a simulation: keys of its own in keyspaces that all share, keyspaces of its own, and the model of them.
///
/// Keys begin with the number of the client, so that its rows are one range.
package struct SwarmClient {
    static let sharedKeyspaces = ["shared 0", "shared 1"]

    private let number: Int
    private let database: Database
    private let configuration: SwarmConfiguration
    private let board: SwarmBoard
    private var model: ReferenceModel
    private var random: SeededRandom
    private var serial = 0

    init(
        _ number: Int,
        _ database: Database,
        _ configuration: SwarmConfiguration,
        _ board: SwarmBoard,
        model: ReferenceModel
    ) {
        self.number = number
        self.database = database
        self.configuration = configuration
        self.board = board
        self.model = model
        random = SeededRandom(seed: mix(configuration.seed) &+ UInt64(number))
    }

    static func prefix(_ number: Int) -> [UInt8] { Array("c\(number) ".utf8) }

    static func ownKeyspacePrefix(_ number: Int) -> String { "own \(number)." }

    /// Does all operations, or those up to an error.
    mutating func run() {
        do throws(RedoubtError) {
            for _ in 0..<configuration.operationCount {
                let begin = Scheduling.now()
                try step()
                board.ended(Scheduling.now().nanoseconds(since: begin))
            }
        } catch {
            board.failed("client \(number): \(error)")
        }
        board.done(number, model)
    }

    private mutating func step() throws(RedoubtError) {
        let list = configuration.weights.list
        var draw = random.below(max(1, list.reduce(0, +)))
        let kind = list.firstIndex { weight in
            draw -= weight
            return draw < 0
        }
        let name = keyspace()
        switch kind {
        case 0: try commit([put(name, 1, 200)])
        case 1: try commit([put(name, 1000, 6000)])
        case 2: try commit([put(name, 9000, 50_000)])
        case 3: try commit([.delete(keyspace: name, key: key())])
        case 4: try deleteRange(name)
        case 5: try commit((0..<2 + random.below(5)).map { _ in change() })
        case 6: try get(name, presentKey(name) ?? key())
        case 7: try scan(name)
        case 8: try database.checkpoint()
        case 9: try flush()
        case 10: try changeStructure()
        case 11: Scheduling.sleep(microseconds: 1 << random.below(14))
        default: try commit([put(name, 1, 200)])
        }
    }

    // MARK: Draws

    private mutating func keyspace() -> String {
        let names = model.keyspaceNames
        return names[random.below(names.count)]
    }

    private mutating func key() -> [UInt8] {
        Self.prefix(number) + Array("\(1000 + random.below(configuration.keyCount))".utf8)
    }

    private mutating func presentKey(_ name: String) -> [UInt8]? {
        let keys = model.keys(in: name)
        return keys.isEmpty ? nil : keys[random.below(keys.count)]
    }

    private mutating func change() -> ReferenceModel.Change {
        let name = keyspace()
        return random.below(3) == 0 ? .delete(keyspace: name, key: key()) : put(name, 1, 900)
    }

    /// Each value says who wrote it, so that no two are equal.
    private mutating func put(_ name: String, _ least: Int, _ most: Int) -> ReferenceModel.Change {
        serial += 1
        let head = Array("\(number):\(serial) ".utf8)
        let count = head.count + least + random.below(most - least)
        let fill = UInt8(truncatingIfNeeded: serial)
        let value = head + [UInt8](repeating: fill, count: count - head.count)
        return .put(keyspace: name, key: key(), value: value)
    }

    private mutating func durability() -> Durability {
        let draw = random.below(100)
        if draw < configuration.flushedPercent { return .flushed }
        return draw < configuration.flushedPercent + configuration.deferredPercent ? .deferred : .written
    }

    // MARK: Writing

    private mutating func commit(_ changes: [ReferenceModel.Change]) throws(RedoubtError) {
        let durability = durability()
        try settle([changes], durability) { (database) throws(RedoubtError) in
            if changes.count == 1 { return try Self.write(changes[0], database, durability) }
            var batch = WriteBatch()
            for change in changes {
                switch change {
                case .put(let name, let key, let value):
                    try batch.put(key, value, in: try database.keyspace(named: name))
                case .delete(let name, let key): try batch.delete(key, in: try database.keyspace(named: name))
                case .createKeyspace, .dropKeyspace, .renameKeyspace: break
                }
            }
            try database.write(batch, durability: durability)
        }
    }

    private static func write(
        _ change: ReferenceModel.Change,
        _ database: Database,
        _ durability: Durability
    ) throws(RedoubtError) {
        switch change {
        case .put(let name, let key, let value):
            try database.keyspace(named: name).put(key, value, durability: durability)
        case .delete(let name, let key):
            _ = try database.keyspace(named: name).delete(key, durability: durability)
        case .createKeyspace(let name): _ = try database.createKeyspace(name)
        case .dropKeyspace(let name): try database.dropKeyspace(name)
        case .renameKeyspace(let name, let newName): try database.renameKeyspace(name, to: newName)
        }
    }

    /// Rows of its own from one key to another, each a commit, in the order of keys.
    private mutating func deleteRange(_ name: String) throws(RedoubtError) {
        let keys = model.keys(in: name)
        guard keys.count > 2 else { return }
        let first = random.below(keys.count - 1)
        let last = min(keys.count - 1, first + 1 + random.below(12))
        let range = KeyRange(from: keys[first], to: keys[last])
        let durability = durability()
        let commits = keys[first..<last].map { [ReferenceModel.Change.delete(keyspace: name, key: $0)] }
        try settle(commits, durability) { (database) throws(RedoubtError) in
            _ = try database.keyspace(named: name).deleteRange(range, durability: durability)
        }
    }

    private mutating func changeStructure() throws(RedoubtError) {
        serial += 1
        let name = "\(Self.ownKeyspacePrefix(number))\(serial)"
        let own = model.keyspaceNames.filter { $0.hasPrefix("own") }
        let change: ReferenceModel.Change
        switch own.isEmpty ? 0 : random.below(3) {
        case 0 where own.count < 3: change = .createKeyspace(name)
        case 1: change = .renameKeyspace(own[random.below(own.count)], to: name)
        default:
            guard let old = own.last else { return }
            change = .dropKeyspace(old)
        }
        // What it waits for is its own affair.
        try settle([[change]], .deferred) { (database) throws(RedoubtError) in
            try Self.write(change, database, .deferred)
        }
    }

    /// Does what makes `commits`; from an error on they may be there or not.
    private mutating func settle(
        _ commits: [[ReferenceModel.Change]],
        _ durability: Durability,
        _ body: (Database) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        let count = model.commitCount + commits.count
        board.note(number) { $0.issued = count }
        do throws(RedoubtError) {
            try body(database)
        } catch {
            // Nothing was changed; where calls may fail pages may stay dirty, so that nothing is wrong either.
            if configuration.mayFail && error.code == .poolExhausted && commits.count == 1 {
                return board.note(number) { $0.issued = count - 1 }
            }
            for changes in commits { model.commit(changes) }
            throw error
        }
        for changes in commits { model.commit(changes) }
        board.note(number) { progress in
            if durability == .flushed { progress.flushed = count }
            if durability != .deferred { progress.written = count }
        }
    }

    private func flush() throws(RedoubtError) {
        try database.flush()
        let count = model.commitCount
        board.note(number) { $0.flushed = count }
    }

    // MARK: Reading

    private func get(_ name: String, _ key: [UInt8]) throws(RedoubtError) {
        let found = try database.keyspace(named: name).get(key)
        let wanted = model.keyspaces[name]?[key]
        guard found != wanted else { return }
        let text = found == nil ? "is missing" : wanted == nil ? "should not be there" : "has another value"
        board.wrong("client \(number): row \(String(decoding: key, as: UTF8.self)) of \(name) \(text)")
    }

    /// Reads the rows of its own from some key on, in one direction.
    private mutating func scan(_ name: String) throws(RedoubtError) {
        let isReverse = random.below(2) == 0
        var keys = model.keys(in: name)
        let limit = 1 + random.below(60)
        if isReverse { keys.reverse() }
        let wanted = Array(keys.prefix(limit))
        var found: [[UInt8]] = []
        var isRight = true
        let rows = model.keyspaces[name] ?? [:]
        let range = KeyRange(prefix: Self.prefix(number))
        try database.keyspace(named: name).scan(range, reverse: isReverse) { (key, value) throws(RedoubtError) in
            found.append(key)
            if rows[key] != value { isRight = false }
            return found.count < limit
        }
        if found != wanted || !isRight {
            board.wrong("client \(number): a scan of \(name) found \(found.count) rows that are not those it wrote")
        }
    }
}
