import RedoubtCore
import RedoubtSystem

// What reads and writes do to what is undecided.
extension UndecidedPlaces {
    /// Decides `count` bytes at `offset` of a file as far as their values differ, before they are read from `image`.
    mutating func willRead(_ file: Int, _ offset: UInt64, _ count: Int, _ image: inout DiskImage) {
        for (unit, range) in touched(file, offset, offset + UInt64(count)) { settle(unit, range, &image) }
    }

    /// Returns the bytes from `offset` on, at most `count`, that are the same in every version that is left.
    func settledByteCount(_ file: Int, _ offset: UInt64, _ count: Int) -> Int {
        for (unit, range) in touched(file, offset, offset + UInt64(count)) {
            let possible = possible(unit)
            // Who reads what was forgotten is to be found out.
            if possible == Self.forgotten { return Int(max(offset, places[range.lowerBound].offset) - offset) }
            guard possible.count > 1 else { continue }
            for place in range where parts(unit, place..<place + 1, possible).count > 1 {
                return Int(max(offset, places[place].offset) - offset)
            }
        }
        return count
    }

    /// Decides the units that `change` overwrites in part.
    mutating func willChange(_ change: StorageChange, _ image: inout DiskImage) {
        guard let (file, start, end) = Self.range(change) else { return }
        for (unit, _) in touched(file, start, end) {
            let all = units[unit].places
            let isWhole = places[all.lowerBound].offset >= start && places[all.upperBound - 1].end <= end
            if !isWhole { settle(unit, all, &image) }
        }
    }

    /// Takes note of what the units hold that `change` has overwritten.
    mutating func didChange(_ change: StorageChange, _ image: DiskImage) {
        guard let (file, start, end) = Self.range(change) else { return }
        for (unit, range) in touched(file, start, end) {
            for place in range {
                var bytes = [UInt8](repeating: 0, count: places[place].contents[0].bytes.count)
                let offset = places[place].offset
                _ = unsafe bytes.withUnsafeMutableBytes { unsafe image.read(file, into: $0, at: offset) }
                note(place, number(of: bytes, at: place))
            }
            // The other places of a unit that was overwritten in part are shown as they were decided.
            restrict(unit, to: [version(units[unit].places.map { shown[$0] }, of: unit)])
            journal.written.insert(unit)
        }
    }

    /// Comes to a merge point of the program; returns whether the run can end there.
    mutating func isExplored(at point: MergePoint, _ digest: () -> UInt64, _ image: DiskImage) -> Bool {
        if journal.end != nil { return true }
        guard journal.wantsDigest else { return false }
        // What a unit holds counts with the box, and what nobody reads again does not count.
        let key = mix(point.rawValue ^ mix(digest())) &+ mix(image.hash &- shownHash)
        if journal.isReplaying {
            if let box = journal.passSegment(key) { self.box = box }
            return false
        }
        for unit in journal.entry.keys { forget(unit) }
        for unit in journal.written { forget(unit) }
        return journal.arrive(key, box)
    }

    private mutating func forget(_ unit: Int) {
        if !journal.keptUnits.contains(unit) { box[unit] = Self.forgotten }
    }

    /// Decides which of the versions of `unit` that differ at the places `range` it has.
    private mutating func settle(_ unit: Int, _ range: Range<Int>, _ image: inout DiskImage) {
        let possible = possible(unit)
        if possible == Self.forgotten {
            journal.end = journal.end ?? .neededAgain(unit)
            return
        }
        var chosen = possible
        if possible.count > 1 {
            let parts = parts(unit, range, possible)
            if parts.count > 1 {
                chosen = parts[journal.decide(parts.count)]
                restrict(unit, to: chosen)
                if !journal.written.contains(unit) { journal.entry[unit] = chosen }
            }
        }
        let version = units[unit].versions[Int(chosen[0])]
        for place in range { show(place, version[place - units[unit].places.lowerBound], &image) }
    }

    /// Divides versions of a unit by what they hold at the places `range`.
    private func parts(_ unit: Int, _ range: Range<Int>, _ possible: [UInt16]) -> [[UInt16]] {
        let first = units[unit].places.lowerBound
        if range.count == units[unit].places.count { return possible.map { [$0] } }
        var indexes: [ArraySlice<UInt16>: Int] = [:]
        var result: [[UInt16]] = []
        for version in possible {
            let held = units[unit].versions[Int(version)][range.lowerBound - first..<range.upperBound - first]
            if let index = indexes[held] {
                result[index].append(version)
            } else {
                indexes[held] = result.count
                result.append([version])
            }
        }
        return result
    }

    /// The units with places between `start` and `end` of a file, and these places.
    private func touched(_ file: Int, _ start: UInt64, _ end: UInt64) -> [(unit: Int, places: Range<Int>)] {
        var result: [(unit: Int, places: Range<Int>)] = []
        var next = firstPlace(file, after: start)
        while next < places.count, places[next].file == file, places[next].offset < end {
            let unit = places[next].unit
            var last = next + 1
            while last < units[unit].places.upperBound && places[last].offset < end { last += 1 }
            result.append((unit, next..<last))
            next = last
        }
        return result
    }

    private static func range(_ change: StorageChange) -> (file: Int, start: UInt64, end: UInt64)? {
        switch change {
        case .write(let file, let offset, let bytes), .atomicWrite(let file, let offset, let bytes):
            (file, offset, offset + UInt64(bytes.count))
        case .truncate(let file, let size): (file, size, .max)
        case .extend, .create, .remove, .rename, .createDirectory: nil
        }
    }
}

extension SimulatedStorage.World {
    /// Changes the disk, and what is undecided of it.
    mutating func apply(_ change: StorageChange) {
        undecided?.willChange(change, &image)
        image.apply(change)
        undecided?.didChange(change, image)
    }
}

extension SimulatedStorage {
    /// Creates a disk that holds `image`, but for what is undecided.
    convenience init(_ image: DiskImage, undecided: UndecidedPlaces) {
        self.init(image, options: .judging)
        inspect { world in
            world.image.keepsHash = true
            world.undecided = undecided
        }
    }

    /// Whether what follows a merge point was explored before.
    func isExplored(at point: MergePoint, _ digest: () -> UInt64) -> Bool {
        inspect { world in world.undecided?.isExplored(at: point, digest, world.image) ?? false }
    }
}

extension SimulatedFile {
    /// The bytes before the next one that is undecided.
    func settledByteCount(at offset: UInt64, count: Int) -> Int {
        storage.inspect { $0.undecided?.settledByteCount(number, offset, count) ?? count }
    }
}
