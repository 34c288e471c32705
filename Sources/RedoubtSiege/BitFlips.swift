import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem

/// Flips bits of what is on disk: every single one of a page of each kind and of redo blocks, and drawn ones of whole
/// databases that are then opened and read.
package enum BitFlips {
    /// Flips of one kind of bytes.
    package struct Tally: Sendable {
        /// What was damaged.
        package let name: String
        /// The flips.
        package fileprivate(set) var tried = 0
        /// Those that the checksums of the bytes noticed; of openings, those refused with an error.
        package fileprivate(set) var noticed = 0
        /// Openings that found the right content none the less: the bit was not needed, or a copy was.
        package fileprivate(set) var harmless = 0
        /// Openings that found the content after an earlier commit: the bit was in the last redo.
        package fileprivate(set) var older = 0

        /// Flips that would be believed.
        package var believed: Int { tried - noticed - harmless - older }
    }

    /// Flips every bit of one page of each kind, of redo blocks and of checkpoints, one at a time.
    ///
    /// - Throws: What stops the database that is to be damaged.
    package static func everyBit() throws -> [Tally] {
        let closed = try SoundDatabase(.close, isRich: true).image
        let running = try SoundDatabase(.kill, isRich: true).image
        return pages(of: closed) + redo(of: running)
    }

    /// The kinds of pages and of redo that no tally is about: must be none.
    package static func missingKinds(_ tallies: [Tally]) -> [String] {
        let kinds = PageProof.kinds.map { "page, \($0)" } + ["redo, block", "redo, checkpoint", "redo, header"]
        return kinds.filter { kind in !tallies.contains { $0.name == kind && $0.tried > 0 } }.sorted()
    }

    /// What a tally is named for whose copies are needed: some of its flips must be refused.
    package static let tornCopies = "opening with torn pages, dw_0"

    /// Opens `count` databases with a bit flipped, in files of each role in turn, and reads all rows.
    ///
    /// Of three databases one was closed, one was killed, and of one the power was cut while pages were written: it is
    /// right only with the copies of these.
    package static func openings(_ count: Int, seed: UInt64 = 1) throws -> [Tally] {
        let databases = try SoundDatabase.End.allCases.map { end in
            let database = try SoundDatabase(end)
            guard end != .powerCut || !database.tornPages.isEmpty else {
                throw CrashRun.Finding("the power cut tore no page")
            }
            let name = end == .powerCut ? "opening with torn pages" : "opening"
            return (database, name, sectors: written(in: database.image).sorted { $0.key < $1.key })
        }
        var random = SeededRandom(seed: seed)
        var tallies: [String: Tally] = [:]
        let memory = KeptMemory()
        for number in 0..<count {
            let (database, name, sectors) = databases[number % databases.count]
            let (role, places) = sectors[number / databases.count % sectors.count]
            let (path, start) = places[random.below(places.count)]
            var image = database.image
            image.flip(path, at: UInt64(start + random.below(512)), mask: 1 << UInt8(random.below(8)))
            var tally = tallies["\(name), \(role)"] ?? Tally(name: "\(name), \(role)")
            tally.tried += 1
            let found = UnderJudgement.noting(.flips, seed: seed) { content(of: image, memory) }
            switch found {
            case .success(database.hash): tally.harmless += 1
            case .success(let hash): if database.olderHashes.contains(hash) { tally.older += 1 }
            case .failure(let error): if error is RedoubtError { tally.noticed += 1 }
            }
            tallies[tally.name] = tally
        }
        return tallies.values.sorted { $0.name < $1.name }
    }

    /// Opens the database on `image` and returns the hash of its rows.
    private static func content(of image: DiskImage, _ memory: KeptMemory) -> Result<UInt64, any Error> {
        InlineScheduler(memory: memory).run {
            Result {
                let database = try EngineClient.open(SimulatedStorage(image, options: .judging), hasThreads: false)
                defer { database.forget() }
                return try EngineClient.contentHash(of: database)
            }
        }
    }

    /// What a file is for, by its name.
    private static func role(of path: String) -> String {
        path.hasSuffix(".ibd")
            ? "data file" : path.contains("/redo/") ? "redo file" : String(path.split(separator: "/").last ?? "")
    }

    /// The whole sectors that are not all zeros, by the role of their file: flips shall fall on what was written.
    private static func written(in image: DiskImage) -> [String: [(path: String, offset: Int)]] {
        var sectors: [String: [(path: String, offset: Int)]] = [:]
        for path in image.paths {
            let bytes = image.bytes(of: path) ?? []
            for start in stride(from: 0, through: bytes.count - 512, by: 512)
            where bytes[start..<start + 512].contains(where: { $0 != 0 }) {
                sectors[role(of: path), default: []].append((path, start))
            }
        }
        return sectors
    }

    private static func pages(of image: DiskImage) -> [Tally] {
        var tallies: [String: Tally] = [:]
        for path in image.paths where path.hasSuffix(".ibd") {
            guard var bytes = image.bytes(of: path) else { continue }
            let space = SpaceID(rawValue: bytes[34..<38].reduce(0) { $0 << 8 | UInt32($1) })
            // Reads of eight bytes may begin at the last one of a page.
            bytes += [UInt8](repeating: 0, count: 16)
            unsafe bytes.withUnsafeMutableBytes { all in
                guard let base = all.baseAddress else { return }
                for start in stride(from: 0, to: all.count - 16, by: pageByteCount) {
                    let page = unsafe base + start
                    let id = PageID(space: space, number: PageNumber(rawValue: UInt32(start / pageByteCount)))
                    guard unsafe PageProof.isSound(page, page: id), let kind = unsafe PageProof.kind(of: page) else {
                        continue
                    }
                    if tallies[kind] == nil { tallies[kind] = unsafe flipped(page, id, kind) }
                }
                guard tallies["extentDescriptors"] == nil else { return }
                let id = PageID(space: space, number: PageNumber(rawValue: 16384))
                unsafe PageProof.makeDescriptors(base, page: id)
                tallies["extentDescriptors"] = unsafe flipped(base, id, "extentDescriptors")
            }
        }
        return tallies.values.sorted { $0.name < $1.name }
    }

    private static func flipped(_ page: UnsafeMutableRawPointer, _ id: PageID, _ kind: String) -> Tally {
        unsafe flipped("page, \(kind)", page, pageByteCount) { unsafe PageProof.isSound(page, page: id) }
    }

    /// Flips each bit of `byteCount` bytes at `base` in turn.
    private static func flipped(
        _ name: String,
        _ base: UnsafeMutableRawPointer,
        _ byteCount: Int,
        isBelieved: () -> Bool
    ) -> Tally {
        var tally = Tally(name: name)
        // What is not believed before proves nothing.
        guard isBelieved() else { return tally }
        for bit in 0..<byteCount * 8 {
            let byte = unsafe base.load(fromByteOffset: bit >> 3, as: UInt8.self)
            unsafe base.storeBytes(of: byte ^ 1 << UInt8(bit & 7), toByteOffset: bit >> 3, as: UInt8.self)
            tally.tried += 1
            if !isBelieved() { tally.noticed += 1 }
            unsafe base.storeBytes(of: byte, toByteOffset: bit >> 3, as: UInt8.self)
        }
        return tally
    }

    /// Blocks, headers and checkpoints of all redo files, as many as are sound.
    private static func redo(of image: DiskImage) -> [Tally] {
        var sums: [String: Tally] = [:]
        for path in image.paths where path.contains("/redo/") {
            guard var bytes = image.bytes(of: path), bytes.count > 16384 else { continue }
            unsafe bytes.withUnsafeMutableBytes { all in
                guard let base = all.baseAddress else { return }
                func add(_ tally: Tally) {
                    sums[tally.name, default: Tally(name: tally.name)].tried += tally.tried
                    sums[tally.name, default: Tally(name: tally.name)].noticed += tally.noticed
                }
                add(
                    unsafe flipped("redo, header", base, 512) {
                        unsafe LogProof.blockIndex(at: 12288, inFileWith: base) != nil
                    }
                )
                for slot in [4096, 8192] {
                    add(
                        unsafe flipped("redo, checkpoint", base + slot, 512) {
                            unsafe LogProof.isCheckpoint(base + slot)
                        }
                    )
                }
                for start in stride(from: 12288, to: min(all.count, 12288 + 64 * 512), by: 512) {
                    guard let index = unsafe LogProof.blockIndex(at: UInt64(start), inFileWith: base) else { break }
                    let block = unsafe base + start
                    add(unsafe flipped("redo, block", block, 512) { unsafe LogProof.isBlock(block, index: index) })
                }
            }
        }
        return sums.values.sorted { $0.name < $1.name }
    }
}
