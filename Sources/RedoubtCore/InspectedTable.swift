/// What a look at the bytes of a file found: a table, for people to read and for programs to take apart.
package struct InspectedTable: Sendable, Hashable {
    /// What stands in a column of a row.
    package enum Cell: Sendable, Hashable {
        /// A number.
        case number(UInt64)
        /// A text.
        case text(String)
        /// Bytes that may be anything.
        case bytes([UInt8])
        /// Nothing.
        case none
    }

    /// What the rows are.
    package let name: String
    /// The names of the columns.
    package let columns: [String]
    /// The rows, each with as many cells as there are columns.
    package private(set) var rows: [[Cell]] = []

    /// Creates a table without rows.
    package init(_ name: String, columns: [String]) {
        self.name = name
        self.columns = columns
    }

    /// The same rows under another name.
    package func renamed(_ name: String) -> InspectedTable {
        var table = InspectedTable(name, columns: columns)
        table.rows = rows
        return table
    }

    /// Appends a row; cells that are missing are empty, those that are too many are left out.
    package mutating func add(_ cells: Cell...) { add(cells) }

    /// The same, for cells that come as a list.
    package mutating func add(_ cells: [Cell]) {
        rows.append((0..<columns.count).map { $0 < cells.count ? cells[$0] : .none })
    }
}

/// What a look at one page found.
package struct InspectedPage: Sendable {
    /// The page that should be there.
    package let id: PageID
    /// What the page says it is.
    package let type: String
    /// Why the bytes are not the page that should be there, or nil.
    package let fault: String?
    /// What is in it.
    package let tables: [InspectedTable]
    /// What is not as it must be, besides `fault`.
    package let findings: [String]

    /// Creates what a look at page `id` found.
    package init(id: PageID, type: String, fault: String?, tables: [InspectedTable], findings: [String]) {
        self.id = id
        self.type = type
        self.fault = fault
        self.tables = tables
        self.findings = findings
    }
}
