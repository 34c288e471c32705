extension Workload {
    /// A workload with a name.
    package struct Shape: Sendable {
        /// What scenarios call it.
        package let name: String
        /// One line that says what it is.
        package let title: String
        /// What a transaction does.
        package let workload: Workload
    }

    /// The workloads that have a name.
    ///
    /// Processor times are those of an engine alone, about 6 us for a changed page and 1 us for one that is read,
    /// without SQL and network; redo includes that of the undo log where the model is a SQL server.
    package static let shapes = [
        Shape(name: "update", title: "one uniform update, not waited for", workload: update),
        Shape(name: "zipfian", title: "one update, some pages much more often than others", workload: zipfian),
        Shape(name: "writeOnly", title: "sysbench oltp_write_only", workload: writeOnly),
        Shape(name: "updateNonIndex", title: "sysbench oltp_update_non_index", workload: updateNonIndex),
        Shape(name: "tpcc", title: "pages as TPC-C mixes them", workload: tpcc),
        Shape(name: "load", title: "bulk load in the order of keys", workload: load),
        Shape(name: "readMostly", title: "reads, few updates, and a scan beside them", workload: readMostly),
    ]

    /// Returns the workload called `name`.
    package static func shape(_ name: String) -> Workload? { shapes.first { $0.name == name }?.workload }

    /// The name of the workload, nil if it has none.
    package var shapeName: String? { Self.shapes.first { $0.workload == self }?.name }

    /// One update of a row of about 100 bytes, anywhere; nobody waits for the disk.
    ///
    /// The load of the flushing benchmark of this repository. About 220 bytes of redo: key, value, and headers.
    package static let update = Workload()

    /// As ``update``, with pages drawn by Zipf's law with theta 0.9.
    ///
    /// Near the 0.99 of YCSB, where about half of the accesses go to a percent of the pages.
    package static let zipfian = update.with { $0.pattern = .zipfian(theta: 0.9) }

    /// A transaction of sysbench `oltp_write_only`: an indexed update, another update, a delete and an insert.
    ///
    /// About 6 changed pages: three rows, of which the last is deleted and inserted again in its place, and three
    /// leaves of the secondary index (the moved entry mostly stays on its page, the deleted one and the new one do not
    /// share any). About 350 bytes of redo a change, undo included: rows have 190 bytes, of which an update logs the
    /// changed column twice, a delete and an insert the whole row. Waits for the disk at commit.
    package static let writeOnly = Workload().with {
        $0.changes = 6
        $0.redoPerChange = 350
        $0.processorTime = 40_000
        $0.isDurable = true
    }

    /// A transaction of sysbench `oltp_update_non_index`: one update of a column of 120 bytes by primary key.
    ///
    /// About 450 bytes of redo: the column as it was (undo) and as it is, and headers. Waits for the disk at commit.
    package static let updateNonIndex = Workload().with {
        $0.redoPerChange = 450
        $0.processorTime = 8_000
        $0.isDurable = true
    }

    /// The mean transaction of TPC-C: leaf pages of 45 % new order, 43 % payment, and 4 % each of the rest.
    ///
    /// Counted from the profiles of the specification, about: new order reads 12 pages (10 of items), changes 12 (10 of
    /// stock) and appends 12 rows; payment reads 2, changes 3 and appends 1; delivery reads 10 and changes 45; order
    /// status reads 5; stock level reads 200. The mean is about 15 reads, 8.5 changes and 6 rows of about 90 bytes,
    /// which come to about 160 in a page and 300 bytes of redo each, undo included. Warehouses, districts and customers
    /// are drawn unevenly (NURand): 20 % of the pages get about 70 % of the accesses. Waits for the disk at commit.
    ///
    /// ## References
    /// TPC Benchmark C, revision 5.11, clauses 2.1.6, 2.4 to 2.8 and 5.2.3.
    package static let tpcc = Workload().with {
        $0.pattern = .hot(pages: 20, accesses: 70)
        $0.reads = 15
        $0.changes = 8.5
        $0.appends = 6
        $0.rowsPerPage = 160
        $0.redoPerChange = 300
        $0.processorTime = 100_000
        $0.isDurable = true
    }

    /// A batch of 100 new rows of about 120 bytes in the order of their keys, as a bulk load commits them.
    ///
    /// About 128 rows in a page, 150 bytes of redo a row and 200 for a new page; nobody waits for the disk.
    package static let load = Workload().with {
        $0.changes = 0
        $0.appends = 100
        $0.rowsPerPage = 128
        $0.redoPerChange = 150
        $0.redoPerPage = 200
        $0.processorTime = 100_000
    }

    /// Nine reads, an update in every tenth transaction, and beside them a scan of 500 pages a second.
    ///
    /// About the mix of web applications, nine reads to a write, and a report (8 MB/s) that takes frames from them; the
    /// figures are assumed, not measured.
    package static let readMostly = Workload().with {
        $0.pattern = .zipfian(theta: 0.9)
        $0.reads = 9
        $0.changes = 0.1
        $0.processorTime = 10_000
        $0.scanPages = 500
    }

    private func with(_ change: (inout Workload) -> Void) -> Workload {
        var copy = self
        change(&copy)
        return copy
    }
}
