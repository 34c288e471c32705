/// Which parts of the repository may know which others.
enum Direction {
    /// The folders of the engine, each with those that it may mention besides itself.
    static let folders: [String: Set<String>] = [
        "Page": [],
        "Buffer": ["Page"],
        "MiniTransaction": ["Page", "Buffer"],
        "Doublewrite": ["Page", "Buffer"],
        "Flushing": ["Page", "Buffer", "MiniTransaction", "Doublewrite"],
        "Space": ["Page", "Buffer", "MiniTransaction"],
        "Tree": ["Page", "Buffer", "MiniTransaction", "Space"],
        "Interchange": ["Page", "Space", "Tree"],
        "Recovery": ["Page", "Buffer", "MiniTransaction", "Flushing", "Space", "Tree"],
        "Backup": ["Page", "Buffer", "MiniTransaction", "Space", "Recovery", ""],
        "Salvage": ["Page", "Buffer", "MiniTransaction", "Doublewrite", "Space", "Tree", "Recovery", ""],
        "": [
            "Page", "Buffer", "MiniTransaction", "Doublewrite", "Flushing", "Space", "Tree", "Recovery", "Backup",
            "Salvage", "Interchange",
        ],
    ]

    /// Returns a violation for each mention of a type that a file's folder must not know.
    static func violations(in files: [SourceFile]) -> [Violation] {
        let engine = files.filter { $0.path.hasPrefix("Sources/RedoubtEngine/") }
        var owners: [String: Set<String>] = [:]
        for file in engine {
            for type in topLevelTypes(in: file) { owners[type, default: []].insert(folder(of: file)) }
        }
        var result: [Violation] = []
        for file in engine {
            let own = folder(of: file)
            guard let known = folders[own] else {
                result.append(Violation(path: file.path, line: 0, message: "no folder of the engine is called \(own)"))
                continue
            }
            var seen: Set<String> = []
            for word in file.words {
                guard let places = owners[word.text], !places.contains(own), places.isDisjoint(with: known)
                else { continue }
                guard seen.insert(word.text).inserted else { continue }
                let place = places.sorted().joined(separator: ", ")
                let message = "\(own.isEmpty ? "the engine" : own) must not know \(word.text) of \(place)"
                result.append(Violation(path: file.path, line: word.line, message: message))
            }
        }
        return result
    }

    /// Returns a violation for each import that the manifest does not declare, or that points upwards.
    static func violations(in files: [SourceFile], manifest: SourceFile) -> [Violation] {
        let targets = declaredTargets(manifest)
        let names = Set(targets.map(\.name))
        var result: [Violation] = []
        for (position, target) in targets.enumerated() {
            let above = Set(targets[..<position].map(\.name))
            for dependency in target.dependencies where names.contains(dependency) && !above.contains(dependency) {
                let message = "\(target.name) depends on \(dependency), which stands below it"
                result.append(Violation(path: manifest.path, line: 0, message: message))
            }
            for file in files where file.isSwift && file.path.hasPrefix("Sources/\(target.name)/") {
                for module in importedModules(in: file)
                where names.contains(module.text) && !target.dependencies.contains(module.text) {
                    let message = "imports \(module.text), which Package.swift does not declare for \(target.name)"
                    result.append(Violation(path: file.path, line: module.line, message: message))
                }
            }
        }
        return result
    }

    private static func folder(of file: SourceFile) -> String {
        let components = file.components
        return components.count > 3 ? components[2] : ""
    }

    /// The targets of `manifest` in order, each with every name in quotes up to the next.
    private static func declaredTargets(_ manifest: SourceFile) -> [(name: String, dependencies: Set<String>)] {
        var result: [(name: String, dependencies: Set<String>)] = []
        var inTargets = false
        for line in manifest.textLines {
            if line.hasPrefix("targets: [") { inTargets = true }
            guard inTargets, !line.hasPrefix("//") else { continue }
            let quoted = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            let starters = ["engine(", ".target(", ".systemLibrary(", "tool(", "tests(", ".executableTarget("]
            if starters.contains(where: { line.hasPrefix($0) }) {
                // tool("folder", target: "name"): the target's name comes second.
                let offset = line.hasPrefix("tool(") ? 1 : 0
                result.append((quoted.dropFirst(offset).first ?? "", Set(quoted.dropFirst(offset + 1))))
            } else if let last = result.indices.last {
                let named = !result[last].name.isEmpty
                if !named, let name = quoted.first { result[last].name = name }
                result[last].dependencies.formUnion(named ? quoted : Array(quoted.dropFirst()))
            }
        }
        return result
    }
}
