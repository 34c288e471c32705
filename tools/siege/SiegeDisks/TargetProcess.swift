/// A target at work: a process that keeps rows in a database on the disk, and speaks in lines.
///
/// It says `ready` when its database is open. `put KEY VALUE` and `delete KEY` are collected until `commit`, answered
/// by `ok`; `dump` by a line `row KEY VALUE` for each row and `end`; `verify` by `ok`; `quit` closes the database and
/// is answered by `closed`. `failed WHY` is the answer to what fails, and the end of the process.
final class TargetProcess {
    /// What a target did instead of what it was asked for.
    enum Failure: Error, CustomStringConvertible {
        /// It said why not.
        case refused(String)
        /// It ended; the text says how, and what it wrote before.
        case ended(String)
        /// It did nothing in its time.
        case silent

        var description: String {
            switch self {
            case .refused(let why): "refused: \(why)"
            case .ended(let how): "ended with \(how)"
            case .silent: "hangs"
            }
        }
    }

    /// The longest that any answer may take, in seconds.
    private static let seconds = 15.0

    /// Whether the process is known to have ended.
    private(set) var hasEnded = false
    private let channel: LineChannel
    private var complaint = ""

    init(_ channel: LineChannel) { self.channel = channel }

    /// Waits until the database is open.
    func awaitReady() throws(Failure) { _ = try line { $0 == "ready" } }

    /// Makes `changes` in one transaction; returns when it was acknowledged.
    func commit(_ changes: [DiskWorkload.Change]) throws(Failure) {
        for change in changes {
            channel.send(change.value.map { "put \(change.key) \($0)" } ?? "delete \(change.key)")
        }
        channel.send("commit")
        _ = try line { $0 == "ok" }
    }

    /// Returns every row.
    func dump() throws(Failure) -> [String: String] {
        channel.send("dump")
        var rows: [String: String] = [:]
        while true {
            let line = try line { $0 == "end" || $0.hasPrefix("row ") }
            if line == "end" { return rows }
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3 else { throw .refused("a row that is none: \(line.prefix(60))") }
            guard rows.updateValue(String(words[2]), forKey: String(words[1])) == nil else {
                throw .refused("row \(words[1]) twice")
            }
        }
    }

    /// Has it check its structures, if it can.
    func verify() throws(Failure) {
        channel.send("verify")
        _ = try line { $0 == "ok" }
    }

    /// Closes the database in order.
    func quit() throws(Failure) {
        channel.send("quit")
        _ = try line { $0 == "closed" }
    }

    /// Reads on until the process has ended.
    func awaitEnd() throws(Failure) {
        while !hasEnded {
            do throws(Failure) {
                _ = try line { _ in false }
            } catch .silent {
                throw .silent
            } catch {}
        }
    }

    private func line(_ isExpected: (String) -> Bool) throws(Failure) -> String {
        while true {
            let line: String
            do throws(LineChannel.Silence) {
                line = try channel.receive(seconds: Self.seconds)
            } catch {
                throw .silent
            }
            if isExpected(line) { return line }
            if line.hasPrefix("ended ") {
                hasEnded = true
                throw .ended(line.dropFirst(6) + (complaint.isEmpty ? "" : ": \(complaint)"))
            }
            if line.hasPrefix("failed ") { throw .refused(String(line.dropFirst(7).prefix(200))) }
            if !line.isEmpty { complaint = String(line.prefix(200)) }
        }
    }
}
