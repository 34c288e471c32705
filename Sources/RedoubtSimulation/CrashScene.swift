/// What a power cut left of every change that no sync had covered: the picture of a crash state.
public struct CrashScene: Sendable {
    /// What became of a part.
    public enum Fate: String, Sendable, Hashable, CaseIterable {
        /// The disk has it.
        case kept
        /// The disk does not have it.
        case lost
        /// The disk has what a later change left in its place.
        case replaced
        /// It changed nothing: the same bytes were durable before.
        case unchanged
    }

    /// A part of a change.
    public struct Part: Sendable {
        /// Where the bytes are in the file; nil for a size or an entry of a directory.
        public let bytes: Range<UInt64>?
        /// What became of it.
        public let fate: Fate
    }

    /// An uncertain change.
    public struct Change: Sendable {
        /// The number of the event.
        public let event: Int
        /// The change.
        public let change: StorageChange
        /// What is kept or lost by itself: sectors in their order, the size of the file last.
        public let parts: [Part]
        /// Whether the write had ended.
        public let isFinished: Bool
        /// Whether a sync that should have covered it failed.
        public let hasFailedSync: Bool

        /// The parts that were lost.
        public var lostCount: Int { parts.count { $0.fate == .lost } }
        /// The parts that were kept.
        public var keptCount: Int { parts.count { $0.fate == .kept } }

        /// What became of it, in a word or two: "kept", "lost", "torn, 3 of 8 kept", "replaced", "no change".
        public var outcome: String {
            if lostCount > 0 && keptCount > 0 { return "torn, \(keptCount) of \(lostCount + keptCount) kept" }
            if lostCount > 0 { return "lost" }
            if keptCount > 0 { return "kept" }
            return parts.contains { $0.fate == .replaced } ? "replaced" : "no change"
        }
    }

    /// The cut.
    public let cut: CrashCut
    /// The uncertain changes in their order.
    public let changes: [Change]
    /// The commits that had to be found.
    public let acknowledged: Int
    /// The commits that could be found.
    public let issued: Int

    init(_ cut: CrashCut, _ state: DurabilityState, _ places: UncertainPlaces, _ choice: UncertainPlaces.Choice) {
        self.cut = cut
        acknowledged = state.acknowledged
        issued = max(state.acknowledged, state.issued)
        changes = places.pending.indices.map { index in
            let pending = places.pending[index]
            return Change(
                event: pending.sequence,
                change: pending.change,
                parts: places.effects[index].map { places.part($0, of: index, in: choice) },
                isFinished: pending.isFinished,
                hasFailedSync: pending.isStuck
            )
        }
    }

    /// Returns the cut at the same point that keeps of all uncertain changes what `isKept` says, by event and part.
    public func cut(keeping isKept: (_ event: Int, _ part: Int) -> Bool) -> CrashCut {
        var result = CrashCut(point: cut.point, model: cut.model, .keep)
        for change in changes {
            let parts = change.parts.indices.filter { isKept(change.event, $0) }
            guard !parts.isEmpty else { continue }
            let isWhole = parts.count == change.parts.count
            result.changes.append(CrashCut.Change(event: change.event, of: parts, isWhole: isWhole))
        }
        return result
    }
}

extension UncertainPlaces {
    /// Returns what became of `effect` of change number `index`.
    fileprivate func part(_ effect: Effect, of index: Int, in choice: Choice) -> CrashScene.Part {
        var bytes: Range<UInt64>?
        if case .bytes(_, let offset) = places[effect.place] {
            bytes = offset..<offset + UInt64(versions[effect.place][0].bytes.count)
        }
        let fate: CrashScene.Fate
        if isKept(effect, in: choice) {
            fate = effect.version == 0 ? .unchanged : .kept
        } else {
            let present = versions[effect.place][Int(choice[effect.place])]
            fate = present.change > index ? .replaced : .lost
        }
        return CrashScene.Part(bytes: bytes, fate: fate)
    }
}
