/// Finds the word that was probably meant.
package enum Suggestion {
    /// Returns the one of `words` that is nearest to `word`, if it is near enough.
    ///
    /// A word is near if it begins or ends with what was written, or takes at most two letters more, fewer, other or
    /// exchanged.
    package static func nearest(to word: String, among words: [String]) -> String? {
        // What nobody typed by hand is compared with nothing.
        guard !word.isEmpty, word.utf8.count <= 64 else { return nil }
        let typed = Array(word.lowercased().utf8)
        let distances = words.map { (word: $0, distance: distance(typed, Array($0.utf8))) }
        if let best = distances.min(by: { $0.distance < $1.distance }), best.distance <= (typed.count < 4 ? 1 : 2) {
            return best.word
        }
        return words.first { typed.count >= 3 && $0.utf8.starts(with: typed) }
    }

    /// The number of letters that must be added, removed, changed, or exchanged with their neighbour.
    package static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
