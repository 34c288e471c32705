package import RedoubtSimulation
package import SiegeKit

/// Traces and pages of failures of the engine.
package enum EngineReport {
    /// Records workload `name` anew and returns its trace with the failure of the state `key`, or the first one found
    /// if that is nil; nil if nothing is wrong.
    ///
    /// Waits until it is found; all states are judged if there is none.
    ///
    /// - Throws: What stops the recording, or that there is no such workload.
    package static func failure(of name: String, seed: UInt64, key: UInt64?) throws -> TraceFile? {
        guard let profile = CrashProfile.all.first(where: { $0.name == name }) else {
            throw CrashRun.Finding("there is no workload \"\(name)\"")
        }
        let run = try CrashRun(cutting: profile, seed: seed)
        let failure: CrashFailure?
        if let key {
            let explorer = run.explorer(statesPerPoint: nil)
            failure = explorer.judge(threadCount: 1, only: key) { try run.judge($0) }.failures.first
        } else {
            let explorer = run.explorer()
            failure = explorer.hunt(limit: explorer.stateCount) { try run.judge($0) }.failure
        }
        return failure.map { trace(of: run, seed: seed, $0) }
    }

    /// Returns the trace of `run` with the crash of `failure`.
    static func trace(of run: CrashRun, seed: UInt64, _ failure: CrashFailure? = nil) -> TraceFile {
        let text = "redoubt, workload \(run.profile.name)"
        return TraceFile(run.storage, seed: seed, text: text, crash: failure.map(TraceFile.Crash.init))
    }

    /// Returns the lines of `trace`, with what each write was.
    package static func lines(_ trace: TraceFile) -> [String] {
        TraceListing(trace, describe: EngineBytes.describe).lines
    }

    /// Returns the page of `trace`, with what each write was.
    package static func page(
        _ trace: TraceFile,
        reproducer: Reproducer? = nil,
        replay: [String] = []
    ) -> HTMLReport {
        HTMLReport(trace, reproducer: reproducer, replay: replay, describe: EngineBytes.describe)
    }
}
