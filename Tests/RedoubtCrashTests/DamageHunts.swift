import Redoubt
import RedoubtSimulation
import RedoubtSystem
import TestSupport

/// Hunts in which the device spoils bytes: an opening must end with an error or with the right content.
extension Hunt {
    /// A bit is flipped in a page of a database that was closed.
    static let flippedPages = damage("bit flips in pages") { limit in
        let sound = try SoundDatabase(isClosed: true)
        let pages = sound.writtenPages
        return try sound.judge(limit) { image, random in
            let page = pages[random.below(pages.count)]
            image.flip(page.path, at: page.offset + UInt64(random.below(16384)), mask: 1 << UInt8(random.below(8)))
        }
    }

    /// A bit is flipped in a redo block that was durable, with durable ones behind it.
    static let flippedBlocks = damage("bit flips in redo") { limit in
        let sound = try SoundDatabase(isClosed: false)
        return try sound.judge(limit) { image, random in
            let place = sound.redoPlace(&random)
            image.flip(place.path, at: place.offset + 12 + UInt64(random.below(490)), mask: 1 << UInt8(random.below(8)))
        }
    }

    /// A redo block that was durable, with durable ones behind it, is gone.
    static let lostBlocks = damage("lost redo blocks") { limit in
        let sound = try SoundDatabase(isClosed: false)
        return try sound.judge(limit) { image, random in
            let place = sound.redoPlace(&random)
            image.overwrite(place.path, at: place.offset, with: [UInt8](repeating: 0, count: 512))
        }
    }

    /// The sector with a checkpoint is spoiled by the power cut that comes while it is written.
    static let spoiledCheckpoints = damage("spoiled checkpoints") { limit in
        let profile = CrashProfile("checkpoints", share: 0, preparationCount: 20, operationCount: 30) {
            $0.checkpoint = 60
        }
        let run = try CrashRun(profile, seed: CrashBudget.seed, judgesFlushing: false)
        let trace = run.storage.trace
        var state = DurabilityState(run.storage.startImage)
        var count = 0
        for event in trace {
            state.record(event)
            guard case .change(.write(let file, let offset, let bytes)) = event,
                [4096, 8192].contains(offset), bytes.starts(with: Array("CKPT".utf8))
            else { continue }
            var image = state.image(after: .all)
            guard let path = image.paths.first(where: { image.file(at: $0) == file }), count < limit else { continue }
            count += 1
            image.overwrite(path, at: offset, with: [UInt8](repeating: 0xA5, count: 512))
            do {
                let hash = try SoundDatabase.content(of: image, seed: UInt64(count))
                let numbers = run.model.commitNumbers(with: hash)
                let allowed = state.acknowledged...max(state.acknowledged, state.issued)
                if numbers.contains(where: allowed.contains) { continue }
                return Outcome(count: count, finding: "the content is that after \(numbers) commits, not \(allowed)")
            } catch {
                return Outcome(count: count, finding: "\(error)")
            }
        }
        return Outcome(count: count, finding: nil)
    }

    private static func damage(_ name: String, _ body: @escaping @Sendable (Int) throws -> Outcome) -> Hunt {
        Hunt(name: name, unit: "states") { limit, _ in try body(limit) }
    }
}

/// A database with every commit acknowledged, to be damaged.
private struct SoundDatabase: Sendable {
    private let image: DiskImage
    private let hash: UInt64
    /// Where redo starts and ends that was durable, with more durable redo behind it, as LSNs.
    private let redo: Range<UInt64>

    init(isClosed: Bool) throws {
        let storage = SimulatedStorage(options: .judging)
        let outcome = SimulatedScheduler(seed: CrashBudget.seed).run { () -> Result<SoundDatabase, RedoubtError> in
            do throws(RedoubtError) {
                return .success(try SoundDatabase(on: storage, isClosed: isClosed))
            } catch {
                return .failure(error)
            }
        }
        self = try outcome.get()
    }

    private init(on storage: SimulatedStorage, isClosed: Bool) throws(RedoubtError) {
        let database = try EngineClient.open(storage)
        let keyspace = try database.createKeyspace("k")
        try database.checkpoint()
        let start = try database.statistics().currentLSN.rawValue
        var ends: [UInt64] = []
        for number in 0..<60 {
            try keyspace.put(Array("row \(number)".utf8), [UInt8](repeating: UInt8(number), count: 100 + number * 9))
            ends.append(try database.statistics().currentLSN.rawValue)
        }
        hash = try EngineClient.contentHash(of: database)
        // Each commit writes down what was durable before it.
        redo = start..<ends[ends.count - 4]
        if isClosed {
            try database.close()
            image = storage.image
        } else {
            image = storage.image
            try database.close()
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
