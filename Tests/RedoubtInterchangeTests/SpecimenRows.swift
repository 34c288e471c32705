import RedoubtCore

/// Rows for tests, ascending.
enum SpecimenRows {
    /// Returns `count` rows: keys of 1 to `keyMaximum` bytes, values of 0 to 300, some much longer.
    static func drawn(_ count: Int, seed: UInt64, keyMaximum: Int = 3072, longEvery: Int = 20) -> [Row] {
        var random = SeededRandom(seed: seed)
        var rows: [[UInt8]: [UInt8]] = [:]
        while rows.count < count {
            let isLong = random.below(8) == 0
            let size = 1 + random.below(isLong ? keyMaximum : min(keyMaximum, 24))
            let key = (0..<size).map { $0 < 6 ? UInt8(random.below(256)) : UInt8($0 & 255) }
            let isLarge = longEvery > 0 && random.below(longEvery) == 0
            let length = random.below(isLarge ? 60_000 : 300)
            let first = random.below(256)
            rows[key] = (0..<length).map { UInt8(truncatingIfNeeded: first &+ $0 &* 7) }
        }
        return rows.map { Row(key: $0.key, value: $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// Returns `count` rows whose keys share their first 1400 bytes, so that few of them make a high tree.
    static func high(_ count: Int) -> [Row] {
        (0..<count).map { number in
            let start = [UInt8](repeating: 7, count: 1400)
            return Row(
                key: start + [UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 9, count: number % 60),
                value: [UInt8](repeating: UInt8(number & 255), count: number % 25 == 0 ? 20_000 : number % 90)
            )
        }
    }
}
