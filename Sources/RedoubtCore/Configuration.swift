/// Everything that can be set when a database is opened.
///
/// Each option is documented with unit, default, range and InnoDB's name. ``validate()`` checks ranges and relations.
/// Those marked so can be changed while the database is open; the rest can only be set when opening.
public struct Configuration: Sendable, Hashable {
    /// The memory that the engine may use: frames, search indexes, log buffer and caches together.
    ///
    /// The default is 256 MiB, the range 8 MiB...32 TiB, or up to ``memoryMaximum``. Can be changed while open: more
    /// counts at once, less is given back in the background. The instances and the memory of page writers stay as
    /// opened.
    ///
    /// InnoDB: `innodb_buffer_pool_size` (frames only).
    public var memory: ByteCount = .mebibytes(256)
    /// The most that ``memory`` can become without closing.
    ///
    /// Reserves address space, and 4 to 8 bytes of memory for each 18 KiB of it. The default, nil, is ``memory`` as
    /// opened; the range is from there to 32 TiB.
    public var memoryMaximum: ByteCount?
    /// How a commit is made durable unless the call says otherwise.
    ///
    /// The default is `.flushed`. Can be changed while open. InnoDB: `innodb_flush_log_at_trx_commit`.
    public var durability: Durability = .flushed
    /// Whether a missing database is created.
    ///
    /// The default is true.
    public var createIfMissing = true
    /// The buffer pool.
    public var bufferPool = BufferPool()
    /// The redo log.
    public var redoLog = RedoLog()
    /// Writing dirty pages.
    public var flushing = Flushing()
    /// Files and I/O.
    public var storage = Storage()

    /// Creates the default configuration.
    public init() {}

    /// Options of the buffer pool.
    public struct BufferPool: Sendable, Hashable {
        /// The number of instances; 0 chooses 1 below 1 GiB of memory and 2 above.
        ///
        /// Range 0...64.
        ///
        /// InnoDB: `innodb_buffer_pool_instances`.
        public var instanceCount = 0
        /// Whether the kernel is asked for huge pages behind the pool's memory and the page writers'.
        ///
        /// Transparent ones, so nothing has to be set aside; where the kernel has none, nothing changes.
        ///
        /// The default is true. InnoDB: `large_pages`, which takes explicit ones.
        public var hugePages = true
        /// The share of the LRU list kept for pages that were read but not used again, in percent.
        ///
        /// The default is 37, the range 5...95. Can be changed while open. InnoDB: `innodb_old_blocks_pct`.
        public var oldSublistPercent = 37
        /// How long a page must have been in memory before a second use makes it young, in milliseconds.
        ///
        /// The default is 1000, the range 0 and up. Can be changed while open.
        ///
        /// InnoDB: `innodb_old_blocks_time`.
        public var oldSublistMilliseconds = 1000
        /// The number of frames an instance keeps free.
        ///
        /// The default is 1024, at most an eighth of the instance.
        ///
        /// Range 16 and up. Can be changed while open. InnoDB: `innodb_lru_scan_depth`.
        public var lruScanDepth = 1024
        /// Pages of an extent used in order before the next extent is read ahead; 0 is off.
        ///
        /// The default is 56, the range 0...64. Can be changed while open. InnoDB: `innodb_read_ahead_threshold`.
        public var readAheadThreshold = 56
        /// Whether an extent of which many pages are in memory and in use is read ahead as a whole.
        ///
        /// The default is false. Can be changed while open. InnoDB: `innodb_random_read_ahead`.
        public var randomReadAhead = false
        /// Whether closing writes down which pages are in memory.
        ///
        /// The default is true. Can be changed while open. InnoDB: `innodb_buffer_pool_dump_at_shutdown`.
        public var dumpsAtClose = true
        /// Whether the pages written down are read in the background after opening.
        ///
        /// The default is true. InnoDB: `innodb_buffer_pool_load_at_startup`.
        public var loadsAtOpen = true
        /// The share of each instance's pages, most recently used first, that a dump names, in percent.
        ///
        /// The default is 25, the range 1...100. Can be changed while open. InnoDB: `innodb_buffer_pool_dump_pct`.
        public var dumpPercent = 25

        /// Creates the default options.
        public init() {}
    }

    /// Options of the redo log.
    public struct RedoLog: Sendable, Hashable {
        /// Which threads write the redo log.
        public enum Shape: Sendable, Hashable, CaseIterable {
            /// Chosen by the number of processors: `.selfWriting` below 8, `.dedicated` from 8 on.
            case automatic
            /// Writer, flusher, write-notifier and flush-notifier threads. InnoDB: `innodb_log_writer_threads = ON`.
            case dedicated
            /// One thread that writes, syncs and notifies.
            case single
            /// The committing thread writes and syncs itself when nobody else does, and one thread stands by.
            ///
            /// InnoDB: `innodb_log_writer_threads = OFF`.
            case selfWriting
        }

        /// The size of all redo files together.
        ///
        /// The default is 128 MiB, the range 2 MiB...128 GiB. Can be changed while open.
        ///
        /// InnoDB: `innodb_redo_log_capacity`.
        public var capacity: ByteCount = .mebibytes(128)
        /// The number of redo files.
        ///
        /// The default is 32, the range 4...32.
        public var fileCount = 32
        /// The size of the log buffer.
        ///
        /// The default is 16 MiB, the range 256 KiB and up, a power of two.
        ///
        /// InnoDB: `innodb_log_buffer_size`.
        public var bufferCapacity: ByteCount = .mebibytes(16)
        /// Which threads write.
        ///
        /// The default is `.automatic`.
        public var shape = Shape.automatic
        /// Writes are padded to this size so that no block is read before it is written.
        ///
        /// The default is 4 KiB, the range 512 B...16 KiB, a power of two. InnoDB: `innodb_log_write_ahead_size`.
        public var writeAheadSize: ByteCount = .kibibytes(4)
        /// The longest time between checkpoints while there is something to checkpoint, in milliseconds.
        ///
        /// The default is 1000, the range 10 and up. Can be changed while open.
        ///
        /// InnoDB: `innodb_log_checkpoint_every`.
        public var checkpointIntervalMilliseconds = 1000
        /// The longest time that a deferred commit stays volatile, in milliseconds.
        ///
        /// The default is 1000, the range 1 and up. Can be changed while open.
        ///
        /// InnoDB: `innodb_flush_log_at_timeout`.
        public var deferredFlushMilliseconds = 1000

        /// Creates the default options.
        public init() {}
    }

    /// Options of files and I/O.
    public struct Storage: Sendable, Hashable {
        /// Whether to bypass the page cache where the file system can.
        ///
        /// The default is true.
        ///
        /// InnoDB: `innodb_flush_method = O_DIRECT`.
        public var usesDirectIO = true
        /// Whether to use the kernel's asynchronous I/O where there is any.
        ///
        /// The default is true.
        ///
        /// InnoDB: `innodb_use_native_aio`.
        public var usesAsyncIO = true
        /// Requests in flight at once.
        ///
        /// The default is 128, the range 1...1024.
        public var queueDepth = 128

        /// Creates the default options.
        public init() {}
    }
}
