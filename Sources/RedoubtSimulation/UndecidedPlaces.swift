import RedoubtCore

/// The bytes of a disk that a power cut has left open, and that are decided when they are read.
///
/// A *unit* is what is decided together: a sector, or the sectors of a page that differ between its versions. Each unit
/// has a set of versions that it may still be; a read divides the set by what it would find, takes one part (which, a
/// list of decisions says, or the first), and leaves the others to other runs. What the reader overwrites is known.
struct UndecidedPlaces: Sendable {
    /// What a place may hold.
    struct Content: Sendable {
        let bytes: [UInt8]
        let hash: UInt64
    }

    /// A sector, or a page that is written in one piece.
    struct Place: Sendable {
        let file: Int
        let offset: UInt64
        /// Its number in `UncertainPlaces`, whose versions are the first of `contents`.
        let origin: Int
        var unit = 0
        var contents: [Content]

        var end: UInt64 { offset + UInt64(contents[0].bytes.count) }
    }

    /// Places that are decided together, and the combinations of contents that they may have.
    struct Unit: Sendable {
        let places: Range<Int>
        var versions: [[UInt16]]
        /// The versions that a power cut may leave; the others were made by those who wrote.
        let initial: [UInt16]
    }

    /// The sets of versions by unit, where they are not what the power cut left; ascending.
    typealias Box = [Int: [UInt16]]

    /// What stands in a box for a unit that was read and is not expected to be read again, whatever it holds.
    static let forgotten: [UInt16] = [.max]
    /// A page is one unit if its sectors leave no more combinations than this.
    static let combinationLimit = 256

    /// In the order of files and offsets.
    private(set) var places: [Place] = []
    private(set) var units: [Unit] = []
    /// The content of each place that is in the image now.
    private(set) var shown: [UInt16] = []
    /// The sum of the hashes of these contents.
    private(set) var shownHash: UInt64 = 0
    var box: Box = [:]
    var journal = DecisionJournal()

    /// Takes the places of `uncertain` that a program finds by reading bytes, where `image` has the other ones decided.
    ///
    /// - Parameter unitByteCount: The size of the units of the file at a path: 512 or 16384.
    init(_ uncertain: UncertainPlaces, on image: DiskImage, unitByteCount: (String) -> Int) {
        var sizes: [Int: Int] = [:]
        for path in image.paths {
            if let file = image.file(at: path) { sizes[file] = unitByteCount(path) }
        }
        for index in uncertain.places.indices where !uncertain.isDecidedFirst(index) {
            let versions = uncertain.versions[index]
            guard case .bytes(let file, let offset) = uncertain.places[index], sizes[file] != nil, versions.count > 1
            else { continue }
            let contents = versions.map { Content(bytes: Array($0.bytes), hash: $0.hash) }
            places.append(Place(file: file, offset: offset, origin: index, contents: contents))
        }
        places.sort { ($0.file, $0.offset) < ($1.file, $1.offset) }
        shown = Array(repeating: 0, count: places.count)
        shownHash = places.reduce(0) { $0 &+ $1.contents[0].hash }
        var start = 0
        while start < places.count {
            let size = UInt64(sizes[places[start].file] ?? 512)
            var end = start + 1
            while end < places.count, places[end].file == places[start].file,
                places[end].offset / size == places[start].offset / size
            { end += 1 }
            makeUnits(start..<end)
            start = end
        }
    }

    /// Makes a unit of places, or one of each if they leave too many combinations.
    private mutating func makeUnits(_ range: Range<Int>) {
        var product = 1
        for place in range { product = min(product * places[place].contents.count, Self.combinationLimit + 1) }
        guard range.count == 1 || product <= Self.combinationLimit else {
            for place in range { makeUnits(place..<place + 1) }
            return
        }
        var versions: [[UInt16]] = [[]]
        for place in range {
            versions = versions.flatMap { start in
                places[place].contents.indices.map { start + [UInt16($0)] }
            }
        }
        for place in range { places[place].unit = units.count }
        units.append(Unit(places: range, versions: versions, initial: versions.indices.map { UInt16($0) }))
    }

    /// Takes over the contents that a run has made: numbers mean the same in all runs.
    mutating func learn(from after: UndecidedPlaces) {
        places = after.places
        units = after.units
    }

    /// The versions that a unit may be, as far as is known.
    func possible(_ unit: Int) -> [UInt16] { box[unit] ?? units[unit].initial }

    mutating func restrict(_ unit: Int, to versions: [UInt16]) {
        box[unit] = versions == units[unit].initial ? nil : versions
    }

    /// The first place that ends behind `offset`.
    func firstPlace(_ file: Int, after offset: UInt64) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if (places[middle].file, places[middle].end) > (file, offset) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Has `image` hold a content of a place.
    mutating func show(_ place: Int, _ content: UInt16, _ image: inout DiskImage) {
        guard shown[place] != content else { return }
        let (file, offset) = (places[place].file, places[place].offset)
        unsafe places[place].contents[Int(content)].bytes.withUnsafeBytes { bytes in
            unsafe image.write(file, bytes, at: offset, upTo: image.contentSize(file))
        }
        note(place, content)
    }

    /// Takes note that the image holds a content of a place.
    mutating func note(_ place: Int, _ content: UInt16) {
        let contents = places[place].contents
        shownHash &+= contents[Int(content)].hash &- contents[Int(shown[place])].hash
        shown[place] = content
    }

    /// Returns the number of a content of a place, which may be new.
    mutating func number(of bytes: [UInt8], at place: Int) -> UInt16 {
        if let known = places[place].contents.firstIndex(where: { $0.bytes == bytes }) { return UInt16(known) }
        let (file, offset) = (places[place].file, places[place].offset)
        let hash = unsafe bytes.withUnsafeBytes { unsafe SparseBytes.hash(of: $0, file: file, offset: offset) }
        places[place].contents.append(Content(bytes: bytes, hash: hash))
        return UInt16(places[place].contents.count - 1)
    }

    /// Returns the number of a combination of contents of a unit, which may be new.
    mutating func version(_ contents: [UInt16], of unit: Int) -> UInt16 {
        if let known = units[unit].versions.firstIndex(of: contents) { return UInt16(known) }
        units[unit].versions.append(contents)
        return UInt16(units[unit].versions.count - 1)
    }
}

extension UncertainPlaces {
    /// Whether a place is decided before a program runs: what a directory holds, how long a file is.
    func isDecidedFirst(_ place: Int) -> Bool {
        guard case .bytes = places[place] else { return true }
        return needsImages || versions[place].contains { $0.size > 0 }
    }
}
