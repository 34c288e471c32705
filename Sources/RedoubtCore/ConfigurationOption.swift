/// An option of ``Configuration`` by name, and when it can be set.
package struct ConfigurationOption: Sendable {
    /// The path of the property, such as "flushing.policy".
    package let name: String
    /// Whether it can be changed while the database is open.
    package let canBeChangedWhileOpen: Bool
    private let differs: @Sendable (Configuration, Configuration) -> Bool
    private let isPossible: @Sendable (Configuration, Configuration) -> Bool
    /// What a text must look like to be a value.
    let form: String
    /// The value as text.
    let text: @Sendable (Configuration) -> String
    /// Takes a text as the value; returns false if it describes none.
    let set: @Sendable (inout Configuration, String) -> Bool

    private init<Value: Equatable & SendableMetatype & OptionText>(
        _ name: String,
        _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        canBeChangedWhileOpen: Bool,
        isPossible: @escaping @Sendable (Value, Value) -> Bool
    ) {
        self.name = name
        self.canBeChangedWhileOpen = canBeChangedWhileOpen
        differs = { $0[keyPath: path] != $1[keyPath: path] }
        self.isPossible = { isPossible($0[keyPath: path], $1[keyPath: path]) }
        form = Value.optionForm
        text = { $0[keyPath: path].optionText }
        set = { configuration, text in
            guard let value = Value(optionText: text) else { return false }
            configuration[keyPath: path] = value
            return true
        }
    }

    /// Throws `.invalidConfiguration` if the option is another in `after` than in `before` and cannot be while open.
    package func check(from before: Configuration, to after: Configuration) throws(RedoubtError) {
        guard differs(before, after) else { return }
        guard canBeChangedWhileOpen else {
            throw RedoubtError(
                .invalidConfiguration,
                "\(name) can only be set when opening; close the database and open it with the new value"
            )
        }
        guard isPossible(before, after) else {
            throw RedoubtError(
                .invalidConfiguration,
                "\(name) can only be set to or from this value when opening; close the database and open it with it"
            )
        }
    }

    private static func live<Value: Equatable & SendableMetatype & OptionText>(
        _ name: String,
        _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        ifPossible: @escaping @Sendable (Value, Value) -> Bool = { _, _ in true }
    ) -> ConfigurationOption {
        ConfigurationOption(name, path, canBeChangedWhileOpen: true, isPossible: ifPossible)
    }

    private static func fixed<Value: Equatable & SendableMetatype & OptionText>(
        _ name: String,
        _ path: any WritableKeyPath<Configuration, Value> & Sendable
    ) -> ConfigurationOption {
        ConfigurationOption(name, path, canBeChangedWhileOpen: false, isPossible: { _, _ in false })
    }

    /// All options.
    package static let all: [ConfigurationOption] = [
        live("memory", \.memory),
        fixed("memoryMaximum", \.memoryMaximum),
        live("durability", \.durability),
        fixed("createIfMissing", \.createIfMissing),
        fixed("bufferPool.instanceCount", \.bufferPool.instanceCount),
        fixed("bufferPool.hugePages", \.bufferPool.hugePages),
        live("bufferPool.oldSublistPercent", \.bufferPool.oldSublistPercent),
        live("bufferPool.oldSublistMilliseconds", \.bufferPool.oldSublistMilliseconds),
        live("bufferPool.lruScanDepth", \.bufferPool.lruScanDepth),
        live("bufferPool.readAheadThreshold", \.bufferPool.readAheadThreshold),
        live("bufferPool.randomReadAhead", \.bufferPool.randomReadAhead),
        live("bufferPool.dumpsAtClose", \.bufferPool.dumpsAtClose),
        fixed("bufferPool.loadsAtOpen", \.bufferPool.loadsAtOpen),
        live("bufferPool.dumpPercent", \.bufferPool.dumpPercent),
        live("redoLog.capacity", \.redoLog.capacity),
        fixed("redoLog.fileCount", \.redoLog.fileCount),
        fixed("redoLog.bufferCapacity", \.redoLog.bufferCapacity),
        fixed("redoLog.shape", \.redoLog.shape),
        fixed("redoLog.writeAheadSize", \.redoLog.writeAheadSize),
        live("redoLog.checkpointIntervalMilliseconds", \.redoLog.checkpointIntervalMilliseconds),
        live("redoLog.deferredFlushMilliseconds", \.redoLog.deferredFlushMilliseconds),
        live("flushing.policy", \.flushing.policy),
        live("flushing.ioCapacity", \.flushing.ioCapacity),
        live("flushing.ioCapacityMaximum", \.flushing.ioCapacityMaximum),
        live("flushing.dirtyPagePercentMaximum", \.flushing.dirtyPagePercentMaximum),
        live("flushing.dirtyPagePercentLowWater", \.flushing.dirtyPagePercentLowWater),
        live("flushing.adaptive", \.flushing.adaptive),
        live("flushing.redoAgePercentLowWater", \.flushing.redoAgePercentLowWater),
        live("flushing.averagingLoops", \.flushing.averagingLoops),
        live("flushing.flushSync", \.flushing.flushSync),
        live("flushing.idlePercent", \.flushing.idlePercent),
        live("flushing.neighbours", \.flushing.neighbours),
        fixed("flushing.cleanerThreads", \.flushing.cleanerThreads),
        // With and without doublewrite files is a difference that only an opening can make.
        live("flushing.doublewrite", \.flushing.doublewrite, ifPossible: { $0 != .off && $1 != .off }),
        fixed("flushing.doublewriteBatchPages", \.flushing.doublewriteBatchPages),
        live("flushing.targetRecoveryTime", \.flushing.targetRecoveryTime),
        fixed("storage.usesDirectIO", \.storage.usesDirectIO),
        fixed("storage.usesAsyncIO", \.storage.usesAsyncIO),
        fixed("storage.queueDepth", \.storage.queueDepth),
    ]
}
