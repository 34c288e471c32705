/// The programs in which other engines are targets, compiled when they are needed.
struct PeerPrograms {
    /// The folder of their sources.
    let sources: String
    /// Where to put the programs.
    let folder: String

    /// Returns what is missing on this machine for `peer`, or nil.
    func missing(for peer: DiskTarget.Peer) throws -> String? {
        guard ChildProcess.find("cc") != nil else { return "there is no C compiler" }
        let probe = ["cc", "-fsyntax-only", "-include", peer.header, "-xc", "/dev/null"]
        if try ChildProcess.run(probe, seconds: 30) == .code(0) { return nil }
        return "\(peer.header) is missing; \(peer.package) has it"
    }

    /// Compiles the program of `peer` and returns its path.
    func build(_ peer: DiskTarget.Peer) throws -> String {
        let program = "\(folder)/\(peer.source)"
        let log = program + ".log"
        let source = "\(sources)/\(peer.source).c"
        let words = ["cc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-o", program, source, "-l\(peer.library)"]
        guard try ChildProcess.run(words, log: log, seconds: 60) == .code(0) else {
            throw DiskFailure("\(source) cannot be compiled: \(TextFile.lines(log).prefix(3).joined(separator: "; "))")
        }
        return program
    }
}
