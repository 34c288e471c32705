import RedoubtCore
import Testing

/// Goal: every option can be written as text and read again, and no other text is taken for a value.
///
/// Method: all values of each kind that are few, the ends of the others, and texts that come close.
@Suite(.timeLimit(.minutes(20))) struct OptionTextTests {
    private func set(_ name: String, _ text: String) throws -> Configuration {
        var configuration = Configuration()
        try configuration.set(name, to: text)
        return configuration
    }

    private func refuses(_ name: String, _ text: String) -> Bool {
        do throws(RedoubtError) {
            var configuration = Configuration()
            try configuration.set(name, to: text)
            return false
        } catch {
            return error.code == .invalidConfiguration && error.message.contains(name)
        }
    }

    @Test func `the text of every option gives the same value again`() throws {
        var configuration = Configuration()
        configuration.memoryMaximum = .bytes(12_345_678)
        configuration.flushing.ioCapacity = .automatic
        configuration.flushing.targetRecoveryTime = .milliseconds(1500)
        configuration.bufferPool.randomReadAhead = true
        configuration.redoLog.shape = .selfWriting
        var copy = Configuration()
        #expect(Configuration.optionNames.count > 30)
        for name in Configuration.optionNames { try copy.set(name, to: configuration.text(of: name)) }
        #expect(copy == configuration)
    }

    @Test func `sizes have units`() throws {
        let sizes = [
            ("0", 0), ("4096", 4096), ("17 B", 17), ("3KiB", 3 << 10), ("64 MiB", 64 << 20), ("2 GiB", 2 << 30),
            ("9223372036854775807", Int.max),
        ]
        for (text, count) in sizes { #expect(try set("memory", text).memory == .bytes(count)) }
        #expect(try set("memoryMaximum", "none").memoryMaximum == nil)
        #expect(try set("memoryMaximum", "1 GiB").memoryMaximum == .gibibytes(1))
        for text in [
            "", " ", "-1", "+1", "1.5 GiB", "1 kib", "1  KiB", "1 ", "KiB", "none", "9223372036854775808",
            "9007199254740992 KiB", "\u{661} KiB",
        ] {
            #expect(refuses("memory", text), "\(text) was taken")
        }
    }

    @Test func `choices are taken by their names only`() throws {
        for policy in FlushingPolicy.allCases {
            #expect(try set("flushing.policy", "\(policy)").flushing.policy == policy)
        }
        for level in Durability.allCases { #expect(try set("durability", "\(level)").durability == level) }
        #expect(try !set("createIfMissing", "false").createIfMissing)
        for (name, text) in [
            ("flushing.policy", "MYSQL80"), ("durability", "0"), ("createIfMissing", "1"), ("createIfMissing", "True"),
            ("flushing.doublewrite", ""), ("flushing.ioCapacity", "auto"), ("bufferPool.dumpPercent", "25%"),
        ] {
            #expect(refuses(name, text), "\(name)=\(text) was taken")
        }
    }

    @Test func `times have a unit`() throws {
        #expect(try set("flushing.targetRecoveryTime", "45 s").flushing.targetRecoveryTime == .seconds(45))
        #expect(try set("flushing.targetRecoveryTime", "45000ms").flushing.targetRecoveryTime == .seconds(45))
        for text in ["45", "45 sec", "s", "-1 s", "1.5 s"] { #expect(refuses("flushing.targetRecoveryTime", text)) }
        // Taken, and then refused by its range instead of a trap.
        for text in ["9223372036854775807 s", "9223372036854775807 ms"] {
            let configuration = try set("flushing.targetRecoveryTime", text)
            #expect(throws: RedoubtError.self) { try configuration.validate() }
            _ = try configuration.text(of: "flushing.targetRecoveryTime")
        }
    }

    @Test func `an option that is none is named, with those that are near`() {
        do throws(RedoubtError) {
            var configuration = Configuration()
            try configuration.set("policy", to: "mysql80")
            Issue.record("it was taken")
        } catch {
            #expect(error.message == "there is no option called \"policy\"; there is flushing.policy")
        }
        #expect(throws: RedoubtError.self) { try Configuration().text(of: "") }
    }
}
