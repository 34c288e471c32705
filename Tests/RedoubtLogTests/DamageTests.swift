import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtLog

/// Goal: after a power cut the log ends at a group that was appended, never before one that was durable; damage below a
/// durable position is refused; no bytes whatever make a scan trap or hang. Method: power cuts of every kind at several
/// moments; every block destroyed in turn; bit flips and random bytes in every file.
@Suite struct DamageTests {
    @Test func `after any power cut the log is a prefix that holds what was durable, and goes on`() throws {
        for seed in 0..<6 {
            let fixture = try LogFixture()
            var random = SeededRandom(seed: UInt64(seed))
            var durable: UInt64 = 0
            for number in 0..<UInt64(20 + random.below(20)) {
                fixture.append(number, byteCount: 12 + random.below(2500))
                if random.below(3) == 0 { try fixture.log.waitUntilWritten(fixture.log.currentLSN) }
                if random.below(6) == 0 {
                    try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
                    durable = number + 1
                }
            }
            try fixture.log.waitUntilWritten(fixture.log.currentLSN)
            for cut in cuts(of: fixture.storage) {
                let storage = fixture.storage.powerCut(cut)
                let found = try LogFixture.scan(storage)
                #expect(
                    found.isIntact && found.numbers == Array(0..<UInt64(found.numbers.count)),
                    "seed \(seed), \(cut)"
                )
                #expect(found.numbers.count >= Int(durable), "seed \(seed), \(cut)")
                try goOn(storage, after: found.numbers.count, "seed \(seed), \(cut)")
            }
        }
    }

    /// Appends short groups after recovery, cuts the power at once, and expects exactly those: nothing stale is spliced
    /// in.
    private func goOn(_ storage: SimulatedStorage, after count: Int, _ place: Comment) throws {
        for total in [480, 500, 1000] {
            let again = try LogFixture(on: storage.copy())
            again.append(UInt64(count), byteCount: total)
            try again.log.waitUntilFlushed(again.log.currentLSN)
            let found = try LogFixture.scan(again.storage.powerCut(.none))
            #expect(found.isIntact && found.numbers == Array(0...UInt64(count)), place)
        }
    }

    private func cuts(of storage: SimulatedStorage) -> [PowerCut] {
        let count = storage.unsyncedChangeCount
        var cuts: [PowerCut] = [.none, .all]
        for index in 0..<count {
            cuts += [PowerCut(.prefix(index)), PowerCut(.omitting(index)), PowerCut(.only(index))]
        }
        for sectors in 1..<8 {
            cuts += [PowerCut(.all, tear: .firstSectors(sectors)), PowerCut(.all, tear: .lastSectors(sectors))]
        }
        return cuts + (0..<6).map { PowerCut(.seeded($0)) }
    }

    @Test func `a destroyed block is refused below the durable end, and ends the log beyond it`() throws {
        let fixture = try LogFixture()
        for number in 0..<40 {
            fixture.append(UInt64(number), byteCount: 300)
            if number == 25 { try fixture.log.waitUntilFlushed(fixture.log.currentLSN) }
        }
        let durable = fixture.log.flushedLSN
        try fixture.log.waitUntilWritten(fixture.log.currentLSN)
        let image = fixture.storage.image
        let path = LogFixture.directory + "/redo_1.log"
        let blockCount = (fixture.log.currentLSN.rawValue - 8192) / 512 + 1
        for block in 0..<blockCount {
            for kind in 0..<2 {
                var damaged = image
                let offset = UInt64(LogFileHeader.dataOffset) + block * 512
                if kind == 0 {
                    damaged.overwrite(path, at: offset, with: [UInt8](repeating: 0, count: 512))
                } else {
                    damaged.flip(path, at: offset + 100, mask: 4)
                }
                let result = Result { try LogFixture.scan(SimulatedStorage(damaged)) }
                let wasDurable = 8192 + block * 512 + 12 < durable.rawValue
                switch result {
                case .failure(let error):
                    #expect((error as? RedoubtError)?.code == .corruptLog)
                    #expect(wasDurable, "block \(block) is a torn tail")
                case .success(let found):
                    #expect(!wasDurable, "block \(block) is rot")
                    #expect(found.end.rawValue <= 8192 + block * 512 + 12)
                }
            }
        }
    }

    @Test func `a checkpoint's durable position reveals a lost end`() throws {
        let fixture = try LogFixture()
        for number in 0..<10 { fixture.append(UInt64(number), byteCount: 400) }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        try fixture.log.writeCheckpoint(LogSequenceNumber(rawValue: 8704 + 40))
        var image = fixture.storage.image
        let last = (fixture.log.currentLSN.rawValue - 8192) / 512
        image.overwrite(
            LogFixture.directory + "/redo_1.log",
            at: UInt64(LogFileHeader.dataOffset) + last * 512,
            with: [UInt8](repeating: 0, count: 512)
        )
        #expect(throws: RedoubtError.self) { try LogFixture.scan(SimulatedStorage(image)) }
    }

    @Test func `missing, mixed, newer and foreign files are named`() throws {
        let fixture = try LogFixture()
        let image = fixture.storage.image
        expect(.missingFile, image) { $0.remove(LogFixture.directory + "/redo_3.log") }
        expect(.missingFile, image) { image in for path in image.paths { image.remove(path) } }
        expect(.notADatabase, image) { image in
            for path in image.paths { image.overwrite(path, at: 0, with: [UInt8](repeating: 77, count: 16384)) }
        }
        let other = SimulatedStorage()
        try RedoLog.create(
            storage: other,
            directory: LogFixture.directory,
            configuration: LogFixture.smallest,
            database: DatabaseID(high: 1, low: 1)
        )
        let foreign = try #require(other.image.bytes(of: LogFixture.directory + "/redo_1.log"))
        expect(.mixedFiles, image) { $0.overwrite(LogFixture.directory + "/redo_2.log", at: 0, with: foreign) }
    }

    private func expect(_ code: RedoubtError.Code, _ image: DiskImage, _ change: (inout DiskImage) -> Void) {
        var changed = image
        change(&changed)
        // The directory stays even if it is empty.
        let storage = SimulatedStorage(changed)
        #expect {
            _ = try LogFixture.scan(storage)
        } throws: {
            ($0 as? RedoubtError)?.code == code
        }
    }

    @Test func `random damage anywhere gives an error or a prefix, never a trap`() throws {
        let fixture = try LogFixture()
        for number in 0..<60 { fixture.append(UInt64(number), byteCount: 12 + number * 31 % 900) }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        let image = fixture.storage.image
        var random = SeededRandom(seed: 5)
        for round in 0..<150 {
            var damaged = image
            for _ in 0...random.below(3) {
                let path = LogFixture.directory + "/redo_\(1 + random.below(4)).log"
                let offset = UInt64(random.below(round % 2 == 0 ? 40_000 : 10_000))
                switch random.below(4) {
                case 0 where offset < damaged.size(of: path) ?? 0:
                    damaged.flip(path, at: offset, mask: 1 << UInt8(random.below(8)))
                case 1: damaged.resize(path, to: offset)
                case 2: damaged.overwrite(path, at: offset, with: (0..<700).map { _ in UInt8(random.below(256)) })
                default: damaged.overwrite(path, at: offset, with: [UInt8](repeating: 255, count: 2000))
                }
            }
            if let found = try? LogFixture.scan(SimulatedStorage(damaged)) {
                #expect(found.isIntact, "round \(round)")
                #expect(found.numbers == Array(0..<UInt64(found.numbers.count)), "round \(round)")
            }
        }
    }

    @Test func `valid checksums over nonsense give an error, never a trap`() throws {
        let fixture = try LogFixture()
        var random = SeededRandom(seed: 6)
        for round in 0..<200 {
            var image = fixture.storage.image
            var block = (0..<512).map { _ in UInt8(random.below(256)) }
            unsafe block.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                let end = round % 3 == 0 ? 508 : 13 + random.below(490)
                unsafe LogBlock.seal(
                    base,
                    index: 16,
                    dataEnd: end,
                    firstGroup: 12 + random.below(3) * 40,
                    durableBlockCount: UInt64(random.below(17))
                )
            }
            image.overwrite(LogFixture.directory + "/redo_1.log", at: UInt64(LogFileHeader.dataOffset), with: block)
            #expect(throws: Never.self) {
                do { _ = try LogFixture.scan(SimulatedStorage(image)) } catch let error as RedoubtError { _ = error }
            }
        }
    }
}
