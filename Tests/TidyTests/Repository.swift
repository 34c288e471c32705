import Foundation

/// The repository that this test was compiled from.
enum Repository {
    /// The root folder.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every text file under the folders that hold code, and those at the top.
    static let files: [SourceFile] = {
        var result: [SourceFile] = []
        for folder in ["Sources", "Tests", "tools", "Benchmarks", ".ci"] { result += files(under: folder) }
        let top = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        for name in top where name != ".git" { result += file(name) }
        return result
    }()

    /// The Swift files of the library's targets.
    static var sources: [SourceFile] { files.filter { $0.isSwift && $0.path.hasPrefix("Sources/") } }

    /// The manifest.
    static var manifest: SourceFile { file("Package.swift")[0] }

    /// The folders that must explain themselves: every target, and every folder of the engine.
    static var explainedFolders: [String] {
        let manager = FileManager.default
        func folders(in path: String) -> [String] {
            let names = (try? manager.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []
            return names.map { "\(path)/\($0)" }.filter { folder in
                var isFolder: ObjCBool = false
                let location = root.appending(path: folder).path
                let exists = unsafe manager.fileExists(atPath: location, isDirectory: &isFolder)
                return exists && isFolder.boolValue
            }
        }
        return (folders(in: "Sources") + folders(in: "Sources/RedoubtEngine")).filter { !$0.contains("/C") }.sorted()
    }

    private static func files(under folder: String) -> [SourceFile] {
        guard let walk = FileManager.default.enumerator(atPath: root.appending(path: folder).path) else { return [] }
        var result: [SourceFile] = []
        for case let name as String in walk {
            let parts = name.split(separator: "/")
            if parts.contains(where: { $0.hasPrefix(".") || $0 == "__pycache__" }) { continue }
            result += file("\(folder)/\(name)")
        }
        return result.sorted { $0.path < $1.path }
    }

    /// The file at `path`, or nothing when it is a folder or no text.
    private static func file(_ path: String) -> [SourceFile] {
        let location = root.appending(path: path)
        guard let data = try? Data(contentsOf: location), data.count < 1 << 20,
            let text = String(data: data, encoding: .utf8)
        else { return [] }
        return [SourceFile(path: path, text: text)]
    }
}
