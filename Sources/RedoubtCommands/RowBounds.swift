/// How long the parts of a row can be, so that no file makes a reader keep more than a row can hold.
enum RowBounds {
    /// The bytes of the longest key.
    static let keyByteCount = 3072
    /// The bytes of the longest value.
    static let valueByteCount = 1 << 32

    /// The failure of a key that is longer, in line `line` of its file.
    static func keyTooLong(line: Int) -> CommandFailure {
        .usage("line \(line): the key is longer than \(keyByteCount) bytes; a key has 1 to \(keyByteCount) bytes")
    }

    /// The failure of a value that is longer, in line `line` of its file.
    static func valueTooLong(line: Int) -> CommandFailure {
        .usage("line \(line): the value is longer than 4 GiB, which no value can be; perhaps a quote does not end")
    }
}
