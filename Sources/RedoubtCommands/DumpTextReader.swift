/// The rows of a file in the text format of `db_dump` and `mdb_dump`: a header, then keys and values by turns.
///
///     VERSION=3
///     format=bytevalue
///     type=btree
///     HEADER=END
///      6170706c65
///      726564
///     DATA=END
///
/// Each line of data begins with a space. With `format=bytevalue` two hexadecimal digits are a byte; with
/// `format=print` a byte is itself, a backslash and two digits, or two backslashes for one. A file may hold several
/// databases one after the other, each with a header, which may have a line `database=NAME`.
package struct DumpTextReader {
    /// What comes next in a file.
    package enum Item: Sendable {
        /// A database begins; its name, if the header has one.
        case database(String?)
        /// A row of it.
        case row(key: [UInt8], value: [UInt8])
    }

    private let bytes: InputBytes
    private var isPrint = false
    // Written by mdb_dump -p, which up to LMDB 0.9.24 does not double backslashes: "\ab" may be three bytes or one.
    private var isAmbiguous = false
    private var isInData = false
    private var previousKey: [UInt8]?
    /// The number of the line, from 1, in which the row that was read last begins.
    package private(set) var lineNumber = 1

    /// Reads `bytes`.
    package init(_ bytes: InputBytes) {
        self.bytes = bytes
    }

    /// Returns what comes next, or nil at the end.
    ///
    /// - Throws: `.usage` if the file is not of this format, is cut off, or holds what a keyspace cannot: several
    ///   values of a key, or records without keys; what the reading of the file throws.
    package mutating func next() throws(CommandFailure) -> Item? {
        if !isInData {
            try skipEmptyLines()
            guard try bytes.peek() != nil else { return nil }
            let name = try readHeader()
            isInData = true
            previousKey = nil
            return .database(name)
        }
        lineNumber = bytes.lineNumber
        guard let key = try readLine(upTo: RowBounds.keyByteCount) else {
            isInData = false
            return try next()
        }
        guard let value = try readLine(upTo: RowBounds.valueByteCount) else {
            throw .usage("line \(lineNumber) has a key, and no value follows; dump it again")
        }
        guard key != previousKey else {
            throw .usage(
                "line \(lineNumber) has a second value for the key before, and a keyspace holds one value of each key; "
                    + "give the keys something that tells them apart"
            )
        }
        previousKey = key
        return .row(key: key, value: value)
    }

    private func skipEmptyLines() throws(CommandFailure) {
        while let byte = try bytes.peek(), byte == 10 || byte == 13 { _ = try bytes.next() }
    }

    // MARK: Header

    private mutating func readHeader() throws(CommandFailure) -> String? {
        var name: String?
        var format: String?
        var isOfLMDB = false
        guard try line() == "VERSION=3" else {
            throw .usage("a dump begins with the line VERSION=3, as db_dump and mdb_dump write it; this one does not")
        }
        while true {
            let text = try line()
            if text == "HEADER=END" { break }
            guard let equals = text.firstIndex(of: "=") else {
                throw .usage("the header of the dump has the line \"\(text.prefix(40))\", which is not NAME=VALUE")
            }
            let value = String(text[text.index(after: equals)...])
            switch text[..<equals] {
            case "format": format = value
            case "database": name = value
            case "maxreaders": isOfLMDB = true
            case "type":
                guard value == "btree" || value == "hash" else {
                    throw .usage("the dump is of type \(value), which has no keys; only btree and hash can be loaded")
                }
            case "keys":
                guard value != "0" else {
                    throw .usage("the dump was written without keys; dump it again without -k")
                }
            default: break
            }
        }
        guard format == "print" || format == "bytevalue" else {
            throw .usage("the format of the dump is \(format ?? "missing"); it must be bytevalue or print")
        }
        isPrint = format == "print"
        isAmbiguous = isPrint && isOfLMDB
        return name
    }

    /// Takes a line of the header, without its end.
    private func line() throws(CommandFailure) -> String {
        var text: [UInt8] = []
        while let byte = try bytes.next() {
            if byte == 10 {
                if text.last == 13 { text.removeLast() }
                return String(decoding: text, as: UTF8.self)
            }
            text.append(byte)
            guard text.count <= 4096 else { throw .usage("a line of the dump's header does not end") }
        }
        throw .usage("the dump ends within its header; it is cut off, so dump it again")
    }

    // MARK: Data

    /// Takes a line of data, which stands for at most `limit` bytes; nil for the line that ends the data.
    private func readLine(upTo limit: Int) throws(CommandFailure) -> [UInt8]? {
        let line = bytes.lineNumber
        guard let first = try bytes.next() else {
            throw .usage("the dump ends before line \(line) without DATA=END: it is cut off, so dump it again")
        }
        guard first == UInt8(ascii: " ") else {
            var text = [first]
            while text.count < 40, let byte = try bytes.next(), byte != 10 { text.append(byte) }
            if text.last == 13 { text.removeLast() }
            let shown = String(decoding: text, as: UTF8.self)
            if shown == "DATA=END" { return nil }
            throw .usage("line \(line) is \"\(shown)\"; data begin with a space, or end with DATA=END")
        }
        var result: [UInt8] = []
        while let byte = try bytes.next() {
            guard result.count < limit || byte == 10 || byte == 13 else {
                throw limit == RowBounds.keyByteCount
                    ? RowBounds.keyTooLong(line: line) : RowBounds.valueTooLong(line: line)
            }
            switch byte {
            case 10: return result
            // Who wrote a carriage return as data wrote it as digits.
            case 13 where try bytes.peek() == 10: continue
            case UInt8(ascii: "\\") where isPrint:
                guard !isAmbiguous else { throw loneBackslash(line) }
                if try bytes.peek() == byte {
                    _ = try bytes.next()
                    result.append(byte)
                } else {
                    result.append(try escaped(line))
                }
            case _ where isPrint: result.append(byte)
            default: result.append(try pair(byte, line))
            }
        }
        throw .usage("the dump ends within line \(line): it is cut off, so dump it again")
    }

    private func loneBackslash(_ line: Int) -> CommandFailure {
        .usage(
            "line \(line) has a backslash of which nobody can know what it stands for: mdb_dump -p up to LMDB "
                + "0.9.24 does not double backslashes; dump it again without -p"
        )
    }

    /// Takes what stands behind a single backslash of line `line`.
    private func escaped(_ line: Int) throws(CommandFailure) -> UInt8 {
        guard let high = try TextEscape.digit(bytes), let low = try TextEscape.digit(bytes) else {
            throw loneBackslash(line)
        }
        return high << 4 | low
    }

    /// Takes a digit, of a pair that begins with `first`, of line `line`.
    private func pair(_ first: UInt8, _ line: Int) throws(CommandFailure) -> UInt8 {
        guard let high = Hexadecimal.value(ofDigit: first), let low = try TextEscape.digit(bytes) else {
            throw .usage("line \(line) has something else than pairs of hexadecimal digits")
        }
        return high << 4 | low
    }
}
