/// What to do about redo that is damaged or missing.
enum DamagedRedo {
    /// The end of the message of an error.
    static let remedy = "restore from a backup, or read what is left with `redoubt salvage`"
}
