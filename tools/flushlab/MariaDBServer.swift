import FlushLab
import Glibc
import RedoubtCommands
import RedoubtSystem

/// A MariaDB server of our own, in its own folder, that listens on no network.
final class MariaDBServer {
    private let folder: String
    private var server: pid_t = 0
    private var clients: [pid_t] = []

    /// What a run on the server needs to know.
    struct Setup {
        /// Bytes of pool and redo.
        var pool = 1 << 30
        var redo = 96 << 20
        var ioCapacity = 200
        var ioCapacityMaximum = 2000
        var rows = 2_000_000
        var threads = 8
        var seconds = 60
    }

    /// One second of its counters.
    struct Row {
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
        ["mariadbd", "mariadb", "mariadb-install-db"].allSatisfy { program in
            ["/usr/sbin", "/usr/bin", "/usr/local/bin"].contains { unsafe access("\($0)/\(program)", X_OK) == 0 }
        }
    }

    /// Makes and starts a server in `folder`, which must not be there.
    ///
    /// Waits until it answers.
    init(in folder: String, _ setup: Setup) throws(CommandFailure) {
        self.folder = folder
        let user = unsafe getpwuid(getuid()).map { unsafe String(cString: $0.pointee.pw_name) } ?? "root"
        try run([
            "mariadb-install-db", "--no-defaults", "--user=\(user)", "--datadir=\(folder)/data", "--skip-test-db",
        ])
        server = try start(
            [
                "mariadbd", "--no-defaults", "--user=\(user)", "--datadir=\(folder)/data", "--socket=\(folder)/socket",
                "--skip-networking", "--pid-file=\(folder)/pid", "--log-error=\(folder)/log",
                "--innodb-buffer-pool-size=\(setup.pool)", "--innodb-log-file-size=\(setup.redo)",
                "--innodb-io-capacity=\(setup.ioCapacity)", "--innodb-io-capacity-max=\(setup.ioCapacityMaximum)",
                "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=O_DIRECT", "--max-heap-table-size=64M",
            ],
            output: "\(folder)/console"
        )
        for _ in 0..<300 {
            if (try? query("SELECT 1")) != nil { return }
            Scheduling.sleep(microseconds: 200_000)
        }
        throw CommandFailure(code: .failure, message: "the server does not start; see \(folder)/log")
    }

    /// Ends the server; its folder stays.
    func stop() {
        for client in clients + [server] where client > 0 { kill(client, SIGKILL) }
        for client in clients + [server] where client > 0 { Self.wait(client) }
        (clients, server) = ([], 0)
    }

