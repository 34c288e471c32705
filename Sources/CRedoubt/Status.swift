public import CRedoubtHeader
import RedoubtCore

extension RedoubtError.Code {
    /// An argument of a call is not what the header says it must be.
    static let invalidArgument = RedoubtError.Code(rawValue: "invalidArgument")
    /// A handle is not open, or of another kind.
    static let invalidHandle = RedoubtError.Code(rawValue: "invalidHandle")
    /// Another thread is using what only one at a time may.
    static let handleInUse = RedoubtError.Code(rawValue: "handleInUse")
}

/// The numbers of errors; they never change.
enum Status {
    /// Each number with the name that `redoubt_status_name` gives it, which for errors of the engine is their code.
    static let names: [(number: Int, name: StaticString)] = [
        (REDOUBT_OK, "ok"), (REDOUBT_NOT_FOUND, "rowNotFound"), (REDOUBT_BUFFER_TOO_SMALL, "bufferTooSmall"),
        (REDOUBT_INVALID_ARGUMENT, "invalidArgument"), (REDOUBT_INVALID_HANDLE, "invalidHandle"),
        (REDOUBT_HANDLE_IN_USE, "handleInUse"), (REDOUBT_KEY_TOO_LARGE, "keyTooLarge"),
        (REDOUBT_VALUE_TOO_LARGE, "valueTooLarge"), (REDOUBT_BATCH_TOO_LARGE, "batchTooLarge"),
        (REDOUBT_KEYSPACE_NOT_FOUND, "keyspaceNotFound"), (REDOUBT_KEYSPACE_EXISTS, "keyspaceExists"),
        (REDOUBT_INVALID_NAME, "invalidName"), (REDOUBT_INVALID_CONFIGURATION, "invalidConfiguration"),
        (REDOUBT_CLOSED, "closed"), (REDOUBT_REENTERED, "reentered"), (REDOUBT_ALREADY_OPEN, "alreadyOpen"),
        (REDOUBT_NOT_OPEN, "notOpen"), (REDOUBT_READ_ONLY, "readOnly"), (REDOUBT_PATH_NOT_FOUND, "notFound"),
        (REDOUBT_PATH_EXISTS, "exists"), (REDOUBT_BUSY, "busy"), (REDOUBT_DISK_FULL, "diskFull"),
        (REDOUBT_NOT_DURABLE, "notDurable"), (REDOUBT_POOL_EXHAUSTED, "poolExhausted"),
        (REDOUBT_SYSTEM_LIMIT, "systemLimit"), (REDOUBT_READ_FAILED, "readFailed"),
        (REDOUBT_SYSTEM_CALL_FAILED, "systemCallFailed"), (REDOUBT_FENCED, "fenced"),
        (REDOUBT_CORRUPT_PAGE, "corruptPage"), (REDOUBT_CORRUPT_LOG, "corruptLog"),
        (REDOUBT_NOT_A_DATABASE, "notADatabase"), (REDOUBT_UNSUPPORTED_FORMAT, "unsupportedFormat"),
        (REDOUBT_MIXED_FILES, "mixedFiles"), (REDOUBT_DAMAGED_BACKUP, "damagedBackup"),
        (REDOUBT_MISSING_FILE, "missingFile"), (REDOUBT_OTHER, "other"),
    ]

    /// The number of `code`.
    static func number(of code: RedoubtError.Code) -> redoubt_status {
        let entry = names.first { "\($0.name)" == code.rawValue }
        return redoubt_status(entry?.number ?? REDOUBT_OTHER)
    }

    static var ok: redoubt_status { redoubt_status(REDOUBT_OK) }
    static var notFound: redoubt_status { redoubt_status(REDOUBT_NOT_FOUND) }
    static var bufferTooSmall: redoubt_status { redoubt_status(REDOUBT_BUFFER_TOO_SMALL) }

    /// Keeps what `error` says for `redoubt_message`, and returns its number.
    @inline(never)
    static func failure(_ error: RedoubtError) -> redoubt_status {
        var text = error.description
        text.withUTF8 { utf8 in
            // Without memory the thread keeps the message before; the number is right all the same.
            _ = unsafe redoubt_keep_text(redoubt_text_kind(REDOUBT_TEXT_MESSAGE), utf8.baseAddress, utf8.count)
        }
        return number(of: error.code)
    }

    /// Runs a call that needs no handle.
    @inline(__always)
    static func of(_ body: () throws(RedoubtError) -> redoubt_status) -> redoubt_status {
        do throws(RedoubtError) { return try body() } catch { return failure(error) }
    }
}

/// The name of a status.
@c
@implementation
public func redoubt_status_name(_ status: redoubt_status) -> UnsafePointer<CChar>? {
    let entry = Status.names.first { $0.number == Int(status) }
    let name: StaticString = entry?.name ?? "unknown"
    return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}
