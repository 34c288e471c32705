package import RedoubtCore
import Synchronization

/// The open tablespaces by number.
///
/// Looked up when a handle is made, not on the path of an operation.
package final class SpaceTable: Sendable {
    private let spaces = Mutex<[SpaceID: Space]>([:])

    /// Creates an empty table.
    package init() {}

    /// Returns the space with number `id`, or nil.
    package func space(_ id: SpaceID) -> Space? {
        spaces.withLock { $0[id] }
    }

    /// All open spaces in the order of their numbers.
    package var all: [Space] {
        spaces.withLock { $0.values.sorted { $0.id < $1.id } }
    }

    /// Adds `space`.
    func insert(_ space: Space) {
        spaces.withLock {
            precondition($0[space.id] == nil, "space \(space.id) is open already")
            $0[space.id] = space
        }
    }

    /// Forgets space `id`.
    func remove(_ id: SpaceID) {
        spaces.withLock { _ = $0.removeValue(forKey: id) }
    }
}
