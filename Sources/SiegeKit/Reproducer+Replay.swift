public import RedoubtSimulation

extension Reproducer {
    /// What a replay found.
    public struct Replay: Sendable {
        /// The run, with the crash if there is one; nil if the program did not get through.
        public let trace: TraceFile?
        /// What is wrong; nil if nothing is: the failure is gone.
        public let finding: String?
    }

    /// Does it again with `subject`: the operations, the schedule, the crash, the check.
    ///
    /// Waits.
    ///
    /// - Throws: ``ReproducerError`` if the run has no such crash: the program is not the one that failed.
    public func replay(with subject: Subject) throws(ReproducerError) -> Replay {
        var trace: TraceFile
        do {
            trace = try subject.record(operations, seed: seed)
        } catch {
            return Replay(trace: nil, finding: "\(error)")
        }
        guard let cut else { return Replay(trace: trace, finding: nil) }
        guard let scene = cut.scene(start: trace.start, trace: trace.events) else {
            let message = "the run has \(trace.events.count) events, and nothing uncertain that fits the crash"
            throw ReproducerError(line: operations.count + 3, message)
        }
        let finding = subject.finding(trace, operations, cut)
        let allowed = scene.acknowledged...scene.issued
        trace.crash = TraceFile.Crash(cut: cut, finding: finding ?? "what was to be found", allowed: allowed)
        return Replay(trace: trace, finding: finding)
    }
}
