import Foundation
import Testing

/// Goal: the repository follows its own rules. Method: every file is read as text and scanned; each rule is first
/// tested on a file that breaks it and on one that comes close.
@Suite struct TidyTests {
    @Test("every rule catches a file that breaks it", arguments: Rule.all)
    func catches(_ rule: Rule) {
        let file = SourceFile(path: rule.bad.path, text: rule.bad.text)
        #expect(rule.applies(file))
        #expect(rule.check(file).count == 1)
    }

    @Test("every rule lets a file pass that comes close", arguments: Rule.all)
    func passes(_ rule: Rule) {
        let file = SourceFile(path: rule.good.path, text: rule.good.text)
        #expect(!rule.applies(file) || rule.check(file).isEmpty)
    }

    @Test("the repository follows every rule", arguments: Rule.all)
    func follows(_ rule: Rule) {
        let violations = Repository.files.filter(rule.applies).flatMap(rule.check)
        #expect(violations.isEmpty, "\(listing(violations))")
    }

    @Test("a folder of the engine knows only those below it")
    func engineFolders() {
        let violations = Direction.violations(in: Repository.files)
        #expect(violations.isEmpty, "\(listing(violations))")
    }

    @Test("a folder of the engine that looks upwards is caught")
    func engineFoldersCaught() {
        let files = [
            SourceFile(path: "Sources/RedoubtEngine/Tree/Tree.swift", text: "struct Tree {}"),
            SourceFile(path: "Sources/RedoubtEngine/Page/Page.swift", text: "// Tree\nlet tree = Tree()"),
            SourceFile(path: "Sources/RedoubtEngine/Recovery/Recovery.swift", text: "let tree = Tree()"),
        ]
        #expect(Direction.violations(in: files).map(\.line) == [2])
    }

    @Test("a target imports only what stands above it in the manifest")
    func targets() {
        let violations = Direction.violations(in: Repository.files, manifest: Repository.manifest)
        #expect(violations.isEmpty, "\(listing(violations))")
    }

    @Test("an import that the manifest does not declare is caught")
    func targetsCaught() {
        let manifest = SourceFile(
            path: "Package.swift",
            text: """
                targets: [
                    engine("A"),
                    engine("B", dependencies: ["A"]),
                    engine(
                        "C",
                        dependencies: ["A"],
                    ),
                ]
                """
        )
        let files = [
            SourceFile(path: "Sources/B/B.swift", text: "import A"),
            SourceFile(path: "Sources/C/C.swift", text: "import A\nimport B"),
        ]
        #expect(Direction.violations(in: files, manifest: manifest).map(\.line) == [2])
    }

    @Test("every target and every folder of the engine has a README", arguments: Repository.explainedFolders)
    func readme(_ folder: String) {
        let file = Repository.files.first { $0.path == "\(folder)/README.md" }
        #expect(file != nil)
        let count = file?.lines.count ?? 0
        #expect(count > 10 && count <= 151, "\(folder)/README.md has \(count) lines; tell purpose, terms, rules")
    }

    @Test("the top level holds what it should and nothing else")
    func topLevel() throws {
        let known: Set<String> = [
            "Package.swift", "Sources", "Tests", "Benchmarks", "tools", "README.md", "LICENSE", "CHANGELOG.md",
        ]
        let names = try FileManager.default.contentsOfDirectory(atPath: Repository.root.path)
        #expect(Set(names.filter { !$0.hasPrefix(".") }) == known)
    }

    /// The violations, one a line.
    private func listing(_ violations: [Violation]) -> String {
        violations.map(\.description).joined(separator: "\n")
    }
}
