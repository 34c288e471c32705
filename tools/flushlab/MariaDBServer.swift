import FlushLab
import Glibc
import RedoubtCommands
import RedoubtSystem

/// A MariaDB server of our own, in its own folder, that listens on no network.
final class MariaDBServer {
    private let folder: String
    private let user: String
    private var process: ChildProcess?
    private var clients: [ChildProcess] = []

    /// What is changed while the server runs.
    struct Settings {
        /// InnoDB: `innodb_io_capacity`, `innodb_io_capacity_max`.
        var ioCapacity = 200
        var ioCapacityMaximum = 2000
        /// Bytes; InnoDB: `innodb_log_file_size`.
        var redo = 96 << 20
    }

    /// What the server's counters said at one time.
    struct Row {
        /// Seconds since the load began.
        var time = 0.0
        var checkpointAge = 0.0
        var checkpointAgeMaximum = 0.0
        var pagesFlushed = 0.0
        var dirty = 0.0
        var lsn = 0.0
        var updates = 0.0
    }

    /// Whether everything is installed that this needs.
    static var isInstalled: Bool {
        ["mariadbd", "mariadb", "mariadb-install-db"].allSatisfy { ChildProcess.path(of: $0) != nil }
    }

    /// Makes and starts a server with a pool of `pool` bytes in `folder`, which is there and empty.
    ///
    /// Waits until it answers, for a minute at most.
    init(in folder: String, pool: Int, redo: Int) throws(CommandFailure) {
        self.folder = folder
        user = unsafe getpwuid(getuid()).map { unsafe String(cString: $0.pointee.pw_name) } ?? "root"
        let install = try ChildProcess(
            ["mariadb-install-db", "--no-defaults", "--user=\(user)", "--datadir=\(folder)/data", "--skip-test-db"],
            output: "\(folder)/install"
        )
        guard install.wait() == 0 else {
            let end = ChildProcess.lastWords(of: "\(folder)/install.error")
            throw CommandFailure(code: .failure, message: "mariadb-install-db failed:\n\(end)")
        }
        process = try ChildProcess(
            [
                "mariadbd", "--no-defaults", "--user=\(user)", "--datadir=\(folder)/data", "--socket=\(folder)/socket",
                "--skip-networking", "--pid-file=\(folder)/pid", "--log-error=\(folder)/log",
                "--innodb-buffer-pool-size=\(pool)", "--innodb-log-file-size=\(redo)",
                "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=O_DIRECT", "--max-heap-table-size=64M",
                "--innodb-flush-neighbors=0",
            ],
            output: "\(folder)/console"
        )
        for _ in 0..<300 {
            if (try? query("SELECT 1")) != nil { return }
            Scheduling.sleep(microseconds: 200_000)
        }
        let end = ChildProcess.lastWords(of: "\(folder)/log")
        stop()
        throw CommandFailure(code: .failure, message: "the server does not start:\n\(end)")
    }

    /// Ends the server; its folder stays.
    func stop() {
        let all = clients + [process].compactMap(\.self)
        for child in all { child.kill() }
        for child in all { child.wait() }
        (clients, process) = ([], nil)
    }

    /// Its version, as it says it.
    func version() throws(CommandFailure) -> String {
        String(try query("SELECT VERSION()").prefix { !$0.isNewline })
    }

    /// Makes a table of `rows` rows.
    ///
    /// Waits until they are there.
    func load(rows: Int) throws(CommandFailure) {
        try query(
            """
            CREATE DATABASE lab; USE lab;
            CREATE TABLE t (id BIGINT PRIMARY KEY, v VARBINARY(200) NOT NULL) ENGINE=InnoDB;
            INSERT INTO t SELECT seq, REPEAT('a', 150) FROM seq_1_to_\(rows);
            \(Self.procedures)
            """
        )
    }

    /// The pages that hold the rows of the table.
    func leafPages() throws(CommandFailure) -> Int {
        let text = try query(
            "ANALYZE TABLE lab.t; SELECT stat_value FROM mysql.innodb_index_stats WHERE database_name = 'lab' "
                + "AND table_name = 't' AND index_name = 'PRIMARY' AND stat_name = 'n_leaf_pages'"
        )
        guard let count = text.split(separator: "\n").last.flatMap({ Int($0) }), count > 0 else {
            throw CommandFailure(code: .failure, message: "the server does not say how many pages its table has")
        }
        return count
    }

    /// Writes every dirty page; returns what a page took of the processors, in nanoseconds.
    ///
    /// Waits, for a minute at most.
    @discardableResult
    func drain() throws(CommandFailure) -> Double {
        func pages() throws(CommandFailure) -> Double {
            let text = try query(
                "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
                    + "WHERE VARIABLE_NAME = 'INNODB_BUFFER_POOL_PAGES_FLUSHED'"
            )
            return Double(text.prefix { !$0.isNewline }) ?? 0
        }
        let (before, seconds) = (try pages(), processorSeconds)
        try query(
            """
            SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0; SET GLOBAL innodb_max_dirty_pages_pct = 0;
            SET GLOBAL innodb_io_capacity_max = 40000; SET GLOBAL innodb_io_capacity = 20000;
            CALL lab.drain(60);
            SET GLOBAL innodb_max_dirty_pages_pct = 90;
            """
        )
        return (processorSeconds - seconds) * 1e9 / max(1, try pages() - before)
    }

    /// The processor seconds that the server has used.
    var processorSeconds: Double { process?.processorSeconds ?? 0 }

