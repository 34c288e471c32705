/// The first block of a redo file.
enum LogFileHeader {
    /// Where the redo blocks start in a file.
    static let dataOffset = 12288
}
