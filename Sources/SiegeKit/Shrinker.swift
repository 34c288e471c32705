public import RedoubtSimulation

/// Makes what fails smaller while it goes on failing: delta debugging.
///
/// Everything follows from the arguments: no clock, no chance. A question that was answered is not asked again only if
/// it is the one before; `fails` should answer the same whenever it is asked.
public struct Shrinker: Sendable {
    /// The most questions; what was reached by then is the result.
    public var limit: Int
    /// The questions asked so far.
    public private(set) var tryCount = 0

    /// Creates a shrinker that asks `limit` questions at most.
    public init(limit: Int = 2000) {
        self.limit = limit
    }

    /// Whether the limit was reached, so that the result may be larger than it need be.
    public var isExhausted: Bool { tryCount >= limit }

    private mutating func ask(_ question: () throws -> Bool) rethrows -> Bool {
        guard !isExhausted else { return false }
        tryCount += 1
        return try question()
    }

    /// Returns a part of `elements`, in their order, that fails; no element can be taken from it.
    ///
    /// - Parameter fails: Whether a part of the elements fails; all of them are taken to.
    public mutating func shrink<Element>(
        _ elements: [Element],
        fails: ([Element]) throws -> Bool
    ) rethrows -> [Element] {
        var current = elements
        if try !current.isEmpty && ask({ try fails([]) }) { return [] }
        var size = max(1, current.count / 2)
        while !current.isEmpty {
            let before = current.count
            // From the end: what comes after the cause goes first, and never comes back.
            var end = current.count
            while end > 0 {
                let start = max(0, end - size)
                var smaller = current
                smaller.removeSubrange(start..<end)
                if try !smaller.isEmpty && ask({ try fails(smaller) }) { current = smaller }
                end = start
            }
            if size > 1 {
                size = max(1, min(size / 2, current.count / 2))
            } else if current.count == before {
                break
            }
        }
        return current
    }

    /// Returns `elements` with some replaced by simpler ones, so that it still fails.
    ///
    /// - Parameters:
    ///   - variants: What is simpler than an element, the simplest first; each must itself have fewer variants.
    ///   - fails: Whether elements fail; those given are taken to.
    public mutating func simplify<Element>(
        _ elements: [Element],
        variants: (Element) -> [Element],
        fails: ([Element]) throws -> Bool
    ) rethrows -> [Element] {
        var current = elements
        for index in current.indices {
            var isSimpler = true
            while isSimpler {
                isSimpler = false
                for variant in variants(current[index]) {
                    var simpler = current
                    simpler[index] = variant
                    if try ask({ try fails(simpler) }) {
                        current = simpler
                        isSimpler = true
                        break
                    }
                }
            }
        }
        return current
    }

    /// Returns a cut at the same point that loses as little as it can and still fails: first whole changes come back,
    /// then parts of them.
    ///
    /// - Parameters:
    ///   - cut: A cut that fails; returned as it is if it does not fit `trace`.
    ///   - fails: Whether a cut of the trace fails.
    public mutating func shrink(
        _ cut: CrashCut,
        of trace: TraceFile,
        fails: (CrashCut) throws -> Bool
    ) rethrows -> CrashCut {
        guard let scene = cut.scene(start: trace.start, trace: trace.events) else { return cut }
        let lost = scene.changes.flatMap { change in
            change.parts.indices.filter { change.parts[$0].fate == .lost }.map { Part(event: change.event, part: $0) }
        }
        var events: [Int] = []
        for part in lost where events.last != part.event { events.append(part.event) }
        func losing(_ parts: [Part]) -> CrashCut {
            let parts = Set(parts)
            let result = scene.cut { event, part in !parts.contains(Part(event: event, part: part)) }
            return result.shortest(start: trace.start, trace: trace.events) ?? result
        }
        let whole = try shrink(events) { events in
            try fails(losing(lost.filter { events.contains($0.event) }))
        }
        let parts = try shrink(lost.filter { whole.contains($0.event) }) { try fails(losing($0)) }
        return losing(parts)
    }

    private struct Part: Hashable {
        let event: Int
        let part: Int
    }
}