    /// Fills a table and updates rows of it at random with as many connections as `setup` says; returns what the
    /// server's counters said each second.
    ///
    /// Waits as long as that takes.
    func updates(_ setup: Setup) throws(CommandFailure) -> [Row] {
        try query(Self.preparation(setup.rows))
        for _ in 0..<setup.threads {
            clients.append(
                try start(client + ["-e", "CALL lab.work(\(setup.seconds + 3), \(setup.rows))"], output: "/dev/null")
            )
        }
        try query("CALL lab.watch(\(setup.seconds))")
        for client in clients { Self.wait(client) }
        clients = []
        let text = try query("SELECT t, age, most, flushed, dirty, lsn, updates FROM lab.samples ORDER BY t")
        return text.split(separator: "\n").compactMap { line in
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
    }

    private static func preparation(_ rows: Int) -> String {
        """
        DROP DATABASE IF EXISTS lab; CREATE DATABASE lab; USE lab;
        CREATE TABLE rows_ (id BIGINT PRIMARY KEY, v VARBINARY(200) NOT NULL) ENGINE=InnoDB;
        INSERT INTO rows_ SELECT seq, REPEAT('a', 150) FROM seq_1_to_\(rows);
        CREATE TABLE samples (t DOUBLE, age DOUBLE, most DOUBLE, flushed DOUBLE, dirty DOUBLE, lsn DOUBLE,
            updates DOUBLE) ENGINE=MEMORY;
        DELIMITER //
        CREATE PROCEDURE work(IN s DOUBLE, IN n BIGINT)
        BEGIN
            DECLARE e DOUBLE DEFAULT UNIX_TIMESTAMP(SYSDATE(6)) + s;
            DECLARE i INT;
            WHILE UNIX_TIMESTAMP(SYSDATE(6)) < e DO
                SET i = 0;
                WHILE i < 50 DO
                    UPDATE rows_ SET v = CONCAT(MD5(RAND()), REPEAT('b', 118)) WHERE id = FLOOR(RAND() * n) + 1;
                    SET i = i + 1;
                END WHILE;
            END WHILE;
        END //
        CREATE PROCEDURE watch(IN s INT)
        BEGIN
            DECLARE i INT DEFAULT 0;
            DECLARE b DOUBLE DEFAULT UNIX_TIMESTAMP(SYSDATE(6));
            WHILE i < s DO
                DO SLEEP(GREATEST(0, b + i + 1 - UNIX_TIMESTAMP(SYSDATE(6))));
                INSERT INTO samples SELECT UNIX_TIMESTAMP(SYSDATE(6)) - b,
                    SUM(IF(VARIABLE_NAME = 'INNODB_CHECKPOINT_AGE', VARIABLE_VALUE, 0)),
                    SUM(IF(VARIABLE_NAME = 'INNODB_CHECKPOINT_MAX_AGE', VARIABLE_VALUE, 0)),
                    SUM(IF(VARIABLE_NAME = 'INNODB_BUFFER_POOL_PAGES_FLUSHED', VARIABLE_VALUE, 0)),
                    SUM(IF(VARIABLE_NAME = 'INNODB_BUFFER_POOL_PAGES_DIRTY', VARIABLE_VALUE, 0)),
                    SUM(IF(VARIABLE_NAME = 'INNODB_LSN_CURRENT', VARIABLE_VALUE, 0)),
                    SUM(IF(VARIABLE_NAME = 'INNODB_ROWS_UPDATED', VARIABLE_VALUE, 0))
                    FROM information_schema.GLOBAL_STATUS;
                SET i = i + 1;
            END WHILE;
        END //
        DELIMITER ;
        """
    }

    // MARK: Processes

    private var client: [String] { ["mariadb", "--no-defaults", "-S", "\(folder)/socket", "-N", "-B"] }

    /// Runs statements; returns what they print.
    @discardableResult
    private func query(_ statements: String) throws(CommandFailure) -> String {
        let (input, output) = ("\(folder)/query", "\(folder)/answer")
        try Sources.write(statements + "\n", to: input)
        let id = try start(client, input: input, output: output)
        guard Self.wait(id) == 0 else {
            throw CommandFailure(code: .failure, message: "the server refused a statement; see \(folder)/answer.error")
        }
        return try Sources.text(of: output)
    }

    private func run(_ words: [String]) throws(CommandFailure) {
        guard Self.wait(try start(words, output: "\(folder)/install")) == 0 else {
            throw CommandFailure(code: .failure, message: "\(words[0]) failed; see \(folder)/install")
        }
    }

    private func start(
        _ words: [String],
        input: String = "/dev/null",
        output: String
    ) throws(CommandFailure) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let errors = output == "/dev/null" ? output : output + ".error"
        unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        var id: pid_t = 0
        // Debian has the server's program where only administrators look.
        let name = words[0]
        let programs: [String] = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map { "\($0)/\(name)" }
        guard let program = programs.first(where: { unsafe access($0, X_OK) == 0 }),
            unsafe posix_spawn(&id, program, &actions, nil, arguments, environ) == 0
        else {
            throw CommandFailure(
                code: .failure,
                message: "\(words[0]) cannot be started; tools/setup --oracle installs it"
            )
        }
        return id
    }

    @discardableResult
    private static func wait(_ id: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }
}
