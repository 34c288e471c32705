import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore

/// A MariaDB server and the policy `mariadb` in virtual time, under the same updates.
struct MariaDBValidation {
    private let folder: String
    private let pages: String?

    private static let rows = 2_000_000
    private static let pool = 1 << 30
    private static let threads = 8
    private static let seconds = 60
    /// What is left out at the beginning of each run, in seconds.
    private static let ramp = 20
    /// How far the ages may be apart, as shares of their maximum, and the rates, as shares of the server's.
    private static let ageTolerance = 0.05
    private static let rateTolerance = 0.2

    /// Two settings of the capacity and two sizes of the redo.
    private static let settings: [MariaDBServer.Settings] = [96, 192].flatMap { mebibytes in
        [200, 10_000].map { capacity in
            var settings = MariaDBServer.Settings()
            settings.ioCapacity = capacity
            settings.ioCapacityMaximum = max(2000, 2 * capacity)
            settings.redo = mebibytes << 20
            return settings
        }
    }

    /// Makes the server in `folder`; with `pages`, a page with both curves of each setting is written there.
    init(in folder: String, pages: String?) {
        self.folder = folder
        self.pages = pages
    }

    /// Runs both under all settings, and prints how far they are apart.
    ///
    /// Waits: about seven minutes.
    func run() throws(CommandFailure) -> ExitCode {
        guard MariaDBServer.isInstalled else {
            Screen.complain("SKIPPED: this needs a MariaDB server (Debian's mariadb-server); none is installed")
            return .failure
        }
        Screen.complain("measuring the device (about 15 s) ...")
        let device = try DeviceBench.measure(in: folder)
        let own = try explaining { () throws(RedoubtError) in try OwnFolder(in: folder) }
        defer { own.remove() }
        Screen.complain("making a server with \(Self.rows) rows ...")
        let server = try MariaDBServer(in: own.path, pool: Self.pool, redo: 384 << 20)
        defer { server.stop() }
        try server.load(rows: Self.rows)
        Screen.tell("MariaDB \(try server.version()), \(Self.threads) connections, \(Self.seconds) s each")
        Screen.tell(device.text)
        let runs = try runs(on: server)
        let costs = Costs(pageTime: try server.drain(), leafPages: try server.leafPages())
        server.stop()
        return try compare(runs, costs, device)
    }

    /// Runs the updates on the server under all settings.
    private func runs(on server: MariaDBServer) throws(CommandFailure) -> [Run] {
        var found: [Run] = []
        for settings in Self.settings {
            Screen.complain("\(Self.name(settings)): \(Self.seconds) s ...")
            let (rows, used) = try server.updates(
                rows: Self.rows,
                threads: Self.threads,
                seconds: Self.seconds,
                settings
            )
            Screen.complain("    server " + Figures(rows).cells.joined(separator: "  "))
            found.append(Run(settings: settings, rows: rows, processorSeconds: used))
        }
        return found
    }

    private static func name(_ settings: MariaDBServer.Settings) -> String {
        "io_capacity \(settings.ioCapacity), redo \(settings.redo >> 20) MiB"
    }

    /// Runs the model under the same settings, and prints how far it is off.
    private func compare(
        _ runs: [Run],
        _ costs: Costs,
        _ device: DeviceModel
    ) throws(CommandFailure) -> ExitCode {
        let pageTime = NumberText.duration(costs.pageTime / 1e9)
        Screen.tell(
            "the table has \(NumberText.count(costs.leafPages, "page")); writing one takes \(pageTime) of the server's "
                + "processors\n"
        )
        var table = TextTable()
        table.add(["io_capacity", "redo", "", "age mean", "5 %", "95 %", "pages/s", "updates/s", "an update", ""])
        var (isGood, found) = (true, [(name: String, page: LabPage)]())
        for run in runs {
            let settings = run.settings
            let scenario = Self.scenario(run, costs, device)
            let model = VirtualRun.run(scenario, policy: .mariadb)
            let (real, virtual) = (Figures(run.rows), Figures(model))
            let time = NumberText.duration(run.updateTime(costs) / 1e9)
            let misses = virtual.misses(of: real)
            isGood = isGood && misses.isEmpty
            table.add(["\(settings.ioCapacity)", "\(settings.redo >> 20) MiB", "server"] + real.cells + [time])
            let verdict = misses.isEmpty ? "ok" : "OFF: " + misses.joined(separator: ", ")
            table.add(["", "", "model"] + virtual.cells + ["", verdict])
            let both = [LabRun(name: "model", model), LabRun(name: "server", Self.result(run.rows, model))]
            let page = LabPage(both, title: "MariaDB and its policy: \(Self.name(settings))")
            found.append(("mariadb-\(settings.ioCapacity)-\(settings.redo >> 20)", page))
        }
        Screen.tell(table.text)
        if let pages {
            for (name, page) in found { try LabFiles.write(page.html, to: "\(pages)/\(name).html") }
        }
        return isGood ? .success : .negative
    }

    /// What was found of the server once.
    private struct Costs {
        /// Nanoseconds of processor to write a page.
        let pageTime: Double
        /// Pages that hold rows.
        let leafPages: Int
    }

