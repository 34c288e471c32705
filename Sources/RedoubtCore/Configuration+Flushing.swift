extension Configuration {
    /// Options of flushing.
    public struct Flushing: Sendable, Hashable {
        /// How the pages to write are chosen; see ``FlushingPolicy``.
        ///
        /// The default is `.mysql80`. Can be changed while open.
        public var policy = FlushingPolicy.mysql80
        /// Pages per second that background flushing may count on.
        ///
        /// The default is 2000, the range 100 and up. Can be changed while open.
        ///
        /// InnoDB: `innodb_io_capacity`.
        public var ioCapacity: IOCapacity = 2000
        /// Pages per second that flushing may use under pressure.
        ///
        /// The default is 20000, at least `ioCapacity`. Can be changed while open.
        ///
        /// InnoDB: `innodb_io_capacity_max`.
        public var ioCapacityMaximum = 20000
        /// The share of dirty frames at which flushing runs at full `ioCapacity`, in percent.
        ///
        /// The default is 90, the range 1...99. Can be changed while open.
        ///
        /// InnoDB: `innodb_max_dirty_pages_pct`.
        public var dirtyPagePercentMaximum = 90
        /// The share of dirty frames at which flushing starts, in percent.
        ///
        /// The default is 10, the range 0...99; 0 is off. Can be changed while open.
        ///
        /// InnoDB: `innodb_max_dirty_pages_pct_lwm`.
        public var dirtyPagePercentLowWater = 10
        /// Whether the age of the redo counts before it is nearly full.
        ///
        /// The default is true. Can be changed while open. InnoDB: `innodb_adaptive_flushing`.
        public var adaptive = true
        /// The redo age at which it begins to count, in percent of the age at which writers wait.
        ///
        /// The default is 10, the range 0...70. Can be changed while open. InnoDB: `innodb_adaptive_flushing_lwm`.
        public var redoAgePercentLowWater = 10
        /// The rounds over which rates are averaged.
        ///
        /// The default is 30, the range 1...1000. Can be changed while open. InnoDB: `innodb_flushing_avg_loops`.
        public var averagingLoops = 30
        /// Whether flushing may exceed `ioCapacityMaximum` when the redo is nearly full.
        ///
        /// The default is true. Can be changed while open. InnoDB: `innodb_flush_sync`.
        public var flushSync = true
        /// The share of `ioCapacity` used while nothing else happens, in percent.
        ///
        /// The default is 100, the range 0...100. Can be changed while open.
        ///
        /// InnoDB: `innodb_idle_flush_pct`.
        public var idlePercent = 100
        /// Which dirty neighbours are written together with a page.
        ///
        /// The default is `.none`. Can be changed while open. InnoDB: `innodb_flush_neighbors`.
        public var neighbours = Neighbours.none
        /// The threads that write pages, the coordinator included; at most one an instance works on flush lists.
        ///
        /// The default is 4, the range 1...64. InnoDB: `innodb_page_cleaners`.
        public var cleanerThreads = 4
        /// How a page torn by a power cut is found and put right.
        ///
        /// The default is `.on`. Can be changed while open between all but `.off`.
        ///
        /// InnoDB: `innodb_doublewrite`.
        public var doublewrite = Doublewrite.on
        /// Pages in one doublewrite batch.
        ///
        /// The default is 128, the range 1...512. InnoDB: `innodb_doublewrite_pages`.
        public var doublewriteBatchPages = 128
        /// How long recovery from the present redo may take: the policy `redoubt` keeps the redo age below what this
        /// machine replays in that time.
        ///
        /// The default is 30 s, the range 1 s...1 h. Can be changed while open. InnoDB has none.
        public var targetRecoveryTime = Duration.seconds(30)

        /// Creates the default options.
        public init() {}
    }

    /// Which pages are written together with one that must be written.
    public enum Neighbours: String, Sendable, Hashable, CaseIterable {
        /// The page alone. InnoDB: 0.
        case none
        /// The dirty pages of its extent that adjoin it without a gap. InnoDB: 1.
        case contiguous
        /// All dirty pages of its extent. InnoDB: 2.
        case extent
    }

    /// How a page torn by a power cut is found and put right.
    public enum Doublewrite: String, Sendable, Hashable, CaseIterable {
        /// Each page is written to a doublewrite file first; a torn one is put right from there.
        case on
        /// Only which pages are about to be written is noted: a torn page is found at opening, and opening fails.
        case detectOnly
        /// Pages are written in place only; for devices that write 16 KiB atomically.
        case off
        /// As `.on`, but of each page only those sectors of 512 bytes are copied that may differ from what is durable
        /// in the file: less to write, where changes are small.
        ///
        /// For devices whose torn writes leave each sector old or new; one that spoils more is found out, not repaired.
        case changedSectors
    }

    /// How many pages a second flushing may count on.
    public enum IOCapacity: Sendable, Hashable, ExpressibleByIntegerLiteral {
        /// Measured when the database is opened, and corrected by the latency of writes.
        case automatic
        /// Pages a second.
        case pagesPerSecond(Int)

        /// So many pages a second.
        public init(integerLiteral pages: Int) { self = .pagesPerSecond(pages) }

        /// The pages a second that were set, nil for `.automatic`.
        public var pagesPerSecond: Int? {
            if case .pagesPerSecond(let pages) = self { pages } else { nil }
        }
    }
}

/// How the page cleaner chooses how many pages to write, and from which list.
///
/// All policies see the same inputs and run the same mechanism; they differ in the formulas, in how often they decide,
/// and in who makes room. See the README of `RedoubtPolicy` for the differences.
public enum FlushingPolicy: String, Sendable, Hashable, CaseIterable {
    /// The larger of dirty share and redo age, in percent of `ioCapacity`.
    case textbook
    /// MySQL 8.0: dirty share and redo age, averaged with the rate of late and what is due; all in one cleaner round.
    case mysql80
    /// MySQL 5.7: the same with its older limits, idle flushing at full capacity.
    case mysql57
    /// MariaDB 10.6 and later: one cleaner with a soft and a furious target.
    case mariadb
    /// Percona Server 8.0: MySQL's formulas, and an LRU flusher thread for each instance.
    case perconaLRU
    /// Redoubt's own: every page has a deadline, and the rate is the least constant one that meets all of them.
    case redoubt
}
