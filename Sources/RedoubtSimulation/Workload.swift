import RedoubtCore

/// A seeded sequence of operations on a database, drawn with weights.
public struct Workload: Sendable {
    /// One operation.
    public enum Operation: Sendable, Hashable {
        /// Changes that are committed together: one of them, or a batch.
        case write([ReferenceModel.Change])
        /// Removes the rows with keys from `from` up to and not including `to`.
        case deleteRange(keyspace: String, from: [UInt8], to: [UInt8])
        /// Creates, drops or renames a keyspace.
        case structure(ReferenceModel.Change)
        /// Flushes dirty pages and writes a checkpoint.
        case checkpoint
    }

    /// How often each kind of operation is drawn, relative to the others.
    public struct Weights: Sendable {
        /// A row of 20 to 200 bytes.
        public var putSmall = 30
        /// A row of 1 to 6 KiB, so that few rows split a page.
        public var putLarge = 25
        /// A row whose value stands outside its page.
        public var putOffPage = 6
        /// Removing a row.
        public var delete = 18
        /// Removing a range of rows.
        public var deleteRange = 4
        /// A batch over two keyspaces.
        public var batch = 8
        /// Creating a keyspace.
        public var createKeyspace = 3
        /// Dropping a keyspace.
        public var dropKeyspace = 2
        /// Renaming a keyspace.
        public var renameKeyspace = 2
        /// A checkpoint.
        public var checkpoint = 3

        /// Creates the weights of a mix of everything.
        public init() {}

        /// Weights that draw nothing; at least one must be set.
        public static let none = {
            var weights = Weights()
            weights.putSmall = 0
            weights.putLarge = 0
            weights.putOffPage = 0
            weights.delete = 0
            weights.deleteRange = 0
            weights.batch = 0
            weights.createKeyspace = 0
            weights.dropKeyspace = 0
            weights.renameKeyspace = 0
            weights.checkpoint = 0
            return weights
        }()

        var list: [Int] {
            [
                putSmall, putLarge, putOffPage, delete, deleteRange, batch, createKeyspace, dropKeyspace,
                renameKeyspace, checkpoint,
            ]
        }
    }

    /// The different keys that are drawn from, in each keyspace.
    public var keyCount = 200
    /// The longest value outside its page.
    public var offPageByteCountMaximum = 60000
    /// The keyspaces at most.
    public var keyspaceCountMaximum = 4
    private let weights: Weights
    private var random: SeededRandom
    private var serial = 0
    private var ascending = 0

    /// Creates the workload that follows from `seed`.
    public init(seed: UInt64, weights: Weights = Weights()) {
        self.weights = weights
        random = SeededRandom(seed: seed)
    }

    /// Returns the next operation on a database with the content of `model`, which it does not change.
    public mutating func next(_ model: ReferenceModel) -> Operation {
        guard let first = model.keyspaceNames.first else { return create() }
        let names = model.keyspaceNames
        let name = names[random.below(names.count)]
        var draw = random.below(weights.list.reduce(0, +))
        let kind = weights.list.firstIndex { weight in
            draw -= weight
            return draw < 0
        }
        switch kind {
        case 0: return .write([put(name, 20, 200)])
        case 1: return .write([put(name, 1024, 6000)])
        case 2: return .write([put(name, 8200, max(8201, offPageByteCountMaximum))])
        case 3: return .write([.delete(keyspace: name, key: present(model, name) ?? key())])
        case 4: return range(model, name)
        case 5: return batch(name, names.last == name ? first : names[names.count - 1])
        case 6 where names.count < keyspaceCountMaximum: return create()
        case 7 where names.count > 2: return .structure(.dropKeyspace(name))
        case 8:
            serial += 1
            return .structure(.renameKeyspace(name, to: "renamed \(serial)"))
        case 9: return .checkpoint
        default: return .write([put(name, 20, 200)])
        }
    }

    private mutating func create() -> Operation {
        serial += 1
        return .structure(.createKeyspace("keyspace \(serial)"))
    }

    private mutating func batch(_ first: String, _ second: String) -> Operation {
        var changes: [ReferenceModel.Change] = []
        for _ in 0..<2 + random.below(8) {
            let name = random.below(2) == 0 ? first : second
            if random.below(4) == 0 {
                changes.append(.delete(keyspace: name, key: key()))
            } else {
                changes.append(put(name, 20, 800))
            }
        }
        return .write(changes)
    }

    private mutating func range(_ model: ReferenceModel, _ name: String) -> Operation {
        let keys = model.keys(in: name)
        guard keys.count > 3 else { return .write([put(name, 1024, 6000)]) }
        let from = random.below(keys.count - 1)
        let to = min(keys.count - 1, from + 1 + random.below(max(2, keys.count / 3)))
        return .deleteRange(keyspace: name, from: keys[from], to: keys[to])
    }

    private mutating func present(_ model: ReferenceModel, _ name: String) -> [UInt8]? {
        let keys = model.keys(in: name)
        return keys.isEmpty ? nil : keys[random.below(keys.count)]
    }

    /// A third ascends, so that pages are split at their ends too; a few are as long as keys may be.
    private mutating func key() -> [UInt8] {
        if random.below(3) == 0 {
            ascending += 1
            return Array("z\(1_000_000 + ascending)".utf8)
        }
        let number = random.below(keyCount)
        let base = Array("k\(100_000 + number * 7919 % keyCount)".utf8)
        return number % 40 == 0 ? base + [UInt8](repeating: 0x61, count: 700 + number) : base
    }

    /// Each value says who wrote it, so that no two are equal.
    private mutating func put(_ name: String, _ least: Int, _ most: Int) -> ReferenceModel.Change {
        serial += 1
        let count = least + random.below(most - least)
        let head = Array("value \(serial) ".utf8)
        let fill = UInt8(truncatingIfNeeded: serial)
        let value = head + (head.count..<max(count, head.count)).map { fill &+ UInt8(truncatingIfNeeded: $0 / 97) }
        return .put(keyspace: name, key: key(), value: value)
    }
}
