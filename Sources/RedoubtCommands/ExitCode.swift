package import RedoubtCore

/// How a command ends; the same numbers for every command.
package enum ExitCode: Int32, CaseIterable {
    case success = 0
    case negative = 1
    case usage = 2
    case failure = 3
    case damaged = 4
    case locked = 5

    /// What the code means, for the help.
    package var meaning: String {
        switch self {
        case .success: "done"
        case .negative:
            "the key is not there, `check` or `page` found something wrong, or no process has the database open"
        case .usage: "wrong usage: an unknown command, option or format, no database at the path, no such keyspace"
        case .failure: "the database or the system refused, such as a full disk"
        case .damaged: "a file is damaged, foreign or of a newer version"
        case .locked: "another process has the database open"
        }
    }

    /// The code for an error of the library.
    package init(_ error: RedoubtError) {
        switch error.code {
        case .corruptPage, .corruptLog, .notADatabase, .unsupportedFormat, .mixedFiles, .missingFile, .damagedBackup:
            self = .damaged
        case .alreadyOpen: self = .locked
        case .notOpen: self = .negative
        case .notFound, .exists, .keyspaceNotFound, .keyspaceExists, .invalidName, .invalidConfiguration, .keyTooLarge,
            .valueTooLarge:
            self = .usage
        default: self = .failure
        }
    }
}

/// Why a command could not do its work.
package struct CommandFailure: Error {
    /// The exit code.
    package let code: ExitCode
    /// What happened and what to do, in one line.
    package let message: String

    /// Creates the failure with `code`.
    package init(code: ExitCode, message: String) {
        self.code = code
        self.message = message
    }

    /// Wrong usage.
    package static func usage(_ message: String) -> CommandFailure { CommandFailure(code: .usage, message: message) }
}

/// Runs `body` and explains the library's error, if it throws one.
package func explaining<Result: ~Copyable>(_ body: () throws(RedoubtError) -> Result) throws(CommandFailure) -> Result {
    do throws(RedoubtError) {
        return try body()
    } catch {
        throw CommandFailure(code: ExitCode(error), message: error.description)
    }
}
