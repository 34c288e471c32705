/// What tests and tools set beside the configuration.
package struct EngineOptions: Sendable {
    /// Whether each mini-transaction logs the images of its pages, which recovery compares after each replay.
    package var logsPageImages = false
    /// Whether threads flush and write checkpoints in the background; without them the threads of the caller do.
    package var usesBackgroundThreads = true
    /// Whether the redo log has threads; without them whoever waits for redo writes it.
    package var usesLogThreads = true
    /// Called with what each scan of a flush list hands to a writer, before it is written, while the list is locked.
    ///
    /// Must not wait, nor call the engine.
    package var flushListObserver: (@Sendable (FlushListChoice) -> Void)?
    #if REDOUBT_INTERLEAVING
    /// The rules that are broken on purpose from the beginning on, recovery included; see `CleanerFault`.
    package var faults: UInt32 = 0
    #endif

    /// Creates the options of ordinary use.
    package init() {}
}
