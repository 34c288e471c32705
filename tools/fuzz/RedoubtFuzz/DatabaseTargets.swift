import Redoubt
import RedoubtCore
import RedoubtSimulation

/// Opens a database of which some files are cut, gone, copied or made of arbitrary bytes; nothing carries a checksum
/// that it should not.
enum OpenTarget {
    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let choice = feed.byte()
        let database = [BuiltInDatabase.closed, .killed, .torn][choice % 3]
        var patches = Patches(database, database.files, reach: .files, mends: .never)
        patches.apply(&feed)
        let answer = FuzzWorld.answer(patches.disk, creating: choice & 64 != 0)
        try patches.judge(answer, of: database)
        // Deep is a recovery that took damage for the end of an interrupted write, while another file was damaged too.
        guard answer.isClean, let hash = answer.contentHash else { return .shallow }
        return database.isCutShort(hash) && patches.chosenPaths.count > 1 ? .deep : .shallow
    }
}

/// Works on a database whose pages have been changed and carry right checksums.
enum TreeTarget {
    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let database = BuiltInDatabase.closed
        var patches = Patches(database, database.files(where: { $0.hasSuffix(".ibd") }), mends: .always)
        patches.apply(&feed, count: feed.byte() % 5)
        let work = DatabaseWork(feed.rest())
        let answer = FuzzWorld.answer(patches.disk) { work.run($0) }
        // Deep is damage that only the check sees, in a database that was opened and read.
        return answer.error == nil && !answer.findings.isEmpty ? .deep : .shallow
    }
}

/// Opens a database whose pages were torn, with a doublewrite file that is damaged or lies.
enum DoublewriteTarget {
    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let database = BuiltInDatabase.torn
        var patches = Patches(database, database.files(where: { $0.contains("/doublewrite/") }), mends: .asked)
        patches.apply(&feed)
        let answer = FuzzWorld.answer(patches.disk)
        try patches.judge(answer, of: database)
        // Deep is a forged copy that was believed.
        guard answer.isClean, let hash = answer.contentHash else { return .shallow }
        return database.expects(hash, mayLoseTail: false) ? .shallow : .deep
    }
}

/// What an input does to an open database; errors are for the database to survive, not for anybody to see.
struct DatabaseWork: Sendable {
    private static let stepCountMaximum = 24
    private let input: [UInt8]

    init(_ input: [UInt8]) {
        self.input = input
    }

    func run(_ database: Database) {
        var feed = ByteFeed(input)
        for _ in 0..<Self.stepCountMaximum where !feed.isAtEnd {
            do throws(RedoubtError) {
                try step(&feed, database)
            } catch {}
        }
        do throws(RedoubtError) {
            _ = try FuzzWorld.contentHash(of: database)
            _ = try database.check()
        } catch {}
    }

    private func step(_ feed: inout ByteFeed, _ database: Database) throws(RedoubtError) {
        let kind = feed.byte()
        let name = kind & 128 == 0 ? "a" : "b"
        let number = String(100 + feed.byte() % 100)
        let key = name == "b" ? String(repeating: "k", count: 2500) + number : "row " + number
        switch kind % 8 {
        case 0, 1:
            let value = [UInt8](repeating: 7, count: [3, 300, 3000, 40_000][feed.byte() % 4])
            try database.keyspace(named: name).put(key, value)
        case 2: _ = try database.keyspace(named: name).delete(key)
        case 3: _ = try database.keyspace(named: name).get(key)
        case 4: _ = try database.keyspace(named: name).deleteRange(KeyRange(prefix: Array(key.utf8)))
        case 5:
            try database.keyspace(named: name).scan(KeyRange(), reverse: true) { (_, _) throws(RedoubtError) in true }
        case 6: try database.checkpoint()
        default:
            if number.hasSuffix("0") {
                try database.dropKeyspace(name)
            } else {
                _ = try database.createKeyspace("c" + number)
            }
        }
    }
}
