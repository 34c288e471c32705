/// A writer's side of a ``DiskSpace``: keeps count of the tries of writes that found no space.
///
/// Used by one thread at a time.
package final class SpaceSeeker: @unchecked Sendable {
    private let space: DiskSpace
    private var isWaiting = false
    private var number: UInt64 = 0

    /// Creates the side of a writer that has found space so far.
    package init(_ space: DiskSpace) {
        self.space = space
    }

    /// Says that a write begins.
    package func begin() {
        if isWaiting { number = space.beginTry() }
    }

    /// Says that the write found no space; returns whether it is the first since one did.
    package func noteVain(_ error: RedoubtError) -> Bool {
        if isWaiting {
            space.noteVain(number)
            return false
        }
        isWaiting = true
        space.beginWaiting(error)
        return true
    }

    /// Says that the write found space; returns whether the one before had not.
    package func noteFound() -> Bool {
        guard isWaiting else { return false }
        isWaiting = false
        space.endWaiting()
        return true
    }
}
