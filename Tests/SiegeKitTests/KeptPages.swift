import Foundation

/// Pages that tests make, kept in the folder that `REDOUBT_PAGES` names, to be looked at.
enum KeptPages {
    static func keep(_ page: String, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["REDOUBT_PAGES"] else { return }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try page.write(toFile: "\(folder)/\(name).html", atomically: true, encoding: .utf8)
    }
}
