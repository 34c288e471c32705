/// What tests and tools set beside the configuration.
package struct EngineOptions: Sendable, Hashable {
    /// Whether each mini-transaction logs the images of its pages, which recovery compares after each replay.
    package var logsPageImages = false
    /// Whether threads flush and write checkpoints in the background; without them the threads of the caller do.
    package var usesBackgroundThreads = true

    /// Creates the options of ordinary use.
    package init() {}
}
