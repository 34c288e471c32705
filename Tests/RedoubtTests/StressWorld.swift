import Redoubt
import RedoubtCore
import Synchronization

/// What the threads of a stress test share, and how their keys and values look.
///
/// A key is a region, a number and, for one in 40, so many more bytes that few fit into a page. Region 0 belongs to all
/// threads in blocks of 32 numbers by turns; region 1 + t belongs to thread t; region 255 holds the counters.
final class StressWorld: Sendable {
    /// The threads that own keys.
    static let threadCount = 4
    /// The numbers of region 0.
    static let sharedCount = 4096
    /// The numbers of a region of one thread.
    static let ownCount = 600
    /// The numbers that one thread owns in a row in region 0.
    static let blockCount = 32
    /// The region of the counters.
    static let counterRegion: UInt8 = 255

    /// The keyspaces that stay.
    let keyspaces: [Keyspace]
    /// When everybody ends.
    let deadline: ContinuousClock.Instant
    /// A keyspace that may be dropped at any moment.
    let passing = Mutex<Keyspace?>(nil)
    // Set by the first that fails, so that the others end soon.
    private let failed = Atomic<Bool>(false)

    init(keyspaces: [Keyspace], deadline: ContinuousClock.Instant) {
        self.keyspaces = keyspaces
        self.deadline = deadline
    }

    /// Whether it is time to end.
    var isOver: Bool { failed.load(ordering: .relaxed) || ContinuousClock.now >= deadline }

    /// Runs `body`, and ends the test for all if it fails.
    func guarding(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            failed.store(true, ordering: .relaxed)
            throw error
        }
    }

    /// The key of `number` in `region`.
    static func key(_ region: UInt8, _ number: Int) -> [UInt8] {
        var key = [region, UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
        if number % 40 == 7 { key += [UInt8](repeating: 65, count: 200 + number % 9 * 350) }
        return key
    }

    /// The number in `key`.
    static func number(_ key: [UInt8]) -> Int { Int(key[1]) << 8 | Int(key[2]) }

    /// The thread that owns `number` of region 0.
    static func owner(_ number: Int) -> Int { number / blockCount % threadCount }

    /// A value of `length` bytes, at least 8, that no other version has.
    static func value(_ version: Int, length: Int) -> [UInt8] {
        var value = [UInt8](repeating: UInt8(truncatingIfNeeded: version &* 37), count: length)
        for index in 0..<8 { value[index] = UInt8(truncatingIfNeeded: version >> (8 * index)) }
        // A mark in each page of a long value.
        for offset in stride(from: 4000, to: length, by: 4000) {
            value[offset] = UInt8(truncatingIfNeeded: offset / 4000 &+ version)
        }
        return value
    }

    /// The number in the value of a counter.
    static func count(in value: [UInt8]) -> Int { value.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) } }
}

/// An answer of the database that contradicts the model.
struct StressFailure: Error, CustomStringConvertible {
    /// What was asked, found and expected.
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
