import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore

/// The command `top`: looks again and again, and shows a board.
struct Top {
    private let file: StatisticsFile
    private let interval: Double
    private let isOnce: Bool
    private let isJSON: Bool
    private var board: Board

    init(path: String, interval: Double, isOnce: Bool, isJSON: Bool) {
        file = StatisticsFile(of: path)
        self.interval = interval
        self.isOnce = isOnce
        self.isJSON = isJSON
        board = Board(path: path)
    }

    mutating func run() throws(CommandFailure) -> ExitCode {
        do throws(RedoubtError) {
            board.add(try file.read())
        } catch {
            // On a terminal a database that is not open yet is worth waiting for.
            guard error.code == .notOpen, !isOnce, !isJSON, Terminal.isThere else {
                throw CommandFailure(code: ExitCode(error), message: error.description)
            }
            board.miss(error)
        }
        if isOnce || isJSON || !Terminal.isThere { return try runPlainly() }
        let terminal = Terminal()
        defer { terminal.restore() }
        while true {
            let size = terminal.size
            terminal.show(board.lines(columns: size.columns, rows: size.rows))
            switch terminal.wait(interval) {
            case .quit: return .success
            case .resize: continue
            case .time: look()
            }
        }
    }

    private mutating func look() {
        do throws(RedoubtError) {
            board.add(try file.read())
        } catch {
            board.miss(error)
        }
    }

    /// Prints one board after another, until the database is closed.
    private mutating func runPlainly() throws(CommandFailure) -> ExitCode {
        repeat {
            usleep(UInt32(interval * 1e6))
            let next = try explaining { () throws(RedoubtError) in try file.read() }
            if isJSON {
                Output.print(JSONObject(next).text)
            } else {
                board.add(next)
                for line in board.lines(columns: 100, rows: 60) { Output.print(line) }
                if !isOnce { Output.print("") }
            }
            try Output.flush()
        } while !isOnce
        return .success
    }
}