    /// Updates rows at random with `threads` connections for `seconds`, under `settings`; returns what the server's
    /// counters said each second, and the processor seconds that it used from the first to the last.
    ///
    /// Waits as long as that takes.
    func updates(
        rows: Int,
        threads: Int,
        seconds: Int,
        _ settings: Settings
    ) throws(CommandFailure) -> (rows: [Row], processorSeconds: Double) {
        // So that no run begins with what another one left.
        try drain()
        try query(
            """
            SET GLOBAL innodb_io_capacity = \(settings.ioCapacity);
            SET GLOBAL innodb_io_capacity_max = \(settings.ioCapacityMaximum);
            SET GLOBAL innodb_io_capacity = \(settings.ioCapacity);
            SET GLOBAL innodb_log_file_size = \(settings.redo);
            """
        )
        for _ in 0..<threads {
            clients.append(
                try ChildProcess(
                    client + ["-e", "CALL lab.work(\(seconds + 2), \(rows))"],
                    output: "\(folder)/client"
                )
            )
        }
        let before = processorSeconds
        try query("CALL lab.watch(\(seconds))")
        let used = processorSeconds - before
        for child in clients { child.wait() }
        clients = []
        let text = try query("SELECT t, age, most, flushed, dirty, lsn, updates FROM lab.samples ORDER BY t")
        let found: [Row] = text.split(separator: "\n").compactMap { line in
            let numbers = line.split(separator: "\t").compactMap { Double($0) }
            guard numbers.count == 7 else { return nil }
            return Row(
                time: numbers[0],
                checkpointAge: numbers[1],
                checkpointAgeMaximum: numbers[2],
                pagesFlushed: numbers[3],
                dirty: numbers[4],
                lsn: numbers[5],
                updates: numbers[6]
            )
        }
        let span = (found.last?.time ?? 0) - (found.first?.time ?? 0)
        return (found, used * span / Double(max(1, seconds)))
    }

    /// What the counters of `watch` and `drain` come from.
    private static func counter(_ name: String) -> String {
        "SUM(IF(VARIABLE_NAME = '\(name)', VARIABLE_VALUE, 0))"
    }

    private static var procedures: String {
        let names = [
            "INNODB_CHECKPOINT_AGE", "INNODB_CHECKPOINT_MAX_AGE", "INNODB_BUFFER_POOL_PAGES_FLUSHED",
            "INNODB_BUFFER_POOL_PAGES_DIRTY", "INNODB_LSN_CURRENT", "HANDLER_UPDATE",
        ]
        return """
            CREATE TABLE samples (t DOUBLE, age DOUBLE, most DOUBLE, flushed DOUBLE, dirty DOUBLE, lsn DOUBLE,
                updates DOUBLE) ENGINE=MEMORY;
            DELIMITER //
            CREATE PROCEDURE drain(IN s INT)
            BEGIN
                DECLARE left_ DOUBLE DEFAULT 1e9;
                WHILE s > 0 AND left_ > 100 DO
                    DO SLEEP(1);
                    SELECT VARIABLE_VALUE INTO left_ FROM information_schema.GLOBAL_STATUS
                        WHERE VARIABLE_NAME = 'INNODB_BUFFER_POOL_PAGES_DIRTY';
                    SET s = s - 1;
                END WHILE;
            END //
            CREATE PROCEDURE work(IN s DOUBLE, IN n BIGINT)
            BEGIN
                DECLARE e DOUBLE DEFAULT UNIX_TIMESTAMP(SYSDATE(6)) + s;
                DECLARE i INT;
                DECLARE k BIGINT;
                WHILE UNIX_TIMESTAMP(SYSDATE(6)) < e DO
                    SET i = 0;
                    WHILE i < 50 DO
                        SET k = FLOOR(RAND() * n) + 1;
                        UPDATE t SET v = CONCAT(MD5(RAND()), REPEAT('b', 118)) WHERE id = k;
                        SET i = i + 1;
                    END WHILE;
                END WHILE;
            END //
            CREATE PROCEDURE watch(IN s INT)
            BEGIN
                DECLARE i INT DEFAULT 0;
                DECLARE b DOUBLE DEFAULT UNIX_TIMESTAMP(SYSDATE(6));
                DELETE FROM samples;
                WHILE i < s DO
                    DO SLEEP(GREATEST(0, b + i + 1 - UNIX_TIMESTAMP(SYSDATE(6))));
                    INSERT INTO samples SELECT UNIX_TIMESTAMP(SYSDATE(6)) - b,
                        \(names.map(counter).joined(separator: ", "))
                        FROM information_schema.GLOBAL_STATUS;
                    SET i = i + 1;
                END WHILE;
            END //
            DELIMITER ;
            """
    }

    private var client: [String] { ["mariadb", "--no-defaults", "-S", "\(folder)/socket", "-N", "-B", "-D", "mysql"] }

    /// Runs statements; returns what they print.
    @discardableResult
    private func query(_ statements: String) throws(CommandFailure) -> String {
        let (input, output) = ("\(folder)/query", "\(folder)/answer")
        try LabFiles.write(statements + "\n", to: input)
        guard try ChildProcess(client, input: input, output: output).wait() == 0 else {
            let reason = (try? LabFiles.text(of: output + ".error")) ?? ""
            throw CommandFailure(code: .failure, message: "the server refused a statement: \(reason)")
        }
        return try LabFiles.text(of: output)
    }
}
