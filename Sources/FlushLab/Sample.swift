package import RedoubtCore

/// What happened in a tenth of a second of a run: rates are what was done in it, states are those at its end.
package struct Sample: Sendable, Hashable {
    /// The end of the tenth, in seconds since the start.
    package var time = 0.0
    /// Transactions ended.
    package var transactions = 0
    /// The 99th percentile of their durations, and the longest, in milliseconds.
    package var p99 = 0.0
    /// See ``p99``.
    package var longest = 0.0
    /// Redo since the last checkpoint, in bytes.
    package var checkpointAge = 0
    /// Redo since the oldest change that is in no data file, in bytes.
    package var redoAge = 0
    /// Dirty pages.
    package var dirty = 0
    /// Free frames.
    package var free = 0
    /// Pages read.
    package var reads = 0
    /// Pages written for their age or the share of dirty ones, by the mode of the policy.
    package var writesActive = 0
    /// See ``writesActive``.
    package var writesIdle = 0
    /// See ``writesActive``.
    package var writesSync = 0
    /// Pages written to get frames.
    package var writesLRU = 0
    /// Pages written because they lie beside one that had to be.
    package var writesNeighbours = 0
    /// Bytes of redo added.
    package var redo = 0
    /// Bytes written to the device: pages, doublewrite, redo.
    package var deviceBytes = 0
    /// Operations under way or waiting at the device, the mean over the tenth.
    package var queue = 0.0
    /// Nanoseconds that clients waited: for frames, redo space, admission, page reads, durability.
    package var waitFrames = 0.0
    /// See ``waitFrames``.
    package var waitRedo = 0.0
    /// See ``waitFrames``.
    package var waitAdmission = 0.0
    /// See ``waitFrames``.
    package var waitReads = 0.0
    /// See ``waitFrames``.
    package var waitCommit = 0.0
    /// The strictest state of back-pressure.
    package var backPressure = BackPressure.normal

    /// Creates a sample of nothing.
    package init() {}

    /// Pages written for whatever reason.
    package var writes: Int { writesActive + writesIdle + writesSync + writesLRU + writesNeighbours }
}

/// One run: a scenario under one policy, and what was seen.
package struct RunResult: Sendable, Hashable {
    /// What was run.
    package var scenario: Scenario
    /// Under which policy.
    package var policy: FlushingPolicy
    /// Whether the engine ran on a real device, and not the model.
    package var isReal = false
    /// Whether it was seen from outside, by counters: how long commits took, what was written to the device, and who
    /// waited for what, is not known.
    package var isOutline = false
    /// Whether the scenario says what clients wanted; else it says what came through, and nobody knows of stalls.
    package var isLoadKnown = true
    /// Ten samples a second.
    package var samples: [Sample] = []
    /// The age at which the policy should hurry, at which it must, and at which writers stop, in bytes.
    package var asyncLimit = 0
    /// See ``asyncLimit``.
    package var syncLimit = 0
    /// See ``asyncLimit``.
    package var stopLimit = 0

    /// Creates a run that has not begun.
    package init(scenario: Scenario, policy: FlushingPolicy) {
        (self.scenario, self.policy) = (scenario, policy)
    }
}
