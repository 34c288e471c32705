import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// A database with every commit acknowledged, to be damaged.
struct SoundDatabase: Sendable {
    /// How the use of it ended.
    enum End: CaseIterable, Sendable {
        case close
        case kill
        /// While pages were written in place: some are torn.
        case powerCut
    }

    let image: DiskImage
    /// The hash of its rows.
    let hash: UInt64
    /// The hashes after each commit before the last one since the checkpoint, and at the checkpoint.
    let olderHashes: Set<UInt64>
    /// Where redo starts and ends that was durable, with more durable redo behind it, as LSNs.
    private let redo: Range<UInt64>

    init(_ end: End, isRich: Bool = false) throws {
        var options = SimulatedStorage.Options.judging
        options.tracksDurability = true
        let storage = SimulatedStorage(options: options)
        let outcome = SimulatedScheduler(seed: Hunt.seed).run { () -> Result<SoundDatabase, RedoubtError> in
            do throws(RedoubtError) {
                return .success(try SoundDatabase(on: storage, end, isRich: isRich))
            } catch {
                return .failure(error)
            }
        }
        self = try outcome.get()
    }

    private init(on storage: SimulatedStorage, _ end: End, isRich: Bool) throws(RedoubtError) {
        let database = try EngineClient.open(storage)
        let keyspace = try database.createKeyspace("k")
        if isRich {
            // Nodes, chains of values, and pages that were given back.
            let bulk = try database.createKeyspace("bulk")
            for number in 0..<120 {
                let count = number % 10 == 0 ? 40_000 : 3000
                try bulk.put(Array("row \(1000 + number)".utf8), [UInt8](repeating: UInt8(number), count: count))
            }
            for number in 20..<70 { _ = try bulk.delete(Array("row \(1000 + number)".utf8)) }
        }
        try database.checkpoint()
        let start = try database.statistics().currentLSN.rawValue
        var ends: [UInt64] = []
        var older: Set<UInt64> = []
        for number in 0..<60 {
            older.insert(try EngineClient.contentHash(of: database))
            try keyspace.put(Array("row \(number)".utf8), [UInt8](repeating: UInt8(number), count: 100 + number * 9))
            ends.append(try database.statistics().currentLSN.rawValue)
        }
        hash = try EngineClient.contentHash(of: database)
        olderHashes = older
        // Each commit writes down what was durable before it.
        redo = start..<ends[ends.count - 4]
        switch end {
        case .close:
            try database.close()
            image = storage.image
        case .kill:
            image = storage.image
            try database.close()
        case .powerCut:
            // All are written, none is synced, and a cut leaves some sectors of each.
            try database.engine.write(database.engine.dirtyFrames)
            image = storage.powerCut(PowerCut(.mixed(Hunt.seed))).image
            try database.close()
        }
    }

    /// The pages of data files that are not as they were written.
    var tornPages: [(path: String, offset: UInt64)] {
        writtenPages.filter { place in
            guard let bytes = image.bytes(of: place.path) else { return false }
            let end = min(bytes.count, Int(place.offset) + pageByteCount)
            let page = bytes[Int(place.offset)..<end]
            let space = SpaceID(rawValue: UInt32(RecordedBytes.number(bytes[...], 34, 4)))
            let number = PageNumber(rawValue: UInt32(place.offset / UInt64(pageByteCount)))
            // The proof may read a little beyond its end.
            var copy = Array(page) + [UInt8](repeating: 0, count: pageByteCount + 16 - page.count)
            return unsafe copy.withUnsafeMutableBytes { copy in
                guard let base = copy.baseAddress else { return false }
                return unsafe !PageProof.isSound(base, page: PageID(space: space, number: number))
            }
        }
    }

    /// The pages of data files that are not all zeros.
    var writtenPages: [(path: String, offset: UInt64)] {
        image.paths.filter { $0.hasSuffix(".ibd") }.flatMap { path in
            let bytes = image.bytes(of: path) ?? []
            return stride(from: 0, to: bytes.count, by: 16384).compactMap { start in
                bytes[start..<min(bytes.count, start + 16384)].contains { $0 != 0 } ? (path, UInt64(start)) : nil
            }
        }
    }

    /// A block within ``redo``, drawn from `random`.
    func redoPlace(_ random: inout SeededRandom) -> (path: String, offset: UInt64) {
        let first = redo.lowerBound / 512 + 1
        let block = first + UInt64(random.below(Int(redo.upperBound / 512 - first)))
        for path in image.paths where path.contains("/redo/") {
            let head = image.bytes(of: path)?.prefix(40) ?? []
            guard head.starts(with: Array("REDOUBTL".utf8)) else { continue }
            let start = head.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let offset = 12288 + block * 512 - start
            if block * 512 >= start && offset < image.size(of: path) ?? 0 { return (path, offset) }
        }
        preconditionFailure("no redo file holds block \(block)")
    }

    /// Damages the disk in one way after the other and judges what an opening makes of it.
    func judge(_ limit: Int, _ damage: (inout DiskImage, inout SeededRandom) -> Void) throws -> Hunt.Outcome {
        for number in 0..<limit {
            var damaged = image
            var random = SeededRandom(seed: UInt64(number))
            damage(&damaged, &random)
            do {
                if try Self.content(of: damaged, seed: UInt64(number)) == hash { continue }
            } catch is RedoubtError {
                continue
            }
            return Hunt.Outcome(count: number + 1, finding: "the damage was read as if it were right")
        }
        return Hunt.Outcome(count: limit, finding: nil)
    }

    /// Returns the hash of what an opening of `image` finds.
    static func content(of image: DiskImage, seed: UInt64) throws -> UInt64 {
        let outcome = SimulatedScheduler(seed: seed).run { () -> Result<UInt64, RedoubtError> in
            do throws(RedoubtError) {
                let database = try EngineClient.open(SimulatedStorage(image, options: .judging))
                let content: Result<UInt64, RedoubtError>
                do throws(RedoubtError) {
                    content = .success(try EngineClient.contentHash(of: database))
                } catch {
                    content = .failure(error)
                }
                // Its threads must end, whatever was found.
                do throws(RedoubtError) { try database.close() } catch {}
                return content
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
