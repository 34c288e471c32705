import Glibc

/// Why something about the disks of a siege could not be done.
package struct DiskFailure: Error, CustomStringConvertible {
    /// The reason.
    package let description: String

    /// Whether nothing more can be done with the ``DiskBench`` that it happened on.
    let endsBench: Bool

    /// Creates a failure because of `reason`.
    init(_ reason: String, endsBench: Bool = false) {
        description = reason
        self.endsBench = endsBench
    }

    /// Creates a failure of `call` with the present errno.
    static func ofCall(_ call: String) -> DiskFailure {
        let code = errno
        guard let text = unsafe strerror(code) else { return DiskFailure("\(call): error \(code)") }
        return DiskFailure("\(call): \(unsafe String(cString: text))")
    }
}
