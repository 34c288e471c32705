import RedoubtCore

/// A state at a merge point: how to get there, and what is known of the disk there.
final class LazyState {
    /// One way to a state.
    struct Source {
        let parent: LazyState
        let decisions: [Int]
        /// What the units were when they were first read on this way.
        let entry: UndecidedPlaces.Box
        /// The units that were written on it.
        let written: Set<Int>
        /// What is known behind it.
        let box: UndecidedPlaces.Box
    }

    /// What the merge point is known by; 0 for the beginning.
    let key: UInt64
    /// All that the ways here leave together.
    private(set) var box: UndecidedPlaces.Box
    private(set) var sources: [Source]

    init(key: UInt64 = 0, box: UndecidedPlaces.Box = [:], sources: [Source] = []) {
        self.key = key
        self.box = box
        self.sources = sources
    }

    /// What tells this state from others.
    var hash: UInt64 { key &+ boxHash(box) }

    /// The segments of a way from the beginning; any serves, as what follows is the same for all.
    var path: [DecisionJournal.Segment] {
        var result: [DecisionJournal.Segment] = []
        var state = self
        while let source = state.sources.first {
            result.append(DecisionJournal.Segment(decisions: source.decisions, box: state.box, key: state.key))
            state = source.parent
        }
        return result.reversed()
    }

    /// Takes over another state with the same key that differs in one unit at most.
    private func join(_ other: LazyState, at unit: Int, _ full: [UInt16]) {
        let union = Set(box[unit] ?? full).union(other.box[unit] ?? full).sorted()
        box[unit] = union == full ? nil : union
        sources += other.sources
    }

    /// Joins those of `states`, which share a key, that differ in one unit only, until no two do: together they leave
    /// exactly the disks that they left apart.
    static func joined(_ states: [LazyState], _ full: (Int) -> [UInt16]) -> [LazyState] {
        var left = states
        var isChanged = true
        while isChanged && left.count > 1 {
            isChanged = false
            let units = Set(left.flatMap { $0.box.keys }).sorted()
            for unit in units {
                let count = left.count
                left = joined(left, at: unit, full(unit))
                isChanged = isChanged || left.count < count
            }
            if units.isEmpty { left = [left[0]] }
        }
        return left
    }

    private static func joined(_ states: [LazyState], at unit: Int, _ full: [UInt16]) -> [LazyState] {
        var result: [LazyState] = []
        var byRest: [UInt64: [Int]] = [:]
        for state in states {
            let own = state.box[unit]
            let rest = boxHash(state.box) &- (own.map { unitHash(unit, $0) } ?? 0)
            let isForgotten = own == UndecidedPlaces.forgotten
            let known = byRest[rest, default: []].first { index in
                let other = result[index].box[unit]
                guard (other == UndecidedPlaces.forgotten) == isForgotten else { return false }
                var (first, second) = (state.box, result[index].box)
                first[unit] = nil
                second[unit] = nil
                return first == second
            }
            if let known {
                // Equal states: one way is enough.
                if result[known].box[unit] != own { result[known].join(state, at: unit, full) }
            } else {
                byRest[rest, default: []].append(result.count)
                result.append(state)
            }
        }
        return result
    }

    /// Returns versions of units with which a run from the beginning comes here and finds `needed` of them.
    func origins(of needed: UndecidedPlaces.Box, _ full: (Int) -> [UInt16]) -> UndecidedPlaces.Box {
        var needed = needed
        var state = self
        while !state.sources.isEmpty {
            var fitting: Source?
            for source in state.sources {
                guard let rest = Self.restricted(needed, to: source.box, full) else { continue }
                (fitting, needed) = (source, rest)
                break
            }
            guard let source = fitting else {
                preconditionFailure("a state of \(state.sources.count) sources came from none of them")
            }
            for unit in source.written { needed[unit] = nil }
            for (unit, versions) in source.entry {
                needed[unit] = needed[unit].map { $0.filter(versions.contains) } ?? versions
            }
            state = source.parent
        }
        return needed
    }

    private static func restricted(
        _ needed: UndecidedPlaces.Box,
        to box: UndecidedPlaces.Box,
        _ full: (Int) -> [UInt16]
    ) -> UndecidedPlaces.Box? {
        var result = needed
        for (unit, versions) in needed {
            let possible = box[unit] ?? full(unit)
            let both = versions.filter(possible.contains)
            if both.isEmpty { return nil }
            result[unit] = both
        }
        return result
    }
}
