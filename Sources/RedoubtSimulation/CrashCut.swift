/// A power cut, written down as what it keeps: the state of a reproducer.
///
/// As text: the number of events before the cut, the model, then `keep` or `lose` and the changes by the number of
/// their event, each whole or with its parts (sectors in their order, the size of the file last):
///
///     41 paranoid keep 38 40:0-2,5
///     41 paranoid lose 40:3
///     41 paranoid keep nothing
public struct CrashCut: Sendable, Hashable {
    /// What the list of changes is.
    public enum Verb: String, Sendable, Hashable {
        /// Those, and nothing else that no sync had covered, are there.
        case keep
        /// All is there but those.
        case lose
    }

    /// A change that no sync had covered, or parts of it.
    public struct Change: Sendable, Hashable {
        /// The number of the event.
        public var event: Int
        /// The parts, ascending; nil for all.
        public var parts: [ClosedRange<Int>]?

        /// Creates a change of event number `event`, or `parts` of it.
        public init(event: Int, parts: [ClosedRange<Int>]? = nil) {
            self.event = event
            self.parts = parts
        }

        /// Returns whether part number `part` is one of those.
        func contains(_ part: Int) -> Bool { parts.map { $0.contains { $0.contains(part) } } ?? true }
    }

    /// The number of events before the power cut.
    public var point: Int
    /// What the disk may leave.
    public var model: PersistenceModel
    /// Whether ``changes`` are kept or lost.
    public var verb: Verb
    /// The changes, ascending by event.
    public var changes: [Change]

    /// Creates a cut after `point` events.
    public init(
        point: Int,
        model: PersistenceModel = .paranoid,
        _ verb: Verb = .keep,
        _ changes: [Change] = []
    ) {
        self.point = point
        self.model = model
        self.verb = verb
        self.changes = changes
    }

    /// Returns the disk that it leaves of a run of `trace` on `start`; nil if the trace is shorter, or has no such
    /// change that is uncertain there.
    public func disk(start: DiskImage, trace: [SimulatedEvent]) -> DiskImage? {
        guard let state = state(start, trace) else { return nil }
        let places = UncertainPlaces(state, model: model)
        guard let choice = places.choice(self) else { return nil }
        var names = UncertainPlaces.Names()
        return places.image(choice, &names)
    }

    /// Returns what became of every uncertain change; nil as for ``disk(start:trace:)``.
    public func scene(start: DiskImage, trace: [SimulatedEvent]) -> CrashScene? {
        guard let state = state(start, trace) else { return nil }
        let places = UncertainPlaces(state, model: model)
        guard let choice = places.choice(self) else { return nil }
        return CrashScene(self, state, places, choice)
    }

    /// Returns the same cut in the fewest words; nil as for ``disk(start:trace:)``.
    public func shortest(start: DiskImage, trace: [SimulatedEvent]) -> CrashCut? {
        guard let state = state(start, trace) else { return nil }
        let places = UncertainPlaces(state, model: model)
        return places.choice(self).map { places.cut($0, point: point) }
    }

    private func state(_ start: DiskImage, _ trace: [SimulatedEvent]) -> DurabilityState? {
        guard point >= 0, point <= trace.count else { return nil }
        var state = DurabilityState(start, keepsHash: true)
        for event in trace[..<point] { state.record(event) }
        return state
    }
}

extension CrashCut: LosslessStringConvertible {
    /// The cut as text.
    public var description: String {
        let list = changes.isEmpty ? "nothing" : changes.map { "\($0)" }.joined(separator: " ")
        return "\(point) \(model.rawValue) \(verb.rawValue) \(list)"
    }

    /// Reads a cut from its text; nil if it is not one.
    public init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count >= 4, let point = Self.number(words[0]), let model = PersistenceModel(rawValue: words[1]),
            let verb = Verb(rawValue: words[2])
        else { return nil }
        self.init(point: point, model: model, verb)
        if words[3...] == ["nothing"] { return }
        for word in words[3...] {
            guard let change = Change(word), change.event > (changes.last?.event ?? -1) else { return nil }
            changes.append(change)
        }
    }

    /// Returns the number that `text` is, in plain digits; nil if it is none or too large for an index.
    fileprivate static func number(_ text: some StringProtocol) -> Int? {
        guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int32(text) else { return nil }
        return Int(number)
    }
}

extension CrashCut.Change: LosslessStringConvertible {
    /// The change as text.
    public var description: String {
        guard let parts else { return "\(event)" }
        let list = parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return "\(event):\(list.joined(separator: ","))"
    }

    /// Reads a change from its text; nil if it is not one.
    public init?(_ text: String) {
        let halves = text.split(separator: ":", omittingEmptySubsequences: false)
        guard halves.count <= 2, let event = CrashCut.number(halves[0]) else { return nil }
        self.init(event: event)
        guard halves.count == 2 else { return }
        var ranges: [ClosedRange<Int>] = []
        for word in halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            let ends = word.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2, let first = CrashCut.number(ends[0]),
                let last = CrashCut.number(ends[ends.count - 1]), first <= last,
                first > (ranges.last?.upperBound ?? -1)
            else { return nil }
            ranges.append(first...last)
        }
        parts = ranges
    }
}
