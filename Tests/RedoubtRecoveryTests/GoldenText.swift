import RedoubtSimulation
import RedoubtSystem

/// A disk as text: what is not zero, in hexadecimal, runs of one byte counted.
///
///     file 1048576 /db/catalog.ibd
///     0 93d3a4a1000000...      bytes at this offset
///     4096 ff*512              as many bytes of one value
///
/// Offsets are decimal; what no line names is zero.
enum GoldenText {
    private static let runByteCount = 12
    private static let lineByteCount = 48

    /// The text of all files of `image`.
    static func encode(_ image: DiskImage) -> String {
        var lines: [String] = []
        for path in image.paths {
            let bytes = image.bytes(of: path) ?? []
            lines.append("file \(bytes.count) \(path)")
            lines += encode(bytes)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func encode(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var literal = 0..<0
        func flush() {
            for start in stride(from: literal.lowerBound, to: literal.upperBound, by: lineByteCount) {
                let part = bytes[start..<min(literal.upperBound, start + lineByteCount)]
                lines.append("\(start) " + part.map(hex).joined())
            }
            literal = 0..<0
        }
        var position = 0
        while position < bytes.count {
            var end = position + 1
            while end < bytes.count && bytes[end] == bytes[position] { end += 1 }
            if end - position >= runByteCount {
                flush()
                if bytes[position] != 0 { lines.append("\(position) \(hex(bytes[position]))*\(end - position)") }
            } else {
                literal = (literal.isEmpty ? position : literal.lowerBound)..<end
            }
            position = end
        }
        flush()
        return lines
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }

    /// The disk that `text` describes; nil if it is not such a text.
    static func decode(_ text: String) -> DiskImage? {
        var files: [(path: String, bytes: [UInt8])] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.count == 3, words[0] == "file", let size = Int(words[1]), size <= 64 << 20 {
                files.append((words[2], [UInt8](repeating: 0, count: size)))
            } else if words.count == 2, let offset = Int(words[0]), let part = bytes(words[1]), !files.isEmpty,
                offset >= 0, offset + part.count <= files[files.count - 1].bytes.count
            {
                files[files.count - 1].bytes.replaceSubrange(offset..<offset + part.count, with: part)
            } else {
                return nil
            }
        }
        return disk(files)
    }

    private static func bytes(_ word: String) -> [UInt8]? {
        let parts = word.split(separator: "*")
        let digits = Array(parts[0].utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        if parts.count == 1 { return bytes }
        guard bytes.count == 1, let count = Int(parts[1]), count <= 64 << 20 else { return nil }
        return [UInt8](repeating: bytes[0], count: count)
    }

    private static func disk(_ files: [(path: String, bytes: [UInt8])]) -> DiskImage {
        var image = DiskImage()
        for (number, file) in files.enumerated() {
            var folder = ""
            for part in file.path.split(separator: "/").dropLast() {
                folder += "/" + part
                image.apply(.createDirectory(path: folder))
            }
            image.apply(.create(path: file.path, file: number))
            image.apply(.extend(file: number, size: UInt64(file.bytes.count)))
            // In parts, so that what is zero takes no memory.
            for start in stride(from: 0, to: file.bytes.count, by: 4096) {
                let part = Array(file.bytes[start..<min(file.bytes.count, start + 4096)])
                if part.contains(where: { $0 != 0 }) {
                    image.apply(.write(file: number, offset: UInt64(start), bytes: part))
                }
            }
        }
        return image
    }
}
