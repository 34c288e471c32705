import Synchronization

/// The options of an open database as they are now.
///
/// Who needs an option once a round asks for ``current``; who needs it all the time keeps a copy and asks for
/// ``version`` whether it still holds. The lock is held for one copy, and never across a blocking point.
package final class LiveOptions: Sendable {
    private let present: Mutex<Configuration>
    private let changes = Atomic<UInt64>(0)
    // Each commit wants to know.
    private let durabilityNumber: Atomic<Int>

    /// Creates the options that the database was opened with.
    package init(_ configuration: Configuration) {
        present = Mutex(configuration)
        durabilityNumber = Atomic(Self.number(of: configuration.durability))
    }

    /// The options now.
    package var current: Configuration { present.withLock { $0 } }

    /// The number of changes so far.
    package var version: UInt64 { changes.load(ordering: .acquiring) }

    /// What a commit waits for unless told otherwise.
    package var durability: Durability {
        switch durabilityNumber.load(ordering: .relaxed) {
        case 0: .flushed
        case 1: .written
        default: .deferred
        }
    }

    /// Replaces the options; one thread at a time.
    package func replace(by configuration: Configuration) {
        present.withLock { $0 = configuration }
        durabilityNumber.store(Self.number(of: configuration.durability), ordering: .relaxed)
        changes.wrappingAdd(1, ordering: .releasing)
    }

    private static func number(of durability: Durability) -> Int {
        switch durability {
        case .flushed: 0
        case .written: 1
        case .deferred: 2
        }
    }
}
