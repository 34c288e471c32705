import Glibc

extension DiskSiege {
    /// What a target can be called: its name, or name and mode.
    package static let targetNames = DiskTarget.all.reduce(into: [String]()) { names, target in
        if !names.contains(target.name) { names.append(target.name) }
        names.append("\(target.name):\(target.mode)")
    }

    /// The word by which the program starts the processes that a siege needs.
    package static let processCommand = "disk-process"

    /// The words that start this program for a process of a siege.
    package static var program: [String] { [ownPath, processCommand] }

    /// Does the work of a process of a siege, as the words after ``processCommand`` say.
    ///
    /// - Returns: the exit code; 2 for words that no siege says.
    package static func process(_ words: [String]) -> Int32 {
        if words.count == 2 && words[0] == "agent" { return DiskAgent.run(folder: words[1]) }
        if words.count == 3 && words[0] == "redoubt" { return RedoubtTarget.run(mode: words[1], folder: words[2]) }
        return 2
    }

    /// The path of the program that runs.
    private static var ownPath: String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { return CommandLine.arguments[0] }
        return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
