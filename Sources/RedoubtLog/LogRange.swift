package import RedoubtCore

/// The part of the redo stream that one group occupies.
@frozen
package struct LogRange: Sendable, Hashable {
    /// The position of the group's first byte.
    package let start: LogSequenceNumber
    /// The position after its last byte, where the next group starts.
    package let end: LogSequenceNumber

    /// Creates the range between two positions.
    @inlinable
    package init(start: LogSequenceNumber, end: LogSequenceNumber) {
        self.start = start
        self.end = end
    }
}
