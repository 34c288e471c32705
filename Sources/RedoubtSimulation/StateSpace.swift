import RedoubtCore

/// The choices that are listed for one moment of a trace.
///
/// All of them, if there are few. Else: none, all, every prefix of the changes, every one omitted, every one alone,
/// every prefix with one later change, every write torn at every sector from both sides (alone, behind the changes
/// before it, and between all the others), and seeded choices, of changes and of single places.
struct StateSpace {
    /// Up to so many choices are listed one by one: those of twelve places with two versions.
    static let exhaustiveLimit = 4096
    /// The most pairs of a prefix and a later change; of more, a seeded sample.
    static let pairLimit = 4096

    private let places: UncertainPlaces
    private let options: CrashExplorer.Options
    private let seed: UInt64

    init(_ places: UncertainPlaces, _ options: CrashExplorer.Options) {
        self.places = places
        self.options = options
        // Not that of the moment: an event that changes nothing adds no states.
        seed = mix(options.seed) ^ places.pending.reduce(0) { $0 &+ $1.key }
    }

    /// Calls `body` with each choice, and whether it is one of those that no sample leaves out.
    func forEach(_ body: (UncertainPlaces.Choice, Bool) -> Void) {
        switch options.model {
        case .dropAll: body(places.nothing, true)
        case .keepAll: body(prefix(places.effects.count), true)
        case .prefix: forEachPrefix(body)
        case .paranoid, .posix, .ext4Ordered:
            if places.choiceCount(limit: Self.exhaustiveLimit + 1) <= Self.exhaustiveLimit {
                forEachOfAll { body(places.allowed($0), $1) }
            } else {
                forEachOfSome { body(places.allowed($0), $1) }
            }
        }
    }

    private func prefix(_ count: Int) -> UncertainPlaces.Choice {
        var choice = places.nothing
        for index in 0..<count { places.keep(index, in: &choice) }
        return choice
    }

    private func forEachOfAll(_ body: (UncertainPlaces.Choice, Bool) -> Void) {
        let all = prefix(places.effects.count)
        var choice = places.nothing
        while true {
            body(choice, choice == all || choice.allSatisfy { $0 == 0 })
            var place = 0
            while place < choice.count {
                choice[place] += 1
                if Int(choice[place]) < places.versions[place].count { break }
                choice[place] = 0
                place += 1
            }
            if place == choice.count { return }
        }
    }

    private func forEachPrefix(_ body: (UncertainPlaces.Choice, Bool) -> Void) {
        var choice = places.nothing
        body(choice, true)
        for index in places.effects.indices {
            forEachTear(of: index, on: choice) { body($0, false) }
            places.keep(index, in: &choice)
            body(choice, true)
        }
    }

    private func forEachOfSome(_ body: (UncertainPlaces.Choice, Bool) -> Void) {
        let count = places.effects.count
        body(places.nothing, true)
        body(prefix(count), true)
        var before = places.nothing
        for index in 0..<count {
            forEachTear(of: index, on: places.nothing) { body($0, false) }
            if index > 0 { forEachTear(of: index, on: before) { body($0, false) } }
            var alone = places.nothing
            places.keep(index, in: &alone)
            body(alone, index == count - 1)
            places.keep(index, in: &before)
            body(before, index == count - 2)
            let others = omitting(index)
            body(others, index == count - 1)
            forEachTear(of: index, on: others) { body($0, false) }
        }
        forEachPair { body($0, false) }
        forEachSeeded { body($0, false) }
    }

    private func omitting(_ index: Int) -> UncertainPlaces.Choice {
        var choice = places.nothing
        for other in places.effects.indices where other != index { places.keep(other, in: &choice) }
        return choice
    }

    /// The tears of change `index` on top of `base`: its first or last sectors, its size alone.
    private func forEachTear(
        of index: Int,
        on base: UncertainPlaces.Choice,
        _ body: (UncertainPlaces.Choice) -> Void
    ) {
        let count = places.effects[index].count
        guard count > 1 else { return }
        let step = max(1, (count - 1) / max(1, options.tearLimit))
        for cut in stride(from: 1, to: count, by: step) {
            for range in [0..<cut, cut..<count] {
                var choice = base
                places.keep(index, range, in: &choice)
                body(choice)
            }
        }
    }

    /// A prefix of the changes and one later change: what is written later overtakes what was written before.
    private func forEachPair(_ body: (UncertainPlaces.Choice) -> Void) {
        let count = places.effects.count
        var random = SeededRandom(seed: seed ^ 0x9A12)
        let total = count * (count - 1) / 2
        var before = places.nothing
        for first in 0..<count {
            for later in stride(from: first + 2, to: count, by: 1) {
                if total > Self.pairLimit && random.below(total) >= Self.pairLimit { continue }
                var choice = before
                places.keep(later, in: &choice)
                body(choice)
            }
            places.keep(first, in: &before)
        }
    }

    private func forEachSeeded(_ body: (UncertainPlaces.Choice) -> Void) {
        for number in 0..<options.seededSubsetCount {
            var random = SeededRandom(seed: mix(seed &+ UInt64(number)))
            var choice = places.nothing
            for index in places.effects.indices where random.next() >> 63 == 1 { places.keep(index, in: &choice) }
            body(choice)
        }
        for number in 0..<options.mixtureCount {
            var random = SeededRandom(seed: mix(seed &+ UInt64(number) ^ 0x3177))
            body(places.versions.map { UInt16(random.below($0.count)) })
        }
    }
}
