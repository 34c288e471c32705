import Glibc
import RedoubtCore

/// System calls, repeated while a signal interrupts them, and what their failures become.
enum SystemCall {
    /// Runs `call` until it is not interrupted; returns its result, or the errno of its failure as a negative number.
    static func repeated(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { return -Int(code) }
        }
    }

    /// Returns the error for call `name` on `path` that failed with `code`.
    static func error(_ name: String, _ path: String, _ code: Int32, isRead: Bool = false) -> RedoubtError {
        RedoubtError(errorCode(code, isRead: isRead), "\(name) failed: \(text(of: code))", path: path, errno: code)
    }

    /// Throws the error for call `name` on `path` if `result`, from ``repeated(_:)``, is a failure.
    @discardableResult
    static func check(_ result: Int, _ name: String, _ path: String) throws(RedoubtError) -> Int {
        if result < 0 { throw error(name, path, Int32(-result)) }
        return result
    }

    /// Returns the descriptor that opening a file at `path` gave, which is `result`, from ``repeated(_:)``.
    ///
    /// - Throws: the error of the opening; `.readFailed` if there is something that has no bytes of its own: a pipe, a
    ///   device, a socket, a folder, or a link, which is not followed.
    static func file(_ result: Int, _ path: String) throws(RedoubtError) -> Int32 {
        // A folder that is opened for writing, a link, a socket.
        if [EISDIR, ELOOP, ENXIO].contains(where: { result == -Int($0) }) { throw notAFile(path, Int32(-result)) }
        let descriptor = Int32(try check(result, "open", path))
        var status = stat()
        let found = repeated { Int(unsafe fstat(descriptor, &status)) }
        if found == 0 && status.st_mode & S_IFMT == S_IFREG { return descriptor }
        _ = close(descriptor)
        try check(found, "fstat", path)
        throw notAFile(path, nil)
    }

    private static func notAFile(_ path: String, _ code: Int32?) -> RedoubtError {
        RedoubtError(
            .readFailed,
            "a pipe, a device, a socket, a folder or a link stands in place of a file; remove it",
            path: path,
            errno: code
        )
    }

    private static func errorCode(_ code: Int32, isRead: Bool) -> RedoubtError.Code {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: .diskFull
        case ENOENT: .missingFile
        default: isRead ? .readFailed : .systemCallFailed
        }
    }

    private static func text(of code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
