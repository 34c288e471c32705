package import RedoubtCore

/// What a laboratory run is told: data, memory, redo, options, device, and what happens when.
///
/// Read from a small text file; see `ScenarioText` for the form.
package struct Scenario: Sendable, Hashable {
    /// The name of its file, without the ending.
    package var name = "scenario"
    /// One line that says what it is.
    package var title = ""
    /// Its page: what to look at, and what it shows; the comment that the file begins with.
    package var notes = ""
    /// The seed of everything that is drawn.
    package var seed: UInt64 = 1
    /// Pages of data.
    package var pageCount = 16384
    /// Frames of the buffer pool, in all instances together.
    package var frameCount = 65536
    /// Instances of the buffer pool, 1...64.
    package var instanceCount = 1
    /// Frames that should be free in an instance.
    ///
    /// InnoDB: `innodb_lru_scan_depth`.
    package var freeFrameTarget = 1024
    /// The size of the redo, in bytes.
    package var redoCapacity = 100 << 20
    /// Whose limits of the redo hold.
    package var redoLimits = RedoLimits.redoubt
    /// How long after a checkpoint the next one is written at the latest, in milliseconds.
    package var checkpointInterval = 1000
    /// The options of flushing, under InnoDB's names in ``OptionNames``.
    package var options = Configuration.Flushing()
    /// The policies that are run, one after the other.
    package var policies: [FlushingPolicy] = [.mysql80]
    /// A mistake of page cleaners that is made on purpose; nil is none.
    package var bug: CleanerBug?
    /// Bytes of redo that recovery replays in a second.
    package var replayRate = 100_000_000.0
    /// The machine that it runs on.
    package var machine = MachineModel()
    /// The device that holds data and redo.
    package var device = DeviceModel()
    /// What happens, one after the other.
    package var phases: [Phase] = []

    /// Creates a scenario in which nothing happens.
    package init() {}

    /// The virtual time of all phases, in seconds.
    package var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }

    /// Whose limits of the redo hold: at what age flushing hurries, and at what age writers stop.
    package enum RedoLimits: String, Sendable, Hashable, CaseIterable {
        /// This engine's, which are MySQL 8.0.30's; writers are slowed before they stop.
        case redoubt
        /// MariaDB's, which are MySQL 5.7's; nobody slows writers.
        case mariadb
    }

    /// A time with a load of one kind.
    package struct Phase: Sendable, Hashable {
        /// What it is called in the output.
        package var name = ""
        /// How long it takes.
        package var seconds = 10.0
        /// What a transaction does.
        package var workload = Workload()
        /// Client threads, 0...1024; with none nothing happens.
        package var threads = 4
        /// Transactions a second that all clients together aim at, at the beginning and at the end of the phase; nil
        /// is as many as they can.
        package var rate: Double?
        /// The rate at the end, nil if it stays the same.
        package var endRate: Double?

        /// Creates a phase of the default load.
        package init() {}
    }
}

/// What one transaction does to pages.
package struct Workload: Sendable, Hashable {
    /// How pages are drawn.
    package enum Pattern: Sendable, Hashable {
        /// Every page as often as every other.
        case uniform
        /// The page of rank k with a probability in proportion to 1 / k^theta, ranks strewn over the data; 0 < theta
        /// < 1.
        case zipfian(theta: Double)
        /// A share of the pages, in percent, gets a share of the accesses, in percent.
        case hot(pages: Double, accesses: Double)
    }

    /// How pages are drawn.
    package var pattern = Pattern.uniform
    /// Pages read, and left alone.
    package var reads = 0.0
    /// Pages read and changed.
    package var changes = 1.0
    /// Rows appended at the end of the data; a page takes ``rowsPerPage`` of them, then the next begins.
    package var appends = 0.0
    /// Rows in a page.
    package var rowsPerPage = 128
    /// Bytes of redo of a change or an append, headers included.
    package var redoPerChange = 220.0
    /// Bytes of redo that a page costs when it is made anew or first changed; 0 if nothing.
    package var redoPerPage = 0.0
    /// Processor time of a transaction, in nanoseconds, waits not counted.
    package var processorTime = 8000.0
    /// Whether a transaction waits until its redo is durable.
    package var isDurable = false
    /// Whether a transaction that waits for a frame holds the page that it changed before, so that nobody can write it.
    package var holdsPages = false
    /// Pages that a scan beside the transactions reads in a second, in order of their numbers.
    package var scanPages = 0.0

    /// Creates one uniform update, without waiting for the disk at commit.
    package init() {}
}

/// What a machine takes for its work.
package struct MachineModel: Sendable, Hashable {
    /// Processors.
    package var processors = 4.0
    /// Processor time of writing one page, in nanoseconds: copy, checksum, system calls.
    package var pageWriteTime = 12000.0
    /// Processor time of reading one page, in nanoseconds.
    package var pageReadTime = 12000.0
    /// From the end of an I/O to the thread that waited for it, in nanoseconds.
    package var wakeTime = 30000.0

    /// Creates a machine of four processors.
    package init() {}
}
