import Foundation
import RedoubtCore
import Testing

/// Goal: for each option it is known, documented and enforced whether it can be changed while the database is open.
///
/// Method: the table of options is compared with the stored properties of `Configuration`, found by reflection, and
/// with the comments in its source; then each option is changed.
@Suite struct ConfigurationOptionTests {
    @Test func `the table names every stored property, once`() {
        let names = Self.leaves(of: Configuration(), "").map(\.name)
        #expect(names.count > 30)
        #expect(ConfigurationOption.all.map(\.name).sorted() == names.sorted())
    }

    @Test func `the documentation says of each option what the table says`() throws {
        let documented = try Self.documentation()
        for option in ConfigurationOption.all {
            let comment = try #require(documented[option.name], "\(option.name) was not found in the source")
            #expect(comment.contains("Can be changed while open") == option.canBeChangedWhileOpen, "\(option.name)")
        }
    }

    @Test func `each change of one option is seen, and refused by its name if it is fixed`() throws {
        for (name, change) in Self.changes {
            let before = Configuration()
            var after = before
            change(&after)
            #expect(after != before, "\(name) was not changed")
            for option in ConfigurationOption.all {
                do throws(RedoubtError) {
                    try option.check(from: before, to: after)
                    #expect(option.name != name || option.canBeChangedWhileOpen, "\(name) was accepted")
                } catch {
                    #expect(option.name == name && !option.canBeChangedWhileOpen)
                    #expect(error.code == .invalidConfiguration)
                    #expect(error.message.hasPrefix("\(name) can only be set when opening"))
                }
            }
        }
        #expect(Set(Self.changes.map(\.0)) == Set(ConfigurationOption.all.map(\.name)))
    }

    @Test func `doublewrite changes between on and detect-only, to and from off it does not`() throws {
        let option = try #require(ConfigurationOption.all.first { $0.name == "flushing.doublewrite" })
        for (from, to, isPossible) in [
            (Configuration.Doublewrite.on, Configuration.Doublewrite.detectOnly, true), (.detectOnly, .on, true),
            (.on, .changedSectors, true), (.changedSectors, .detectOnly, true), (.off, .changedSectors, false),
            (.on, .off, false), (.off, .on, false), (.detectOnly, .off, false), (.off, .off, true),
        ] {
            var before = Configuration()
            before.flushing.doublewrite = from
            var after = Configuration()
            after.flushing.doublewrite = to
            do throws(RedoubtError) {
                try option.check(from: before, to: after)
                #expect(isPossible, "\(from) to \(to)")
            } catch {
                #expect(!isPossible && error.message.contains("flushing.doublewrite"), "\(from) to \(to)")
            }
        }
    }