    /// The server under one setting.
    private struct Run {
        let settings: MariaDBServer.Settings
        let rows: [MariaDBServer.Row]
        /// What the server used from the first row to the last.
        let processorSeconds: Double

        /// What an update took of the processors in nanoseconds, purging and all.
        func updateTime(_ costs: Costs) -> Double {
            guard let first = rows.first, let last = rows.last, last.updates > first.updates else { return 500 }
            let pages = (last.pagesFlushed - first.pagesFlushed) * costs.pageTime
            return max(500, (processorSeconds * 1e9 - pages) / (last.updates - first.updates))
        }
    }

    private static let processors = Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// The scenario that is the server's: pages by its data, redo by what its updates wrote.
    private static func scenario(
        _ run: Run,
        _ costs: Costs,
        _ device: DeviceModel
    ) -> Scenario {
        let (settings, rows) = (run.settings, run.rows)
        var scenario = Scenario()
        scenario.name = "mariadb"
        scenario.title = "random updates of rows by their key"
        scenario.pageCount = costs.leafPages
        scenario.frameCount = pool / 16384
        scenario.redoCapacity = settings.redo
        scenario.redoLimits = .mariadb
        scenario.policies = [.mariadb]
        scenario.options.ioCapacity = .pagesPerSecond(settings.ioCapacity)
        scenario.options.ioCapacityMaximum = settings.ioCapacityMaximum
        scenario.options.dirtyPagePercentLowWater = 0
        scenario.device = device
        scenario.machine.processors = processors
        var phase = Scenario.Phase()
        (phase.name, phase.threads, phase.seconds) = ("updates", threads, Double(seconds))
        guard let first = rows.first, let last = rows.last, rows.count > 5 else { return scenario }
        let updates = max(1, last.updates - first.updates)
        // Of an update both the row and its undo record have redo; undo records fill pages of their own.
        phase.workload.redoPerChange = (last.lsn - first.lsn) / updates / 2
        phase.workload.appends = 1
        phase.workload.rowsPerPage = undoLogsPerPage
        phase.workload.processorTime = run.updateTime(costs)
        scenario.machine.pageWriteTime = max(1000, costs.pageTime)
        scenario.machine.wakeTime = 5000
        scenario.phases = [phase]
        return scenario
    }

    /// The undo logs of a page: of each transaction one, with a header of 186 bytes, of which most is room for the name
    /// of a distributed transaction, and the row as it was; a page of which three quarters are used takes no more.
    private static let undoLogsPerPage = 16384 * 3 / 4 / (186 + 185)

    /// The server's counters as a run, a second for ten samples.
    private static func result(_ rows: [MariaDBServer.Row], _ model: RunResult) -> RunResult {
        var result = RunResult(scenario: model.scenario, policy: .mariadb)
        (result.isReal, result.isOutline) = (true, true)
        (result.asyncLimit, result.syncLimit) = (model.asyncLimit, model.syncLimit)
        result.stopLimit = Int(rows.last?.checkpointAgeMaximum ?? 0)
        for (before, row) in zip(rows, rows.dropFirst()) {
            for tenth in 1...10 {
                var sample = Sample()
                sample.time = before.time + (row.time - before.time) * Double(tenth) / 10
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

    /// Mean, 5th and 95th percentile of the checkpoint age as shares of its maximum, pages and updates a second.
    private struct Figures {
        private var ages: [Double] = [0, 0, 0]
        private var pages = 0.0
        private var updates = 0.0

        init(_ rows: [MariaDBServer.Row]) {
            let late = rows.dropFirst(ramp)
            guard let first = late.first, let last = late.last, last.time > first.time else { return }
            let seconds = last.time - first.time
            setAges(late.map { $0.checkpointAge / max(1, $0.checkpointAgeMaximum) })
            pages = (last.pagesFlushed - first.pagesFlushed) / seconds
            updates = (last.updates - first.updates) / seconds
        }

        init(_ result: RunResult) {
            let late = result.samples.dropFirst(10 * ramp)
            let seconds = Double(max(1, late.count)) / 10
            setAges(late.map { Double($0.checkpointAge) / Double(max(1, result.stopLimit)) })
            pages = late.reduce(0) { $0 + Double($1.writes) } / seconds
            updates = late.reduce(0) { $0 + Double($1.transactions) } / seconds
        }

        private mutating func setAges(_ found: [Double]) {
            let ordered = found.sorted()
            guard !ordered.isEmpty else { return }
            func quantile(_ share: Double) -> Double { ordered[Int(Double(ordered.count - 1) * share)] }
            ages = [found.reduce(0, +) / Double(found.count), quantile(0.05), quantile(0.95)]
        }

        var cells: [String] {
            ages.map { NumberText.fixed($0, 3) } + [NumberText.short(pages), NumberText.short(updates)]
        }

        /// What is too far from the figures of the server.
        func misses(of real: Self) -> [String] {
            let points = zip(ages, real.ages).map { $0 - $1 }.max { abs($0) < abs($1) } ?? 1
            var found: [String] = []
            if abs(points) > ageTolerance { found.append("age \(NumberText.percent(points))") }
            let rate = pages / max(1, real.pages) - 1
            if abs(rate) > rateTolerance { found.append("pages \(NumberText.percent(rate))") }
            return found
        }
    }
}
