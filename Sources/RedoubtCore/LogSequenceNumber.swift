/// A byte position in the redo stream; positions order every change the engine has ever made.
///
/// The stream is cut into blocks of 512 bytes: 12 of header, 496 of payload, 4 of trailer. An LSN counts all bytes; a
/// *sequence number* (sn) counts payload bytes only, so that mini-transactions reserve space with one addition.
///
///     sn           0 ... 495          496 ... 991
///     LSN   0 .. 12 ... 507 .. 512 .. 524 ... 1019 .. 1024
///
/// ## References
/// MySQL 8.0: `lsn_t`, `log_translate_sn_to_lsn`.
@frozen
public struct LogSequenceNumber: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of redo bytes that precede this position.
    public let rawValue: UInt64

    /// Creates the position that `rawValue` bytes precede.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Creates the position of payload byte `sequenceNumber`.
    @inlinable
    package init(sequenceNumber: UInt64) {
        rawValue = sequenceNumber / 496 &* 512 &+ sequenceNumber % 496 &+ 12
    }

    /// The number of payload bytes before this position; a position inside a header or trailer counts as its edge.
    @inlinable
    package var sequenceNumber: UInt64 {
        let offset = rawValue % 512
        let payload = offset < 12 ? 0 : min(offset &- 12, 496)
        return rawValue / 512 &* 496 &+ payload
    }

    /// The position before everything, which no change ever has.
    public static let zero = LogSequenceNumber(rawValue: 0)

    /// The first byte of the first block of a new database.
    ///
    /// InnoDB: `LOG_START_LSN`.
    package static let start = LogSequenceNumber(rawValue: 8192)

    /// The first position that a mini-transaction of a new database gets.
    package static let firstUser = LogSequenceNumber(rawValue: 8204)

    /// Returns whether `left` comes before `right`.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The position as a decimal number.
    public var description: String { String(rawValue) }
}
