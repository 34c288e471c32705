extension CounterName {
    /// What a number is and means.
    public struct Entry: Sendable, Hashable {
        /// Whether it only rises.
        public enum Kind: Sendable, Hashable {
            /// It rises from the opening on.
            case counter
            /// It is as of now.
            case gauge
        }

        /// What it is counted in.
        public enum Unit: String, Sendable, Hashable {
            /// A byte position in the redo stream.
            case position
            /// Bytes.
            case bytes
            /// Pages of 16 KiB.
            case pages
            /// Nanoseconds.
            case nanoseconds
            /// Things.
            case count
            /// 0 or 1.
            case flag
            /// A number that stands for a state.
            case state
        }

        /// Whether it only rises.
        public let kind: Kind
        /// What it is counted in.
        public let unit: Unit
        /// The part of the engine that it belongs to.
        public let section: String
        /// InnoDB's name for it: a status variable, or else a counter of `INNODB_METRICS`; nil if it has none.
        public let innodbName: String?
        /// What it means, in a sentence.
        public let help: String

        init(_ kind: Kind, _ unit: Unit, _ section: String, _ innodbName: String?, _ help: String) {
            self.kind = kind
            self.unit = unit
            self.section = section
            self.innodbName = innodbName
            self.help = help
        }
    }

    /// One entry for each name, in their order.
    static let entries: [Entry] = redoEntries + poolEntries + flushingEntries + fileEntries + processEntries

    private static let redoEntries: [Entry] = [
        Entry(
            .gauge,
            .position,
            "Redo log",
            "Innodb_redo_log_current_lsn",
            "Where the next change will stand in the redo stream."
        ),
        Entry(
            .gauge,
            .position,
            "Redo log",
            nil,
            "Every change below it is in the log buffer (InnoDB prints it as: Log buffer completed up to)."
        ),
        Entry(
            .gauge,
            .position,
            "Redo log",
            nil,
            "Everything below it is with the operating system (InnoDB prints it as: Log written up to)."
        ),
        Entry(.gauge, .position, "Redo log", "Innodb_redo_log_flushed_to_disk_lsn", "Everything below it is durable."),
        Entry(
            .gauge,
            .position,
            "Redo log",
            nil,
            "Every change below it is in the flush lists (InnoDB prints it as: Added dirty pages up to)."
        ),
        Entry(
            .gauge,
            .position,
            "Redo log",
            "log_lsn_buf_pool_oldest_lwm",
            "Where a checkpoint could be now (InnoDB prints it as: Pages flushed up to)."
        ),
        Entry(.gauge, .position, "Redo log", "Innodb_redo_log_checkpoint_lsn", "Where a recovery would begin."),
        Entry(.gauge, .bytes, "Redo log", "log_lsn_checkpoint_age", "From the checkpoint to the end of the redo."),
        Entry(.gauge, .bytes, "Redo log", "log_max_modified_age_async", "The age from which flushing hurries."),
        Entry(
            .gauge,
            .bytes,
            "Redo log",
            "log_max_modified_age_sync",
            "The age from which pages are written as fast as the device allows."
        ),
        Entry(
            .gauge,
            .bytes,
            "Redo log",
            nil,
            "The most that age and redo under way may be together; writers wait beyond it."
        ),
        Entry(.gauge, .bytes, "Redo log", "log_concurrency_margin", "What is kept free for changes under way."),
        Entry(.gauge, .bytes, "Redo log", "Innodb_redo_log_capacity_resized", "The redo files together."),
        Entry(.counter, .count, "Redo log", nil, "Reads of redo files."),
        Entry(.counter, .bytes, "Redo log", nil, "Bytes read from redo files."),
        Entry(.counter, .count, "Redo log", "Innodb_log_writes", "Writes to redo files."),
        Entry(.counter, .bytes, "Redo log", "Innodb_os_log_written", "Bytes written to redo files, padding included."),
        Entry(.counter, .nanoseconds, "Redo log", nil, "Time of the writes to redo files."),
        Entry(.counter, .count, "Redo log", "Innodb_os_log_fsyncs", "Syncs of redo files."),
        Entry(.counter, .nanoseconds, "Redo log", "log_flush_total_time", "Time of the syncs of redo files."),
        Entry(.gauge, .count, "Redo log", "Innodb_os_log_pending_writes", "Writes to redo files under way."),
        Entry(.gauge, .count, "Redo log", "Innodb_os_log_pending_fsyncs", "Syncs of redo files under way."),
        Entry(
            .gauge,
            .bytes,
            "Redo log",
            nil,
            "Redo that a recovery replays in a second, page reads included; 100000000 until one was measured."
        ),
        Entry(.counter, .count, "Redo log", "log_checkpoints", "Checkpoints written."),
    ]

    private static let poolEntries: [Entry] = [
        Entry(.gauge, .pages, "Buffer pool", "Innodb_buffer_pool_pages_total", "Pages that fit into memory."),
        Entry(
            .gauge,
            .pages,
            "Buffer pool",
            nil,
            "Pages that the memory option allows; fewer than fit while memory is being given back."
        ),
        Entry(.counter, .pages, "Buffer pool", nil, "Frames given back to the system because memory was made less."),
        Entry(.gauge, .pages, "Buffer pool", "Innodb_buffer_pool_pages_data", "Pages in memory."),
        Entry(
            .gauge,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_pages_old",
            "Pages in the old part of the LRU lists (MariaDB's name)."
        ),
        Entry(.gauge, .pages, "Buffer pool", "Innodb_buffer_pool_pages_free", "Frames without a page."),
        Entry(
            .gauge,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_pages_dirty",
            "Pages in memory with changes that are not in their file."
        ),
        Entry(.counter, .pages, "Buffer pool", "Innodb_buffer_pool_reads", "Pages read because somebody wanted them."),
        Entry(
            .counter,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_read_ahead",
            "Pages read before somebody wanted them."
        ),
        Entry(
            .counter,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_read_ahead_rnd",
            "Pages asked for because many of their area were in use."
        ),
        Entry(
            .counter,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_read_ahead_evicted",
            "Pages that left memory without ever having been used."
        ),
        Entry(.counter, .pages, "Buffer pool", nil, "Pages read because a dump of the pool named them."),
        Entry(.counter, .pages, "Buffer pool", "Innodb_pages_read", "Pages read, wanted, ahead and loaded together."),
        Entry(.counter, .pages, "Buffer pool", "Innodb_pages_created", "Pages made without a read."),
        Entry(.counter, .pages, "Buffer pool", "Innodb_pages_written", "Pages written to their files."),
        Entry(.counter, .pages, "Buffer pool", "buffer_LRU_batch_evict_total_pages", "Clean pages that left memory."),
        Entry(
            .counter,
            .pages,
            "Buffer pool",
            "Innodb_buffer_pool_pages_made_young",
            "Used pages that the eviction scan moved to the young end (MariaDB's name)."
        ),
        Entry(.counter, .pages, "Buffer pool", nil, "Changed pages of dropped keyspaces, which are not written."),
        Entry(.counter, .count, "Buffer pool", nil, "Search indexes built beside pages."),
        Entry(
            .counter,
            .count,
            "Buffer pool",
            "Innodb_buffer_pool_wait_free",
            "Times that a thread waited for a free frame."
        ),
        Entry(.counter, .nanoseconds, "Buffer pool", nil, "Time of the waits for a free frame."),
        Entry(.counter, .count, "Buffer pool", nil, "Loads that found no dump of the pool, or none that is whole."),
        Entry(.counter, .count, "Buffer pool", nil, "Dumps of the pool written."),
        Entry(.counter, .count, "Buffer pool", nil, "Dumps of the pool that could not be written."),
    ]

    private static let flushingEntries: [Entry] = [
        Entry(
            .counter,
            .pages,
            "Flushing",
            "buffer_flush_adaptive_total_pages",
            "Pages written for the dirty share or the redo age."
        ),
        Entry(
            .counter,
            .pages,
            "Flushing",
            "buffer_flush_background_total_pages",
            "Pages written while nothing else happened."
        ),
        Entry(
            .counter,
            .pages,
            "Flushing",
            "buffer_flush_sync_total_pages",
            "Pages written because the redo was nearly full."
        ),
        Entry(
            .counter,
            .pages,
            "Flushing",
            "buffer_LRU_batch_flush_total_pages",
            "Pages written because their frames were wanted."
        ),
        Entry(.counter, .pages, "Flushing", nil, "Pages written because a checkpoint of everything was called for."),
        Entry(.counter, .pages, "Flushing", nil, "Pages written while closing."),
        Entry(.counter, .count, "Flushing", nil, "Decisions of the flushing policy."),
        Entry(.counter, .count, "Flushing", "buffer_flush_batches", "Requests to the slots of the page cleaner."),
        Entry(.counter, .pages, "Flushing", nil, "Pages chosen and left, latched or being written."),
        Entry(.gauge, .state, "Flushing", nil, "What flushing does: 0 nothing, 1 idle, 2 at a pace, 3 at full speed."),
        Entry(.gauge, .pages, "Flushing", "buffer_flush_n_to_flush_requested", "Pages that the policy asked for last."),
        Entry(
            .gauge,
            .count,
            "Flushing",
            "buffer_flush_pct_for_dirty",
            "Percent of the I/O capacity for the dirty share."
        ),
        Entry(.gauge, .count, "Flushing", "buffer_flush_pct_for_lsn", "Percent of the I/O capacity for the redo age."),
        Entry(
            .gauge,
            .pages,
            "Flushing",
            "buffer_flush_avg_page_rate",
            "Pages written each second, as the policy averages."
        ),
        Entry(
            .gauge,
            .bytes,
            "Flushing",
            "buffer_flush_lsn_avg_rate",
            "Redo made each second, as the policy averages."
        ),
        Entry(.gauge, .bytes, "Flushing", nil, "The redo age that the policy steers for, 0 if it has none."),
        Entry(
            .gauge,
            .pages,
            "Flushing",
            nil,
            "Pages that the device wrote in a second at opening, 0 if that was not measured."
        ),
        Entry(
            .counter,
            .count,
            "Flushing",
            "buffer_flush_neighbor",
            "Pages whose writing took neighbours in the file along."
        ),
        Entry(.counter, .pages, "Flushing", "buffer_flush_neighbor_total_pages", "Those neighbours."),
        Entry(.counter, .pages, "Flushing", nil, "Pages that the device wrote all or nothing, without a copy."),
        Entry(
            .gauge,
            .flag,
            "Flushing",
            nil,
            "1 while the device writes pages all or nothing, so that none is copied."
        ),
        Entry(
            .gauge,
            .state,
            "Flushing",
            nil,
            "What is done about torn pages where the device may tear them: 0 copies, 1 names, 2 nothing, 3 sectors."
        ),
        Entry(.counter, .count, "Flushing", "Innodb_dblwr_writes", "Batches of page copies."),
        Entry(.counter, .pages, "Flushing", "Innodb_dblwr_pages_written", "Copies of pages in those batches."),
        Entry(
            .counter,
            .bytes,
            "Flushing",
            nil,
            "Bytes that those batches are shorter because they have changed sectors only."
        ),
        Entry(
            .counter,
            .pages,
            "Flushing",
            nil,
            "Pages written without a copy, because doublewrite is off or redo makes them anew."
        ),
        Entry(.counter, .count, "Flushing", nil, "Syncs of tablespace files because a doublewrite file was full."),
        Entry(.counter, .count, "Flushing", nil, "Writes of pages or copies that found no space, each try."),
        Entry(.counter, .count, "Flushing", nil, "Writes to doublewrite files."),
        Entry(
            .counter,
            .bytes,
            "Flushing",
            nil,
            "Bytes written to doublewrite files."
        ),
        Entry(.counter, .count, "Flushing", nil, "Syncs of doublewrite files."),
        Entry(.counter, .nanoseconds, "Flushing", nil, "Time of the syncs of doublewrite files."),
    ]

    private static let fileEntries: [Entry] = [
        Entry(.counter, .count, "Files", "Innodb_data_reads", "Reads of tablespace files."),
        Entry(.counter, .bytes, "Files", "Innodb_data_read", "Bytes read from tablespace files."),
        Entry(.counter, .nanoseconds, "Files", nil, "Time of the reads of tablespace files, from submission to end."),
        Entry(.counter, .count, "Files", "Innodb_data_writes", "Writes to tablespace files."),
        Entry(.counter, .bytes, "Files", "Innodb_data_written", "Bytes written to tablespace files."),
        Entry(.counter, .nanoseconds, "Files", nil, "Time of the writes to tablespace files, from submission to end."),
        Entry(.counter, .count, "Files", "Innodb_data_fsyncs", "Syncs of tablespace files."),
        Entry(.counter, .nanoseconds, "Files", nil, "Time of the syncs of tablespace files."),
        Entry(.gauge, .count, "Files", "Innodb_data_pending_reads", "Reads of tablespace files under way."),
        Entry(.gauge, .count, "Files", "Innodb_data_pending_writes", "Writes to tablespace files under way."),
        Entry(.gauge, .count, "Files", "Innodb_data_pending_fsyncs", "Syncs of tablespace files under way."),
        Entry(.gauge, .count, "Files", nil, "Keyspaces."),
        Entry(.gauge, .pages, "Files", nil, "The size of all tablespace files."),
        Entry(.gauge, .count, "Files", "Innodb_num_open_files", "Tablespace files that are open."),
    ]

    private static let processEntries: [Entry] = [
        Entry(.gauge, .nanoseconds, "Process", nil, "Time since the opening began."),
        Entry(.counter, .nanoseconds, "Process", "cpu_utime_abs", "Processor time of the process outside the kernel."),
        Entry(.gauge, .bytes, "Process", nil, "Memory of the process that is in use (RSS)."),
        Entry(.gauge, .bytes, "Process", nil, "What the option `memory` allows the engine."),
        Entry(.counter, .count, "Process", nil, "Events that a listener was too slow for."),
        Entry(.counter, .count, "Process", nil, "Foreground waits of more than a second, those that last included."),
        Entry(.gauge, .nanoseconds, "Process", nil, "The longest of those waits so far."),
        Entry(.gauge, .flag, "Process", nil, "1 after a failed write or sync has ended all writing."),
        Entry(.gauge, .state, "Process", nil, "How writers are held back: 0 not at all, 1 delayed, 2 stopped."),
        Entry(.gauge, .flag, "Process", nil, "1 while the redo that writers may add is limited to a rate."),
        Entry(.gauge, .bytes, "Process", nil, "That rate, in bytes each second; 0 without a limit, or for a stop."),
        Entry(.gauge, .state, "Process", nil, "0 open, 1 scanning the redo, 2 applying it, 3 cleaning up."),
        Entry(
            .gauge,
            .count,
            "Process",
            nil,
            "How much of the present phase of recovery is done, in bytes of redo or in records."
        ),
        Entry(.gauge, .count, "Process", nil, "What there is to do in that phase, 0 while it is not known."),
    ]
}
