/// A storage engine in one of its modes: what the power is cut under.
struct DiskTarget: Sendable, Equatable {
    /// What a mode promises by its own documentation.
    enum Promise: String, Sendable {
        /// Every acknowledged commit is found after a power cut.
        case durable
        /// All but the last acknowledged commit are found; what is found is consistent.
        case exceptLast = "all but the last"
        /// Nothing: the control that must be seen to fail.
        case nothing
    }

    /// What a peer is built from.
    struct Peer: Sendable, Equatable {
        /// The name of its program, without `.c`.
        let source: String
        let header: String
        let library: String
        /// The Debian package that has both.
        let package: String
    }

    let name: String
    let mode: String
    let promise: Promise
    /// Nil for Redoubt, which needs nothing.
    let peer: Peer?

    /// Every target, this engine first.
    static let all: [DiskTarget] = {
        let sqlite = Peer(source: "sqlite", header: "sqlite3.h", library: "sqlite3", package: "libsqlite3-dev")
        let lmdb = Peer(source: "lmdb", header: "lmdb.h", library: "lmdb", package: "liblmdb-dev")
        let rocksdb = Peer(source: "rocksdb", header: "rocksdb/c.h", library: "rocksdb", package: "librocksdb-dev")
        let berkeleyDB = Peer(source: "berkeleydb", header: "db.h", library: "db-5.3", package: "libdb5.3-dev")
        return [
            DiskTarget(name: "redoubt", mode: "flushed", promise: .durable, peer: nil),
            DiskTarget(name: "redoubt", mode: "changed-sectors", promise: .durable, peer: nil),
            // A page that tears stays torn: this shows that pages do tear.
            DiskTarget(name: "redoubt", mode: "no-doublewrite", promise: .nothing, peer: nil),
            DiskTarget(name: "redoubt", mode: "deferred", promise: .nothing, peer: nil),
            DiskTarget(name: "sqlite", mode: "delete-extra", promise: .durable, peer: sqlite),
            DiskTarget(name: "sqlite", mode: "delete-full", promise: .exceptLast, peer: sqlite),
            DiskTarget(name: "sqlite", mode: "delete-off", promise: .nothing, peer: sqlite),
            DiskTarget(name: "sqlite", mode: "wal-full", promise: .durable, peer: sqlite),
            DiskTarget(name: "sqlite", mode: "wal-off", promise: .nothing, peer: sqlite),
            DiskTarget(name: "lmdb", mode: "sync", promise: .durable, peer: lmdb),
            DiskTarget(name: "lmdb", mode: "nosync", promise: .nothing, peer: lmdb),
            DiskTarget(name: "rocksdb", mode: "sync", promise: .durable, peer: rocksdb),
            DiskTarget(name: "rocksdb", mode: "nosync", promise: .nothing, peer: rocksdb),
            DiskTarget(name: "berkeleydb", mode: "sync", promise: .durable, peer: berkeleyDB),
            DiskTarget(name: "berkeleydb", mode: "nosync", promise: .nothing, peer: berkeleyDB),
        ]
    }()
}
