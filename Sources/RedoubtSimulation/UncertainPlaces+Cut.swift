// From a choice to the words for it and back.
extension UncertainPlaces {
    /// Returns the choice that `cut` names; nil if a change or a part of it is not there.
    func choice(_ cut: CrashCut) -> Choice? {
        var listed: [Int: CrashCut.Change] = [:]
        for change in cut.changes { listed[change.event] = change }
        var choice = nothing
        var foundCount = 0
        for index in pending.indices {
            let change = listed[pending[index].sequence]
            if let change {
                foundCount += 1
                guard (change.parts?.last?.upperBound ?? 0) < max(1, effects[index].count) else { return nil }
            }
            for part in effects[index].indices {
                let isListed = change?.contains(part) ?? false
                if isListed == (cut.verb == .keep) { keep(index, part..<part + 1, in: &choice) }
            }
        }
        return foundCount == listed.count ? allowed(choice) : nil
    }

    /// Returns `choice`, made after `point` events, as a cut: what it keeps or what it loses, the shorter one.
    func cut(_ choice: Choice, point: Int) -> CrashCut {
        var kept: [CrashCut.Change] = []
        var lost: [CrashCut.Change] = []
        for index in effects.indices {
            let matters = effects[index].indices.filter { isTold(effects[index][$0]) }
            let keptParts = matters.filter { isKept(effects[index][$0], in: choice) }
            let lostParts = matters.filter { !isKept(effects[index][$0], in: choice) }
            let event = pending[index].sequence
            if !keptParts.isEmpty {
                kept.append(CrashCut.Change(event: event, of: keptParts, isWhole: lostParts.isEmpty))
            }
            if !lostParts.isEmpty {
                lost.append(CrashCut.Change(event: event, of: lostParts, isWhole: keptParts.isEmpty))
            }
        }
        let keeping = CrashCut(point: point, model: model, .keep, kept)
        let losing = CrashCut(point: point, model: model, .lose, lost)
        // With sectors written more than once, what is lost of one change may be there by another.
        let isShorter = losing.description.utf8.count < keeping.description.utf8.count
        return isShorter && self.choice(losing) == choice ? losing : keeping
    }

    /// Whether a disk shows that `effect` is there: it leaves something else than what is durable.
    private func isTold(_ effect: Effect) -> Bool { effect.version > 0 }

    /// Whether `choice` has what `effect` leaves.
    func isKept(_ effect: Effect, in choice: Choice) -> Bool {
        if case .changes = places[effect.place] { return choice[effect.place] >= effect.version }
        return choice[effect.place] == effect.version
    }
}

extension CrashCut.Change {
    /// Creates a change of `parts`, which ascend.
    init(event: Int, of parts: [Int], isWhole: Bool) {
        var ranges: [ClosedRange<Int>] = []
        for part in parts {
            if let last = ranges.last, last.upperBound + 1 == part {
                ranges[ranges.count - 1] = last.lowerBound...part
            } else {
                ranges.append(part...part)
            }
        }
        self.init(event: event, parts: isWhole ? nil : ranges)
    }
}

extension CrashExplorer {
    /// Returns `cut` at the first moment at which `window` says which commits may be found: the disk of `key` is what
    /// it leaves there too, but what must be in it may be more than at the event that first left it.
    func moved(_ cut: CrashCut, key: UInt64, to window: ClosedRange<Int>) -> CrashCut {
        guard let scene = cut.scene(start: start, trace: trace) else { return cut }
        var kept: [Int: Set<Int>] = [:]
        for change in scene.changes {
            let parts = change.parts.indices.filter { [.kept, .replaced].contains(change.parts[$0].fate) }
            kept[change.event] = Set(parts)
        }
        var state = DurabilityState(start, keepsHash: true)
        for event in trace {
            state.record(event)
            guard state.sequence >= cut.point else { continue }
            guard state.acknowledged <= window.lowerBound else { break }
            guard state.acknowledged...max(state.acknowledged, state.issued) == window else { continue }
            let places = UncertainPlaces(state, model: model)
            var choice = places.nothing
            for index in places.pending.indices {
                for part in kept[places.pending[index].sequence] ?? [] {
                    places.keep(index, part..<part + 1, in: &choice)
                }
            }
            var names = UncertainPlaces.Names()
            if places.hash(choice, &names) == key { return places.cut(choice, point: state.sequence) }
        }
        return cut
    }
}
