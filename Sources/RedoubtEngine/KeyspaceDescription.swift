package import RedoubtCore

/// What the catalog says about a keyspace.
package struct KeyspaceDescription: Sendable, Hashable {
    /// The name.
    package let name: String
    /// The number of its tablespace.
    package let id: SpaceID
    /// The name of its file in the directory of the database.
    package let fileName: String
    /// The size of its file in pages of 16 KiB.
    package let pageCount: UInt32
}
