/// A choice of what a power cut leaves of the changes that no sync had covered.
public struct PowerCut: Sendable, Hashable {
    /// What is left of one write.
    public enum Tear: Sendable, Hashable {
        /// Its first sectors.
        case firstSectors(Int)
        /// Its last sectors.
        case lastSectors(Int)
        /// Nothing but the size of the file.
        case sizeOnly
    }

    /// Which unsynced changes are kept, by position in the list of them.
    public enum Selection: Sendable, Hashable {
        /// None.
        case none
        /// All.
        case all
        /// The first ones.
        case prefix(Int)
        /// All but one.
        case omitting(Int)
        /// One alone.
        case only(Int)
        /// Each with a probability of one half, drawn from this seed.
        case seeded(UInt64)
        /// Of each write every sector by itself, and every other change, with a probability of one half, drawn from
        /// this seed.
        case mixed(UInt64)
    }

    /// The changes kept.
    public var selection: Selection
    /// What is left of the newest write, if it is torn; it is then kept whatever the selection says.
    public var tear: Tear?

    /// Creates a choice.
    public init(_ selection: Selection, tear: Tear? = nil) {
        self.selection = selection
        self.tear = tear
    }

    /// Nothing but what was synced.
    public static let none = PowerCut(.none)
    /// Everything, as after a kill of the process.
    public static let all = PowerCut(.all)
}

extension PowerCut: CustomStringConvertible {
    /// The choice in a few words.
    public var description: String {
        guard let tear else { return "\(selection)" }
        return "\(selection), newest write torn to \(tear)"
    }
}
