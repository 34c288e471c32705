import RedoubtCore
import Testing

@testable import FlushLab

/// Goal: options have the same values under either name, and none is forgotten.
///
/// Method: the table is compared with the options that the engine has; every value goes to InnoDB's text and back.
@Suite struct OptionNamesTests {
    @Test func `every option of flushing is there, but the policy`() {
        let known = Configuration.optionNames.filter { $0.hasPrefix("flushing.") && $0 != "flushing.policy" }
        #expect(OptionNames.all.map { "flushing.\($0.redoubt)" } == known)
        #expect(OptionNames.all.filter { $0.innodb == nil }.map(\.redoubt) == ["targetRecoveryTime"])
        #expect(Set(OptionNames.all.compactMap(\.innodb)).count == OptionNames.all.count - 1)
    }

    @Test func `lines for either engine`() {
        var scenario = Scenario()
        scenario.redoCapacity = 96 << 20
        scenario.options.neighbours = .contiguous
        scenario.options.adaptive = false
        let foreign = OptionNames.innodbLines(for: scenario)
        for line in [
            "innodb_buffer_pool_size=1073741824", "innodb_redo_log_capacity=100663296", "innodb_lru_scan_depth=1024",
            "innodb_flush_neighbors=1", "innodb_adaptive_flushing=OFF", "innodb_doublewrite=ON",
            "innodb_io_capacity=2000", "innodb_max_dirty_pages_pct=90",
        ] {
            #expect(foreign.contains(line), "\(line) is missing")
        }
        let own = OptionNames.redoubtLines(for: scenario)
        for line in [
            "redoLog.capacity=96 MiB", "flushing.neighbours=contiguous", "flushing.targetRecoveryTime=30 s",
        ] {
            #expect(own.contains(line), "\(line) is missing")
        }
    }

    @Test func `what InnoDB cannot say has no line`() {
        var options = Configuration.Flushing()
        options.ioCapacity = .automatic
        options.doublewrite = .changedSectors
        #expect(OptionNames.named("ioCapacity")?.innodbLine(for: options) == nil)
        #expect(OptionNames.named("innodb_doublewrite")?.innodbLine(for: options) == nil)
        #expect(OptionNames.named("targetRecoveryTime")?.innodbLine(for: options) == nil)
        #expect(OptionNames.named("doublewrite")?.redoubtLine(for: options) == "flushing.doublewrite=changedSectors")
    }

    @Test func `what InnoDB prints is read as the same value`() throws {
        var options = Configuration.Flushing()
        options.neighbours = .extent
        options.doublewrite = .detectOnly
        options.flushSync = false
        options.idlePercent = 3
        options.ioCapacityMaximum = 2000
        let lines = OptionNames.all.compactMap { $0.innodbLine(for: options) }
        let text = "[options]\n" + lines.joined(separator: "\n") + "\n[phase a]\n"
        #expect(try Scenario(name: "file", text: text).options == options)
    }
}
