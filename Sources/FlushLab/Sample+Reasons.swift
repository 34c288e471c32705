extension Sample {
    /// What clients wait for.
    package enum Wait: String, Sendable, Hashable, CaseIterable {
        case redo, frames, admission, reads, commit

        /// What is waited for, behind "waits for".
        package var words: String {
            switch self {
            case .redo: "redo space"
            case .frames: "free frames"
            case .admission: "admission"
            case .reads: "page reads"
            case .commit: "durability"
            }
        }
    }

    /// Returns the nanoseconds that clients waited for `wait`.
    package func time(of wait: Wait) -> Double {
        switch wait {
        case .redo: waitRedo
        case .frames: waitFrames
        case .admission: waitAdmission
        case .reads: waitReads
        case .commit: waitCommit
        }
    }

    /// Why pages are written.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case active, idle, sync, lru, neighbours

        /// What the pages are written for.
        package var words: String {
            switch self {
            case .active: "age or dirty share"
            case .idle: "idle"
            case .sync: "sync flushing"
            case .lru: "free frames"
            case .neighbours: "neighbours"
            }
        }
    }

    /// Returns the pages written for `reason`.
    package func pages(for reason: Reason) -> Int {
        switch reason {
        case .active: writesActive
        case .idle: writesIdle
        case .sync: writesSync
        case .lru: writesLRU
        case .neighbours: writesNeighbours
        }
    }
}
