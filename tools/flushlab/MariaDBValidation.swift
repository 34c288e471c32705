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
        Screen.complain("measuring the server (\(Self.measuringSeconds) s) ...")
        // Last of all: a new server is slower at first.
        let cost = try Cost.measure(server)
        server.stop()
        Screen.tell(
            "an update takes \(NumberText.duration(cost.update / 1e9)) of the server's processors, writing a page "
                + "\(NumberText.duration(cost.page / 1e9))\n"
        )
        return try compare(runs, cost, device)
    }

    /// Runs the updates on the server under all settings.
    private func runs(on server: MariaDBServer) throws(CommandFailure) -> [[MariaDBServer.Row]] {
        var found: [[MariaDBServer.Row]] = []
        for settings in Self.settings {
            Screen.complain("\(Self.name(settings)): \(Self.seconds) s ...")
            let rows = try server.updates(
                rows: Self.rows,
                threads: Self.threads,
                seconds: Self.seconds,
                settings
            )
            Screen.complain("    server " + Figures(rows).cells.joined(separator: "  "))
            found.append(rows)
        }
        return found
    }

    private static func name(_ settings: MariaDBServer.Settings) -> String {
        "io_capacity \(settings.ioCapacity), redo \(settings.redo >> 20) MiB"
    }

    /// Runs the model under the same settings, and prints how far it is off.
    private func compare(
        _ found: [[MariaDBServer.Row]],
        _ cost: Cost,
        _ device: DeviceModel
    ) throws(CommandFailure) -> ExitCode {
        var table = TextTable()
        table.add(["io_capacity", "redo", "", "age mean", "5 %", "95 %", "pages/s", "updates/s", ""])
        var isGood = true
        for (settings, found) in zip(Self.settings, found) {
            let scenario = Self.scenario(settings, found, cost, device)
            let model = VirtualRun.run(scenario, policy: .mariadb)
            let (real, virtual) = (Figures(found), Figures(model))
            let misses = virtual.misses(of: real)
            isGood = isGood && misses.isEmpty
            table.add(["\(settings.ioCapacity)", "\(settings.redo >> 20) MiB", "server"] + real.cells)
            let verdict = misses.isEmpty ? "ok" : "OFF: " + misses.joined(separator: ", ")
            table.add(["", "", "model"] + virtual.cells + [verdict])
            if let pages {
                let runs = [LabRun(name: "model", model), LabRun(name: "server", Self.result(found, model))]
                let path = "\(pages)/mariadb-\(settings.ioCapacity)-\(settings.redo >> 20).html"
                try LabFiles.write(
                    LabPage(runs, title: "MariaDB and its policy: \(Self.name(settings))").html,
                    to: path
                )
            }
        }
        Screen.tell(table.text)
        return isGood ? .success : .negative
    }

    /// What the server takes of its processors, in nanoseconds, found by a load of its own with a larger redo.
    private struct Cost {
        /// An update, with all that the server does for it later, such as purging.
        var update = 0.0
        /// Writing a page.
        var page = 0.0

        static func measure(_ server: MariaDBServer) throws(CommandFailure) -> Cost {
            var settings = MariaDBServer.Settings()
            (settings.redo, settings.ioCapacity, settings.ioCapacityMaximum) = (384 << 20, 10_000, 20_000)
            let rows = try server.updates(rows: rows, threads: threads, seconds: measuringSeconds, settings).suffix(15)
            // Not at once: a new server has its undo space to make first.
            guard let first = rows.first, let last = rows.last, last.updates > first.updates else { return Cost() }
            let page = try server.drain()
            // The processors are full: what pages do not take, updates do.
            let rest = (last.time - first.time) * 1e9 * processors - (last.pagesFlushed - first.pagesFlushed) * page
            return Cost(update: rest / (last.updates - first.updates), page: page)
        }
    }

    private static let measuringSeconds = 25
    private static let processors = Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// The scenario that is the server's: pages by its data, redo by what its updates wrote.
    private static func scenario(
        _ settings: MariaDBServer.Settings,
        _ rows: [MariaDBServer.Row],
        _ cost: Cost,
        _ device: DeviceModel
    ) -> Scenario {
        var scenario = Scenario()
        scenario.name = "mariadb"
        scenario.title = "random updates of rows by their key"
        scenario.pageCount = Self.rows * bytesPerRow / 16384
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
        phase.workload.rowsPerPage = 16384 / bytesPerRow
        phase.workload.processorTime = max(500, cost.update)
        scenario.machine.pageWriteTime = max(1000, cost.page)
        scenario.machine.wakeTime = 5000
        scenario.phases = [phase]
        return scenario
    }

    /// The bytes of a page that a row takes: a value of 150 bytes, its key and header, and a sixteenth left free.
    private static let bytesPerRow = 190

    /// The server's counters as a run, a second for ten samples.
    private static func result(_ rows: [MariaDBServer.Row], _ model: RunResult) -> RunResult {
        var result = RunResult(scenario: model.scenario, policy: .mariadb)
        result.isReal = true
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
