import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore

/// A MariaDB server and the policy `mariadb` in virtual time, under the same updates.
struct MariaDBValidation {
    private let folder: String
    private let pages: String?

    /// What is left out at the beginning of each run, in seconds.
    private static let ramp = 20
    private static let ageTolerance = 0.05
    private static let rateTolerance = 0.2

    init(in folder: String, pages: String?) {
        self.folder = folder
        self.pages = pages
    }

    /// Two settings of io_capacity and two sizes of the redo.
    private static let settings = [(200, 96), (10_000, 96), (200, 384), (10_000, 384)]

    /// Runs both four times and prints how far they are apart.
    func run() throws(CommandFailure) -> ExitCode {
        guard MariaDBServer.isInstalled else {
            Screen.tell("SKIPPED: flushlab validate --mariadb needs a MariaDB server; tools/setup --oracle installs it")
            return .failure
        }
        Screen.complain("measuring the device (about 15 s) ...")
        let device = try DeviceBench.measure(in: folder)
        var rows = [["io_capacity", "redo", "", "age mean", "5 %", "95 %", "pages/s", "tx/s", ""]]
        var isGood = true
        for (capacity, redo) in Self.settings {
            var setup = MariaDBServer.Setup()
            (setup.ioCapacity, setup.redo) = (capacity, redo << 20)
            setup.ioCapacityMaximum = max(2000, 2 * capacity)
            Screen.complain("io_capacity \(capacity), redo \(redo) MiB: \(setup.seconds) s on the server ...")
            let path = "\(folder)/mariadb-\(capacity)-\(redo)"
            guard unsafe mkdir(path, 0o700) == 0 else {
                throw CommandFailure(code: .failure, message: "\(path) cannot be made, or is there already; remove it")
            }
            let server = try MariaDBServer(in: path, setup)
            defer { server.stop() }
            let found = try server.updates(setup)
            let model = VirtualRun.run(Self.scenario(setup, found, device), policy: .mariadb)
            let (real, own) = (Self.figures(found), Self.figures(model))
            let off = zip(real.ages, own.ages).map { abs($0 - $1) }.max() ?? 1
            let isNear = off <= Self.ageTolerance && abs(own.pages / max(1, real.pages) - 1) <= Self.rateTolerance
            isGood = isGood && isNear
            rows.append(["\(capacity)", "\(redo) MiB", "server"] + real.cells + [""])
            rows.append(["", "", "model"] + own.cells + [isNear ? "ok" : "OFF"])
            if let pages {
                let runs = [LabRun(name: "model", model), LabRun(name: "server", Self.result(found, setup, model))]
                let title = "MariaDB and its policy: io_capacity \(capacity), redo \(redo) MiB"
                try Sources.write(LabPage(runs, title: title).html, to: "\(pages)/mariadb-\(capacity)-\(redo).html")
            }
            server.stop()
        }
        for line in Tables.lines(rows) { Screen.tell(line) }
        return isGood ? .success : .negative
    }

    /// The scenario that is the server's: pages by its data, redo by what its updates added.
    private static func scenario(
        _ setup: MariaDBServer.Setup,
        _ rows: [MariaDBServer.Row],
        _ device: DeviceModel
    ) -> Scenario {
        var scenario = Scenario()
        scenario.name = "mariadb"
        scenario.title = "random updates of rows by their key"
        scenario.pageCount = setup.rows * 190 / 16384
        scenario.frameCount = setup.pool / 16384
        scenario.redoCapacity = setup.redo
        scenario.redoLimits = .mariadb
        scenario.options.ioCapacity = .pagesPerSecond(setup.ioCapacity)
        scenario.options.ioCapacityMaximum = setup.ioCapacityMaximum
        scenario.options.dirtyPagePercentLowWater = 0
        scenario.device = device
        var phase = Scenario.Phase()
        (phase.name, phase.threads, phase.seconds) = ("updates", setup.threads, Double(setup.seconds))
        guard let first = rows.first, let last = rows.last, rows.count > 5 else { return scenario }
        let updates = max(1, last.updates - first.updates)
        phase.workload.redoPerChange = (last.lsn - first.lsn) / updates
        // What the server does before anything has to wait for pages, with as many threads as it has.
        let early = rows[1...4]
        let rate = ((early.last?.updates ?? 0) - (early.first?.updates ?? 0)) / 3
        let processors = Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        scenario.machine.processors = processors
        phase.workload.processorTime = min(Double(setup.threads), processors) * 1e9 / max(1, rate)
        scenario.phases = [phase]
        return scenario
    }

    /// Mean, 5th and 95th percentile of the checkpoint age as shares of its maximum, pages and updates a second.
    private struct Figures {
        var ages: [Double]
        var pages: Double
        var updates: Double

        var cells: [String] {
            ages.map { NumberText.fixed($0, 3) } + [NumberText.short(pages), NumberText.short(updates)]
        }
    }

    private static func figures(_ ages: [Double], pages: Double, updates: Double) -> Figures {
        let ordered = ages.sorted()
        guard !ordered.isEmpty else { return Figures(ages: [0, 0, 0], pages: 0, updates: 0) }
        let mean = ages.reduce(0, +) / Double(ages.count)
        func quantile(_ share: Double) -> Double { ordered[Int(Double(ordered.count - 1) * share)] }
        return Figures(ages: [mean, quantile(0.05), quantile(0.95)], pages: pages, updates: updates)
    }

    private static func figures(_ rows: [MariaDBServer.Row]) -> Figures {
        let late = rows.dropFirst(ramp)
        guard let first = late.first, let last = late.last, last.time > first.time else {
            return figures([], pages: 0, updates: 0)
        }
        let seconds = last.time - first.time
        return figures(
            late.map { $0.checkpointAge / max(1, $0.checkpointAgeMaximum) },
            pages: (last.pagesFlushed - first.pagesFlushed) / seconds,
            updates: (last.updates - first.updates) / seconds
        )
    }

    private static func figures(_ result: RunResult) -> Figures {
        let late = result.samples.dropFirst(10 * ramp)
        let seconds = Double(max(1, late.count)) / 10
        return figures(
            late.map { Double($0.checkpointAge) / Double(max(1, result.stopLimit)) },
            pages: late.reduce(0) { $0 + Double($1.writes) } / seconds,
            updates: late.reduce(0) { $0 + Double($1.transactions) } / seconds
        )
    }

    /// The server's counters as a run, a second for ten samples.
    private static func result(
        _ rows: [MariaDBServer.Row],
        _ setup: MariaDBServer.Setup,
        _ model: RunResult
    ) -> RunResult {
        var result = RunResult(scenario: model.scenario, policy: .mariadb)
        result.isReal = true
        (result.asyncLimit, result.syncLimit) = (model.asyncLimit, model.syncLimit)
        result.stopLimit = Int(rows.last?.checkpointAgeMaximum ?? 0)
        for (before, row) in zip(rows, rows.dropFirst()) {
            for tenth in 1...10 {
                var sample = Sample()
                sample.time = before.time + Double(tenth) / 10
                sample.transactions = Int((row.updates - before.updates) / 10)
                sample.checkpointAge = Int(row.checkpointAge)
                sample.redoAge = Int(row.checkpointAge)
                sample.dirty = Int(row.dirty)
                sample.writesActive = Int((row.pagesFlushed - before.pagesFlushed) / 10)
                sample.redo = Int((row.lsn - before.lsn) / 10)
                result.samples.append(sample)
            }
        }
        return result
    }
}
