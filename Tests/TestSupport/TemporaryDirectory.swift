import Foundation

/// A new directory of a test, removed with everything in it when the object ends.
package final class TemporaryDirectory: Sendable {
    /// The absolute path.
    package let path: String

    /// Makes a directory under `TMPDIR`, or `/tmp`.
    package init() throws {
        let name = "redoubt-test-\(UUID().uuidString)"
        path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Returns the path of `name` in the directory.
    package func file(_ name: String) -> String { path + "/" + name }
}
