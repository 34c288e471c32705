import Glibc
import RedoubtCommands
import RedoubtSiege

/// The files through which the programs of the laboratory hand figures on, and the page that is made of them.
enum FigureFiles {
    /// The most bytes of one file.
    private static let byteCountMaximum = 1 << 20

    /// Reads the figures in all files `*.tsv` in `folder`, by name.
    static func read(_ folder: String) throws(CommandFailure) -> [Scorecard.Figure] {
        var figures: [Scorecard.Figure] = []
        for name in try names(in: folder) where name.hasSuffix(".tsv") {
            let path = "\(folder)/\(name)"
            for (number, line) in try text(of: path).split(separator: "\n").enumerated() {
                guard let figure = Scorecard.Figure(line: line) else {
                    throw CommandFailure(code: .failure, message: "\(path):\(number + 1) is no figure: five columns")
                }
                figures.append(figure)
            }
        }
        return figures
    }

    /// Writes `text` to the file at `path`.
    static func write(_ text: String, to path: String) throws(CommandFailure) {
        guard let file = unsafe fopen(path, "w") else { throw failure("written", path) }
        let isWritten = unsafe fputs(text, file) >= 0
        guard unsafe fclose(file) == 0, isWritten else { throw failure("written", path) }
    }

    private static func names(in folder: String) throws(CommandFailure) -> [String] {
        guard let directory = unsafe opendir(folder) else { throw failure("read", folder) }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// Returns what the file at `path` says, at most a mebibyte.
    static func text(of path: String) throws(CommandFailure) -> String {
        guard let file = unsafe fopen(path, "r") else { throw failure("read", path) }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: byteCountMaximum)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func failure(_ verb: String, _ path: String) -> CommandFailure {
        CommandFailure(code: .failure, message: "\(path) cannot be \(verb): \(unsafe String(cString: strerror(errno)))")
    }
}
