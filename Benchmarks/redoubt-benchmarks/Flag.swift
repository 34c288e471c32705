import Synchronization

/// Something that is set once.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    /// Whether it is set.
    var isSet: Bool { value.load(ordering: .acquiring) }

    /// Sets it.
    func set() { value.store(true, ordering: .releasing) }
}

/// A sum that threads add to.
final class Sum: Sendable {
    private let total = Atomic<UInt64>(0)

    /// The sum.
    var value: UInt64 { total.load(ordering: .acquiring) }

    /// Adds `number`.
    func add(_ number: UInt64) { total.wrappingAdd(number, ordering: .relaxed) }
}
