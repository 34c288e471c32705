import Glibc
import RedoubtCommands
import RedoubtCore
import RedoubtSiege
import RedoubtSimulation

/// The files through which the programs of the laboratory hand figures on, and the page that is made of them.
enum FigureFiles {
    /// The most bytes of one file.
    private static let byteCountMaximum = 1 << 20

    /// Reads the figures in all files `*.tsv` in `folder`, by name, but those of another commit.
    static func read(_ folder: String?, of commit: String) throws(CommandFailure) -> [Scorecard.Figure] {
        guard let folder else { return [] }
        var figures: [Scorecard.Figure] = []
        for name in try names(in: folder) where name.hasSuffix(".tsv") {
            let path = "\(folder)/\(name)"
            for (number, line) in try text(of: path).split(separator: "\n").enumerated() {
                guard let figure = Scorecard.Figure(line: line), !figure.goal.isEmpty else {
                    throw CommandFailure(code: .failure, message: "\(path):\(number + 1) is no figure: five columns")
                }
                if figure.name.hasSuffix("at \(commit)") { figures.append(figure) }
            }
        }
        return figures
    }

    /// Throws if `path` cannot be written, before the work whose result goes there is done.
    static func requireWritable(_ path: String) throws(CommandFailure) {
        if unsafe access(path, F_OK) == 0 {
            guard unsafe access(path, W_OK) == 0 else { throw failure("written", path) }
            guard !isFolder(path) else { throw .usage("\(path) is a folder; name a file") }
            return
        }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw failure("written", path) }
    }

    /// Writes `text` to the file at `path`, whole or not at all.
    static func write(_ text: String, to path: String) throws(CommandFailure) {
        try explaining { () throws(RedoubtError) in try WholeFile.write(Array(text.utf8), to: path) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
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
