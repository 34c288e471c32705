import Glibc

/// Where a file's content is on its disk, by FIEMAP of <linux/fiemap.h>.
enum FileExtents {
    private static let request: UInt = 0xC020_660B
    private static let limit = 256
    private static let headerSize = 32
    private static let extentSize = 56
    /// Unknown, not yet placed, encoded, encrypted, not in whole blocks, within metadata, several files together.
    private static let unusable: UInt32 = 0x02 | 0x04 | 0x08 | 0x80 | 0x100 | 0x200 | 0x400

    /// Returns the ranges of the disk, in bytes, that hold the content of the files below `folder`.
    static func below(_ folder: String) -> [Range<Int>] {
        var result: [Range<Int>] = []
        guard let entries = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(entries) }
        while let entry = unsafe readdir(entries) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            let path = "\(folder)/\(name)"
            switch unsafe Int(entry.pointee.d_type) {
            case Int(DT_DIR): result += below(path)
            case Int(DT_REG): result += of(path)
            default: break
            }
        }
        return result
    }

    /// Returns the ranges of the disk that hold the content of the file at `path`.
    static func of(_ path: String) -> [Range<Int>] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var fields = ByteFields()
        fields.add(UInt64(0))
        fields.add(UInt64.max)
        fields.addZeros(8)
        fields.add(UInt32(limit))
        fields.addZeros(4 + limit * extentSize)
        var bytes = fields.bytes
        let code = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return Int32(-1) }
            return unsafe ioctl(file, request, base)
        }
        return code == 0 ? ranges(bytes) : []
    }

    /// Reads what the kernel filled in.
    static func ranges(_ bytes: [UInt8]) -> [Range<Int>] {
        let count = min(limit, Int(bytes.field(UInt32.self, at: 20)))
        return (0..<count).compactMap { index in
            let start = headerSize + index * extentSize
            guard bytes.field(UInt32.self, at: start + 40) & unusable == 0 else { return nil }
            let physical = Int(truncatingIfNeeded: bytes.field(UInt64.self, at: start + 8))
            let length = Int(truncatingIfNeeded: bytes.field(UInt64.self, at: start + 16))
            return length > 0 ? physical..<physical + length : nil
        }
    }
}
