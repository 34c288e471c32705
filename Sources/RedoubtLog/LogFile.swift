import RedoubtCore
import RedoubtSystem

/// A redo file and the part of the stream that it holds.
struct LogFile: Sendable {
    let file: any StorageFile
    /// The number in its name.
    let slot: Int
    /// The size that the file has.
    var size: UInt64
    /// What its first block says; nil if the file is not in use.
    var header: LogFileHeader?

    /// The LSN of the first byte of the first block.
    var start: UInt64 { header?.start ?? 0 }
    /// The LSN after the last byte of the last block.
    var end: UInt64 { header?.end ?? 0 }

    func contains(_ position: UInt64) -> Bool { start <= position && position < end }

    /// Returns where the byte at `position` is in the file.
    func offset(of position: UInt64) -> UInt64 { position - start + UInt64(LogFileHeader.dataOffset) }
}

/// The names of redo files.
enum LogFileName {
    /// Returns the name of the file with number `slot`.
    static func name(slot: Int) -> String { "redo_\(slot).log" }

    /// Returns the number in `name`, or nil if it is not the name of a redo file.
    static func slot(_ name: String) -> Int? {
        guard name.hasPrefix("redo_"), name.hasSuffix(".log") else { return nil }
        guard let number = Int(name.dropFirst(5).dropLast(4)), number > 0, self.name(slot: number) == name else {
            return nil
        }
        return number
    }
}
