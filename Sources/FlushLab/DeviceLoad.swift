/// What operations under way add to the time of those that begin: each its part until it ends.
struct DeviceLoad {
    private struct Part {
        let end: UInt64
        let adds: Double
    }

    /// A binary heap, the next to end first.
    private var parts: [Part] = []
    private var total = 0.0

    /// Returns what is added at `now`; the times asked for never fall.
    mutating func sum(at now: UInt64) -> Double {
        while let first = parts.first, first.end <= now {
            total -= first.adds
            removeFirst()
        }
        // So that what rounding leaves is not kept.
        if parts.isEmpty { total = 0 }
        return total
    }

    /// Adds `adds` until `end`.
    mutating func add(_ adds: Double, until end: UInt64) {
        let part = Part(end: end, adds: adds)
        total += adds
        parts.append(part)
        var child = parts.count - 1
        while child > 0, parts[(child - 1) / 2].end > end {
            parts[child] = parts[(child - 1) / 2]
            child = (child - 1) / 2
        }
        parts[child] = part
    }

    private mutating func removeFirst() {
        guard let last = parts.popLast(), !parts.isEmpty else { return }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < parts.count else { break }
            if child + 1 < parts.count, parts[child + 1].end < parts[child].end { child += 1 }
            guard parts[child].end < last.end else { break }
            parts[parent] = parts[child]
            parent = child
        }
        parts[parent] = last
    }
}
