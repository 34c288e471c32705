import RedoubtCore

// From a choice to the hash of its disk, which is a sum and needs no disk, and to the disk itself.
extension UncertainPlaces {
    /// What the names on a disk are, by the choice of the changes that have an order.
    struct Names {
        struct Entry {
            /// What they add to the hash.
            var hash: UInt64
            /// The files that have one: what others hold is not there.
            var files: Set<Int>
        }

        fileprivate var byKept: [UInt64: Entry] = [:]
    }

    /// Returns `choice` as the model allows it: on ext4 bytes beyond the size are not there, those within are.
    func allowed(_ choice: Choice) -> Choice {
        guard model == .ext4Ordered, !beyond.isEmpty else { return choice }
        var result = choice
        var newest = -1
        for place in places.indices {
            if case .changes(let order) = places[place], choice[place] > 0 {
                newest = max(newest, order[Int(choice[place]) - 1])
            }
        }
        for place in beyond.values.joined() {
            let inJournal = versions[place].lastIndex { $0.change <= newest } ?? 0
            result[place] = inJournal == 0 ? 0 : max(result[place], UInt16(inJournal))
        }
        return result
    }

    /// Returns the hash of the disk of `choice`, as ``DiskImage/hash`` would have it.
    func hash(_ choice: Choice, _ names: inout Names) -> UInt64 {
        if needsImages { return image(choice, &names, keepsHash: true).hash }
        let names = self.names(choice, &names)
        var sum = durable.hash &+ names.hash
        var sizes: [Int: UInt64] = [:]
        for place in places.indices where choice[place] > 0 {
            let version = versions[place][Int(choice[place])]
            switch places[place] {
            case .bytes(let file, _):
                guard names.files.contains(file) else { continue }
                sum &+= version.hash &- versions[place][0].hash
                if version.size > 0 { sizes[file] = max(sizes[file] ?? 0, version.size) }
            case .size(let file):
                if names.files.contains(file) { sizes[file] = max(sizes[file] ?? 0, version.size) }
            case .changes(let order):
                for change in order.prefix(Int(choice[place])) {
                    guard let (file, size) = growth(change), names.files.contains(file) else { continue }
                    sizes[file] = max(sizes[file] ?? 0, size)
                }
            }
        }
        for (file, size) in sizes {
            let present = durable.contentSize(file)
            if size > present { sum &+= DiskImage.sizeHash(file, size) &- DiskImage.sizeHash(file, present) }
        }
        return sum
    }

    /// Returns the disk of `choice`.
    func image(_ choice: Choice, _ names: inout Names, keepsHash: Bool = false) -> DiskImage {
        let files = self.names(choice, &names).files
        var image = durable
        image.keepsHash = keepsHash
        for step in steps(choice) {
            switch places[step.place] {
            case .bytes(let file, let offset):
                guard files.contains(file) else { continue }
                let version = versions[step.place][Int(choice[step.place])]
                unsafe version.bytes.withUnsafeBytes { bytes in
                    unsafe image.write(file, bytes, at: offset, upTo: max(version.size, durable.contentSize(file)))
                }
            case .size(let file):
                guard files.contains(file) else { continue }
                image.apply(.extend(file: file, size: versions[step.place][Int(choice[step.place])].size))
            case .changes:
                apply(step.change, to: &image) { files.contains($0) }
            }
        }
        image.dropUnreachable()
        return image
    }

    /// Returns what `choice` keeps, in a few words: changes by their position among the uncertain ones.
    func describe(_ choice: Choice) -> String {
        var parts: [String] = []
        for index in effects.indices {
            let kept = effects[index].filter { effect in
                if case .changes = places[effect.place] { return choice[effect.place] >= effect.version }
                return choice[effect.place] == effect.version && effect.version > 0
            }.count
            if kept > 0 && kept == effects[index].count { parts.append("\(index)") }
            if kept > 0 && kept < effects[index].count { parts.append("\(index) (\(kept) of \(effects[index].count))") }
        }
        return (parts.isEmpty ? "none" : parts.joined(separator: ", ")) + " of \(effects.count) uncertain changes"
    }

    /// What `choice` keeps, in the order in which it happened.
    private func steps(_ choice: Choice) -> [(change: Int, place: Int)] {
        var steps: [(change: Int, place: Int)] = []
        for place in places.indices where choice[place] > 0 {
            if case .changes(let order) = places[place] {
                for change in order.prefix(Int(choice[place])) { steps.append((change, place)) }
            } else {
                steps.append((versions[place][Int(choice[place])].change, place))
            }
        }
        return steps.sorted { $0 < $1 }
    }

    /// The file that change `index` makes longer, and its size then; nil if it is about names, or makes it shorter.
    private func growth(_ index: Int) -> (file: Int, size: UInt64)? {
        switch pending[index].change {
        case .extend(let file, let size): (file, size)
        case .write(let file, let offset, let bytes), .atomicWrite(let file, let offset, let bytes):
            (file, offset + UInt64(bytes.count))
        case .truncate, .create, .remove, .rename, .createDirectory: nil
        }
    }

    /// Makes an ordered change; of a write only the growth, as its bytes have places of their own.
    private func apply(_ index: Int, to image: inout DiskImage, isThere: (Int) -> Bool) {
        let change = pending[index].change
        if let file = change.contentFile, !isThere(file) { return }
        if let (file, size) = growth(index) {
            image.apply(.extend(file: file, size: size))
        } else {
            image.apply(change)
        }
    }

    private func names(_ choice: Choice, _ names: inout Names) -> Names.Entry {
        var key: UInt64 = 0
        for place in places.indices where choice[place] > 0 {
            if case .changes = places[place] { key &+= mix(UInt64(place) << 20 | UInt64(choice[place])) }
        }
        if let known = names.byKept[key] { return known }
        var image = durable
        image.keepsHash = true
        for step in steps(choice) {
            guard case .changes = places[step.place], pending[step.change].change.contentFile == nil else { continue }
            image.apply(pending[step.change].change)
        }
        image.dropUnreachable()
        let entry = Names.Entry(hash: image.hash &- durable.hash, files: image.files)
        names.byKept[key] = entry
        return entry
    }
}
