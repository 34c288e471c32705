/// A rule of backups that a test breaks on purpose, to prove that it would notice; no effect in builds without
/// `REDOUBT_INTERLEAVING`.
package enum BackupFault: String, CaseIterable, Sendable {
    /// Pages are taken as they are read, also when they are torn.
    case believesTornPages
    /// Keyspaces that are made meanwhile are not copied.
    case forgetsNewKeyspaces
    /// The checkpoint does not wait for the copy of the redo.
    case letsCheckpointPass
    /// What is written while the files are copied is not copied from the redo.
    case endsBeforePages
}
