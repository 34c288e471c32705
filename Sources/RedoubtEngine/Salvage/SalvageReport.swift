package import RedoubtCore

/// What a salvage found and what it did not.
package struct SalvageReport: Sendable {
    /// Something that could not be read.
    package struct Loss: Sendable, Equatable {
        /// The keyspace.
        package var keyspace: String
        /// The page, if one can be named.
        package var page: PageID?
        /// Keys from here on are lost; nil from the first on.
        package var lower: [UInt8]?
        /// Up to this one; nil to the last.
        package var upper: [UInt8]?
        /// Whether the row of `upper` is lost as well.
        package var includesUpper = false
        /// Why.
        package var reason: String
    }

    /// A keyspace, and of how many of its keys rows were found.
    package struct Keyspace: Sendable, Equatable {
        /// The name.
        package var name: String
        /// The rows found.
        package var rowCount: Int
    }

    /// Why the redo could not be applied; nil if it was.
    package var unrecovered: RedoubtError?
    /// What was found.
    package var keyspaces: [Keyspace] = []
    /// What is lost.
    package var losses: [Loss] = []
    /// Damaged pages whose rows were found all the same.
    package var bridged: [Loss] = []
}