    /// A change of each option, all of them valid.
    private static let changes: [(String, @Sendable (inout Configuration) -> Void)] = [
        ("memory", { $0.memory = .mebibytes(300) }),
        ("memoryMaximum", { $0.memoryMaximum = .mebibytes(300) }),
        ("durability", { $0.durability = .deferred }),
        ("createIfMissing", { $0.createIfMissing = false }),
        ("bufferPool.instanceCount", { $0.bufferPool.instanceCount = 3 }),
        ("bufferPool.hugePages", { $0.bufferPool.hugePages = false }),
        ("bufferPool.oldSublistPercent", { $0.bufferPool.oldSublistPercent = 50 }),
        ("bufferPool.oldSublistMilliseconds", { $0.bufferPool.oldSublistMilliseconds = 0 }),
        ("bufferPool.lruScanDepth", { $0.bufferPool.lruScanDepth = 100 }),
        ("bufferPool.readAheadThreshold", { $0.bufferPool.readAheadThreshold = 0 }),
        ("bufferPool.randomReadAhead", { $0.bufferPool.randomReadAhead = true }),
        ("bufferPool.dumpsAtClose", { $0.bufferPool.dumpsAtClose = false }),
        ("bufferPool.loadsAtOpen", { $0.bufferPool.loadsAtOpen = false }),
        ("bufferPool.dumpPercent", { $0.bufferPool.dumpPercent = 100 }),
        ("redoLog.capacity", { $0.redoLog.capacity = .mebibytes(64) }),
        ("redoLog.fileCount", { $0.redoLog.fileCount = 8 }),
        ("redoLog.bufferCapacity", { $0.redoLog.bufferCapacity = .mebibytes(8) }),
        ("redoLog.shape", { $0.redoLog.shape = .dedicated }),
        ("redoLog.writeAheadSize", { $0.redoLog.writeAheadSize = .kibibytes(8) }),
        ("redoLog.checkpointIntervalMilliseconds", { $0.redoLog.checkpointIntervalMilliseconds = 50 }),
        ("redoLog.deferredFlushMilliseconds", { $0.redoLog.deferredFlushMilliseconds = 50 }),
        ("flushing.policy", { $0.flushing.policy = .textbook }),
        ("flushing.ioCapacity", { $0.flushing.ioCapacity = .automatic }),
        ("flushing.ioCapacityMaximum", { $0.flushing.ioCapacityMaximum = 30_000 }),
        ("flushing.dirtyPagePercentMaximum", { $0.flushing.dirtyPagePercentMaximum = 75 }),
        ("flushing.dirtyPagePercentLowWater", { $0.flushing.dirtyPagePercentLowWater = 0 }),
        ("flushing.adaptive", { $0.flushing.adaptive = false }),
        ("flushing.redoAgePercentLowWater", { $0.flushing.redoAgePercentLowWater = 20 }),
        ("flushing.averagingLoops", { $0.flushing.averagingLoops = 5 }),
        ("flushing.flushSync", { $0.flushing.flushSync = false }),
        ("flushing.idlePercent", { $0.flushing.idlePercent = 10 }),
        ("flushing.neighbours", { $0.flushing.neighbours = .extent }),
        ("flushing.cleanerThreads", { $0.flushing.cleanerThreads = 2 }),
        ("flushing.doublewrite", { $0.flushing.doublewrite = .detectOnly }),
        ("flushing.doublewriteBatchPages", { $0.flushing.doublewriteBatchPages = 16 }),
        ("flushing.targetRecoveryTime", { $0.flushing.targetRecoveryTime = .seconds(10) }),
        ("storage.usesDirectIO", { $0.storage.usesDirectIO = false }),
        ("storage.usesAsyncIO", { $0.storage.usesAsyncIO = false }),
        ("storage.queueDepth", { $0.storage.queueDepth = 64 }),
    ]

    /// The stored properties of `value`, those of the groups of options one by one.
    private static func leaves(of value: Any, _ prefix: String) -> [(name: String, value: Any)] {
        Mirror(reflecting: value).children.flatMap { child -> [(name: String, value: Any)] in
            let name = prefix + (child.label ?? "?")
            let isGroup =
                child.value is Configuration.BufferPool || child.value is Configuration.RedoLog
                || child.value is Configuration.Flushing || child.value is Configuration.Storage
            return isGroup ? leaves(of: child.value, name + ".") : [(name, child.value)]
        }
    }

    /// The comment above each property, by its path.
    private static func documentation() throws -> [String: String] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/RedoubtCore")
        var found: [String: String] = [:]
        for file in ["Configuration.swift", "Configuration+Flushing.swift"] {
            var group = ""
            var comment = ""
            for line in try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(separator: "\n") {
                let text = line.trimmingCharacters(in: .whitespaces)
                let words = text.split { " =:".contains($0) }
                if text.hasPrefix("///") {
                    comment += text.dropFirst(3)
                    continue
                }
                if words.starts(with: ["public", "struct"]) {
                    let name = String(words[2])
                    group = name == "Configuration" ? "" : name.prefix(1).lowercased() + name.dropFirst() + "."
                }
                if words.starts(with: ["public", "var"]) { found[group + String(words[2])] = comment }
                comment = ""
            }
        }
        return found
    }
}
