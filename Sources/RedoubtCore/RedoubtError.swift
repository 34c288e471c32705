/// What went wrong, where, and what to do about it; the one error type of the engine.
///
/// Programmer errors (a precondition in the documentation that does not hold) trap instead. Everything that data,
/// files, devices or other processes can cause is one of these.
public struct RedoubtError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; the list may grow.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The name of the code, as tools print it.
        public let rawValue: String

        /// Creates the code named `rawValue`.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The name of the code.
        public var description: String { rawValue }

        // Usage: the caller decides; nothing was changed.

        /// A key is empty or longer than 3072 bytes.
        public static let keyTooLarge = Code(rawValue: "keyTooLarge")
        /// A value is longer than 4 GiB - 1.
        public static let valueTooLarge = Code(rawValue: "valueTooLarge")
        /// A batch needs more than one mini-transaction may hold; the message states the bound.
        public static let batchTooLarge = Code(rawValue: "batchTooLarge")
        /// No keyspace has this name.
        public static let keyspaceNotFound = Code(rawValue: "keyspaceNotFound")
        /// A keyspace of this name exists.
        public static let keyspaceExists = Code(rawValue: "keyspaceExists")
        /// A name is empty, longer than 200 bytes, or not allowed.
        public static let invalidName = Code(rawValue: "invalidName")
        /// An option is out of its range or contradicts another.
        public static let invalidConfiguration = Code(rawValue: "invalidConfiguration")
        /// The database was closed.
        public static let closed = Code(rawValue: "closed")
        /// The engine was entered from within a closure that borrows a page.
        public static let reentered = Code(rawValue: "reentered")
        /// The database is open elsewhere; the message names the holder's process id.
        public static let alreadyOpen = Code(rawValue: "alreadyOpen")
        /// No process has the database open.
        public static let notOpen = Code(rawValue: "notOpen")
        /// The database or file was opened for reading only.
        public static let readOnly = Code(rawValue: "readOnly")
        /// There is no database, or no file to import, at the path.
        public static let notFound = Code(rawValue: "notFound")
        /// There is something at the path already.
        public static let exists = Code(rawValue: "exists")

        // Resources: try again, or make room.

        /// Writers are being slowed down, and the call had asked not to wait for that; nothing was changed.
        public static let busy = Code(rawValue: "busy")
        /// The file system is full; reads, deletes and checkpoints go on, writes resume when space returns.
        public static let diskFull = Code(rawValue: "diskFull")
        /// The change was made, and the redo log finds no space for it on the disk: it becomes durable when there is
        /// some, and is lost if the process or the machine ends before.
        public static let notDurable = Code(rawValue: "notDurable")
        /// No frame of the buffer pool became free within the limit.
        public static let poolExhausted = Code(rawValue: "poolExhausted")
        /// The operating system refused memory, threads or descriptors.
        public static let systemLimit = Code(rawValue: "systemLimit")

        // I/O.

        /// A page could not be read.
        public static let readFailed = Code(rawValue: "readFailed")
        /// A system call failed that is not a write of redo or pages.
        public static let systemCallFailed = Code(rawValue: "systemCallFailed")
        /// An earlier write or sync failed: the engine takes no more writes; close, reopen, recover.
        public static let fenced = Code(rawValue: "fenced")

        // Damage and foreign files.

        /// A page is not what its checksum, number or structure says it should be.
        public static let corruptPage = Code(rawValue: "corruptPage")
        /// The redo log is damaged below a position that was durable.
        public static let corruptLog = Code(rawValue: "corruptLog")
        /// The file is not of this kind of database.
        public static let notADatabase = Code(rawValue: "notADatabase")
        /// The file was written by a newer version, or needs a feature that this one lacks.
        public static let unsupportedFormat = Code(rawValue: "unsupportedFormat")
        /// Files of different databases are mixed.
        public static let mixedFiles = Code(rawValue: "mixedFiles")
        /// A backup is not complete, or not what its manifest says.
        public static let damagedBackup = Code(rawValue: "damagedBackup")
        /// A file that the database needs is missing.
        public static let missingFile = Code(rawValue: "missingFile")
    }

    private final class Content: Sendable {
        let code: Code
        let message: String
        let page: PageID?
        let path: String?
        let errno: Int32?

        init(code: Code, message: String, page: PageID?, path: String?, errno: Int32?) {
            self.code = code
            self.message = message
            self.page = page
            self.path = path
            self.errno = errno
        }
    }

    // One word wide, so that a throwing call costs no more than a returning one.
    private let content: Content

    /// Creates an error; `message` says what happened, to what, and after a semicolon what to do.
    public init(_ code: Code, _ message: String, page: PageID? = nil, path: String? = nil, errno: Int32? = nil) {
        content = Content(code: code, message: message, page: page, path: path, errno: errno)
    }

    /// The kind of error.
    public var code: Code { content.code }
    /// What happened, to what, and what to do; lower-case start, no trailing stop.
    public var message: String { content.message }
    /// The page that the error is about.
    public var page: PageID? { content.page }
    /// The file that the error is about.
    public var path: String? { content.path }
    /// The operating system's error number.
    public var errno: Int32? { content.errno }

    /// Code, message and place in one line.
    public var description: String {
        var text = "\(code): \(message)"
        if let page { text += " [page \(page)]" }
        if let path { text += " [\(path)]" }
        if let errno { text += " [errno \(errno)]" }
        return text
    }
}
