import RedoubtCore
import RedoubtSimulation

/// One thing that a power cut may leave of the writes of an epoch.
struct CrashChoice: Sendable, Equatable, CustomStringConvertible {
    enum Part: Sendable, Equatable {
        /// So many of the sectors that may tear, from the first; or all but so many.
        case first(Int)
        case allBut(Int)
        case seeded(UInt64)
    }

    /// Whether each write is kept.
    var kept: [Bool]
    /// A write that is kept in part, and the part.
    var torn: (write: Int, part: Part)?

    static func == (left: CrashChoice, right: CrashChoice) -> Bool {
        left.kept == right.kept && left.torn?.write == right.torn?.write && left.torn?.part == right.torn?.part
    }

    var description: String {
        var text = "kept " + kept.map { $0 ? "x" : "." }.joined()
        if let torn { text += ", of write \(torn.write) \(torn.part)" }
        return text
    }

    /// Returns the disk that it leaves.
    func image(_ epoch: CrashEpoch) -> CrashEpoch.Image {
        var image = epoch.base
        for (index, write) in epoch.writes.enumerated() {
            if let torn, torn.write == index {
                let left = Self.lost(torn.part, write.data)
                image.apply(write) { !left.contains($0) }
            } else if kept[index] {
                image.apply(write)
            }
        }
        return image
    }

    private static func lost(_ part: Part, _ data: [Int]) -> Set<Int> {
        switch part {
        case .first(let count): return Set(data.dropFirst(count))
        case .allBut(let count): return Set(data.prefix(count))
        case .seeded(let seed):
            var random = SeededRandom(seed: seed)
            return Set(data.filter { _ in random.next() >> 63 == 1 })
        }
    }

    // MARK: Listing

    /// Up to so many writes every subset is listed.
    static let exhaustiveCount = 6
    private static let seededCount = 16

    /// Returns what a power cut may leave of `epoch`; whether all of it is kept is the next epoch's to say, which asks
    /// for more, unless it is the last.
    static func list(_ epoch: CrashEpoch, isLast: Bool, seed: UInt64) -> [CrashChoice] {
        let count = epoch.writes.count
        let nothing = [Bool](repeating: false, count: count)
        let all = [Bool](repeating: true, count: count)
        var kept: [[Bool]] = []
        if count <= exhaustiveCount {
            for mask in 0..<1 << count { kept.append((0..<count).map { mask >> $0 & 1 == 1 }) }
        } else {
            kept.append(nothing)
            kept.append(all)
            for index in 0..<count {
                if index > 0 { kept.append((0..<count).map { $0 < index }) }
                kept.append((0..<count).map { $0 != index })
                kept.append((0..<count).map { $0 == index })
            }
            for number in 0..<seededCount {
                var random = SeededRandom(seed: mix(seed &+ UInt64(number)))
                kept.append((0..<count).map { _ in random.next() >> 63 == 1 })
            }
        }
        if !isLast { kept.removeAll { $0 == all } }
        if isLast && kept.isEmpty { kept = [all] }
        return kept.map { CrashChoice(kept: $0) } + tears(epoch, seed: seed)
    }

    /// Each write with more than one sector that may tear: in parts, after the writes before it, and between all
    /// others.
    private static func tears(_ epoch: CrashEpoch, seed: UInt64) -> [CrashChoice] {
        var result: [CrashChoice] = []
        for (index, write) in epoch.writes.enumerated() where write.data.count > 1 {
            var random = SeededRandom(seed: mix(seed ^ UInt64(index) << 32))
            let parts: [Part] = [
                .first(1), .first(1 + random.below(write.data.count - 1)),
                .allBut(1 + random.below(write.data.count - 1)),
                .seeded(random.next()),
            ]
            for part in parts {
                result.append(CrashChoice(kept: epoch.writes.indices.map { $0 < index }, torn: (index, part)))
                if index + 1 < epoch.writes.count {
                    result.append(CrashChoice(kept: epoch.writes.indices.map { $0 != index }, torn: (index, part)))
                }
            }
        }
        return result
    }
}
