/// What the number in a handle consists of.
///
/// A handle is a number in the disguise of a pointer, so that a wrong one can be told instead of followed. Its top bits
/// are the kind; with them no handle is an address that a process can have, so no pointer of the caller is a handle.
///
///     database   kind 4 | generation 24 | 0 24               | slot 8  | 0 4
///     keyspace   kind 4 | generation 24 | keyspace 24        | slot 8  | 0 4
///     others     kind 4 | generation 36 | slot 20                      | 0 4
///
/// The generation counts how often the slot was used, so that the handle of something closed is not taken for what came
/// after it.
struct Handle: Equatable {
    /// What a handle is of.
    enum Kind: UInt {
        case database = 9
        case keyspace = 10
        case batch = 11
        case cursor = 12
        case loader = 13

        /// What messages call it.
        var name: String {
            switch self {
            case .database: "database"
            case .keyspace: "keyspace"
            case .batch: "batch"
            case .cursor: "cursor"
            case .loader: "loader"
            }
        }
    }

    /// The most databases at a time.
    static var databaseCountMaximum: Int { 1 << 8 }
    /// The most keyspaces whose handles one database gives out.
    static var keyspaceCountMaximum: Int { 1 << 24 }
    /// The most batches, cursors and loaders at a time.
    static var heldCountMaximum: Int { 1 << 20 }

    /// The handle as a number.
    let number: UInt

    /// Takes what a caller passed.
    @inline(__always)
    init(_ pointer: OpaquePointer?) {
        number = UInt(bitPattern: pointer)
    }

    private init(number: UInt) {
        self.number = number
    }

    /// Makes the handle of the database in `slot`.
    init(databaseIn slot: Int, generation: UInt) {
        number = Kind.database.rawValue << 60 | (generation & 0xFF_FFFF) << 36 | UInt(slot) << 4
    }

    /// Makes the handle of something that one thread at a time uses.
    init(_ kind: Kind, in slot: Int, generation: UInt) {
        number = kind.rawValue << 60 | (generation & 0xF_FFFF_FFFF) << 24 | UInt(slot) << 4
    }

    /// The handle in the form that callers know.
    var pointer: OpaquePointer? { unsafe OpaquePointer(bitPattern: number) }

    /// Whether it says that it is of `kind`.
    @inline(__always)
    func isOf(_ kind: Kind) -> Bool { number >> 60 == kind.rawValue }

    /// Whether it says that it is of `kind`, and has nothing where a slot has the mark of its use.
    ///
    /// For kinds that one thread at a time uses: with that mark, a wrong handle would equal the slot of a right one.
    @inline(__always)
    func isHeld(_ kind: Kind) -> Bool { number & 0xF000_0000_0000_000F == kind.rawValue << 60 }

    /// The slot of a database, or of a keyspace's database.
    @inline(__always)
    var databaseSlot: Int { Int(truncatingIfNeeded: number >> 4) & (Self.databaseCountMaximum - 1) }

    /// The slot of anything else.
    @inline(__always)
    var heldSlot: Int { Int(truncatingIfNeeded: number >> 4) & (Self.heldCountMaximum - 1) }

    /// The place of a keyspace in its database.
    @inline(__always)
    var keyspaceIndex: Int { Int(truncatingIfNeeded: number >> 12) & (Self.keyspaceCountMaximum - 1) }

    /// The handle of a keyspace's database.
    @inline(__always)
    var databaseOfKeyspace: Handle {
        Handle(number: number & 0x0FFF_FFF0_0000_0FFF | Kind.database.rawValue << 60)
    }

    /// The handle of the keyspace at `index` of this database.
    func keyspace(at index: Int) -> Handle {
        Handle(number: number & 0x0FFF_FFFF_FFFF_FFFF | Kind.keyspace.rawValue << 60 | UInt(index) << 12)
    }
}
