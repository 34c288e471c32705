import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// What threads of a test tell each other.
final class BackupNotes: Sendable {
    private let over = Atomic<Bool>(false)
    private let texts = Mutex<[String]>([])

    /// Whether the threads shall end.
    var isOver: Bool { over.load(ordering: .acquiring) }
    /// What went wrong.
    var failures: [String] { texts.withLock { $0 } }

    func end() { over.store(true, ordering: .releasing) }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
}

/// Makes keyspaces, fills them in order, gives them other names, and drops them.
final class BackupChurn: Sendable {
    private let random: Mutex<SeededRandom>
    private let serial = Atomic<Int>(0)
    private let present = Mutex<[String]>([])

    init(seed: UInt64) {
        random = Mutex(SeededRandom(seed: seed ^ 0xC4))
    }

    /// The keyspaces made so far.
    var count: Int { serial.load(ordering: .relaxed) }

    private func draw(_ bound: Int) -> Int { random.withLock { $0.below(bound) } }

    /// Makes a change of keyspaces, or some rows.
    func step(_ database: Database) throws(RedoubtError) {
        let names = present.withLock { $0 }
        let number = serial.load(ordering: .relaxed)
        if names.isEmpty || (names.count < 3 && draw(3) == 0) {
            let name = "churn \(number)"
            serial.store(number + 1, ordering: .relaxed)
            _ = try database.createKeyspace(name)
            return present.withLock { $0.append(name) }
        }
        let name = names[draw(names.count)]
        switch draw(6) {
        case 0:
            try database.dropKeyspace(name)
            present.withLock { $0.removeAll { $0 == name } }
        case 1:
            serial.store(number + 1, ordering: .relaxed)
            try database.renameKeyspace(name, to: "churn \(number)")
            present.withLock { list in list = list.map { $0 == name ? "churn \(number)" : $0 } }
        default:
            let keyspace = try database.keyspace(named: name)
            let first = try keyspace.count()
            for row in first..<first + 5 {
                try keyspace.put(Self.key(row), [UInt8](repeating: UInt8(row & 255), count: 700))
            }
        }
    }

    /// Says what is wrong with a keyspace, or nil: its rows are the first ones.
    static func complaint(_ database: Database, _ name: String) throws(RedoubtError) -> String? {
        let keyspace = try database.keyspace(named: name)
        let count = try keyspace.count()
        for row in 0..<count where try keyspace.get(key(row)) != [UInt8](repeating: UInt8(row & 255), count: 700) {
            return "row \(row) of \(count) of \(name) is wrong or missing"
        }
        return nil
    }

    private static func key(_ row: Int) -> String { String(String(row + 1_000_000).suffix(6)) }
}
