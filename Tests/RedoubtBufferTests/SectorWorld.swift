import Foundation
import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization

@testable import RedoubtEngine

/// A pool whose pages are changed, written, synced, evicted and made anew in a seeded order, and what the disk may hold
/// of each sector of each page meanwhile.
final class SectorWorld {
    static let pageCount: UInt32 = 10
    private static let path = "db/7.ibd"

    struct Outcome {
        /// Disks judged, and those of them in which no image was whole.
        var stateCount = 0
        var tornCount = 0
        /// Disks after whose repair a page was no image of it, or an old one though it had been torn.
        var failureCount = 0
    }

    let fixture: PoolFixture
    private(set) var outcome = Outcome()
    private var random: SeededRandom
    private let modes: [Configuration.Doublewrite]
    // Of each page the newest durable image and all written since, by what the trace says.
    private var images: [UInt32: [[UInt8]]] = [:]
    // The pages whose newest write had a copy, those of which only a part was written, and the LSNs of the copies.
    private var copied: Set<UInt32> = []
    private var partial: Set<UInt32> = []
    private var copies: [UInt32: LogSequenceNumber] = [:]
    private var position = 0
    private var dataFile = -1

    init(
        seed: UInt64,
        modes: [Configuration.Doublewrite] = [.changedSectors],
        breaking fault: CleanerFault? = nil,
        atomicWriteUnit: Int = 0
    ) throws {
        var configuration = PoolFixture.small
        configuration.flushing.doublewrite = modes[0]
        // A ring of 16, 24 or 32 pages.
        configuration.flushing.doublewriteBatchPages = 1 + Int(seed % 3)
        fixture = try PoolFixture(
            configuration,
            pageCount: Self.pageCount,
            isRecording: true,
            atomicWriteUnit: atomicWriteUnit
        )
        #if REDOUBT_INTERLEAVING
        if let fault { fixture.kernel.faults.store(fault.rawValue, ordering: .relaxed) }
        #endif
        self.modes = modes
        random = SeededRandom(seed: seed)
        follow()
    }

    private func draw(_ count: Int) -> Int { random.below(count) }

    // MARK: What happens

    /// One random thing; after a write, disks are judged.
    func step() throws {
        switch draw(100) {
        case 0..<50: try change()
        case 50..<54: try makeAnew()
        case 54..<60: evict()
        case 60..<62: try fixture.kernel.files.syncWritten()
        case 62..<64: try fixture.flushing.checkpoint()
        default:
            try flush()
            follow()
            for number in [UInt32(draw(Int(Self.pageCount))), UInt32(draw(Int(Self.pageCount)))]
            where copied.contains(number) {
                try judge(number)
            }
        }
    }

    /// Changes a few bytes here and there in a page.
    private func change() throws {
        let id = page(UInt32(draw(Int(Self.pageCount))))
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 4096, pins: 1)
        let frame = try transaction.latchExclusive(id)
        for _ in 0..<1 + draw(3) {
            let count = 1 + draw(draw(4) == 0 ? 900 : 60)
            let offset = 64 + draw(PageBytes.Offset.trailer - 64 - count)
            transaction.apply(.fill(offset: offset, count: count, byte: UInt8(draw(256))), to: frame)
        }
        transaction.commit()
    }

    private func makeAnew() throws {
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 64, pins: 1)
        let id = page(UInt32(1 + draw(Int(Self.pageCount) - 1)))
        transaction.apply(.initialize(type: .blob), to: try transaction.create(id))
        transaction.commit()
    }

    private func evict() {
        let id = page(UInt32(draw(Int(Self.pageCount))))
        if let frame = fixture.pool.peek(id) { _ = fixture.pool.evict(frame) }
    }

    /// Writes some of the dirty pages in a mode of its own.
    private func flush() throws {
        var configuration = fixture.kernel.configuration
        configuration.flushing.doublewrite = modes[draw(modes.count)]
        fixture.kernel.options.replace(by: configuration)
        var frames: [UInt32] = []
        for number in 0..<Self.pageCount where draw(2) == 0 {
            guard let frame = fixture.pool.peek(page(number)), frame.isDirty else { continue }
            frames.append(frame.index)
        }
        do {
            _ = try fixture.flushing.writer.write(frames)
        } catch {
            // A part of a page may be in the file, and the rest comes when there is space.
            guard error.code == .diskFull else { throw error }
        }
    }

    // MARK: What the disk may hold

    /// Reads what the trace says since the last time.
    private func follow() {
        let trace = fixture.storage.trace
        for event in trace[position...] {
            switch event {
            case .change(.create(Self.path, let file)): dataFile = file
            case .change(.write(dataFile, let offset, let bytes)),
                .change(.atomicWrite(dataFile, let offset, let bytes)):
                for start in stride(from: 0, to: bytes.count, by: pageByteCount) {
                    let end = min(bytes.count, start + pageByteCount)
                    noteWrite(UInt32((Int(offset) + start) / pageByteCount), bytes[start..<end])
                }
            case .change(.write(_, _, let bytes)) where bytes.starts(with: Array("RDBTDWRT".utf8)): noteCopies(bytes)
            case .sync(dataFile): images = images.mapValues { [$0[$0.count - 1]] }
            default: break
            }
        }
        position = trace.count
    }

    /// Takes the first bytes of a page, or all, as written.
    private func noteWrite(_ number: UInt32, _ bytes: ArraySlice<UInt8>) {
        var image = images[number]?.last ?? [UInt8](repeating: 0, count: pageByteCount)
        image.replaceSubrange(..<bytes.count, with: bytes)
        images[number, default: []].append(image)
        if copies[number]?.rawValue == Self.lsn(image) { copied.insert(number) } else { copied.remove(number) }
        if bytes.count == pageByteCount { partial.remove(number) } else { partial.insert(number) }
    }

    /// Takes the copies that the first page of `bytes` announces.
    private func noteCopies(_ bytes: [UInt8]) {
        let batch = try? unsafe withPage { header, memory in
            unsafe memory.copyBytes(from: bytes[..<min(bytes.count, pageByteCount)])
            return DoublewriteBatch.decode(header)
        }
        guard let batch = batch ?? nil, batch.content != .names else { return }
        for entry in batch.entries { copies[entry.page.number.rawValue] = entry.lsn }
    }

    /// Tears page `number` in many ways, in each as if nothing had been synced since its durable image.
    private func judge(_ number: UInt32) throws {
        guard let all = images[number], all.count > 1, !partial.contains(number) else { return }
        let newest = all.count - 1
        for _ in 0..<4 {
            let (sector, older) = (draw(33), draw(newest))
            try judge(number, all) { $0 < sector ? newest : older }
            try judge(number, all) { $0 < sector ? older : newest }
            try judge(number, all) { $0 == sector ? newest : older }
            try judge(number, all) { $0 == sector ? older : newest }
            let choice = (0..<32).map { _ in draw(all.count) }
            try judge(number, all) { choice[$0] }
        }
    }

    private func judge(_ number: UInt32, _ all: [[UInt8]], _ choice: (Int) -> Int) throws {
        var torn: [UInt8] = []
        for sector in 0..<32 {
            let start = sector * PageSectors.byteCount
            torn += all[choice(sector)][start..<start + PageSectors.byteCount]
        }
        var image = fixture.storage.image
        image.overwrite(Self.path, at: UInt64(number) * UInt64(pageByteCount), with: torn)
        let disk = SimulatedStorage(image, options: .judging)
        let files = PageFileTable()
        let file = try disk.open(Self.path, role: .data, creating: false, readOnly: false)
        files.register(SpaceID(rawValue: 7), file: file, pageCount: Self.pageCount)
        try DoublewriteRecovery.repair(
            storage: disk,
            directory: "db",
            database: fixture.kernel.database,
            checkpoint: fixture.log.checkpointLSN,
            files: files
        )
        let found = try unsafe withPage { _, memory in
            _ = try unsafe file.read(into: memory, at: UInt64(number) * UInt64(pageByteCount))
            return unsafe [UInt8](unsafeUninitializedCapacity: pageByteCount) { bytes, count in
                unsafe UnsafeMutableRawBufferPointer(bytes).copyMemory(from: UnsafeRawBufferPointer(memory))
                count = pageByteCount
            }
        }
        outcome.stateCount += 1
        let isTorn = try unsafe withPage { bytes, memory in
            unsafe memory.copyBytes(from: torn)
            return PageSeal.fault(bytes, expected: page(number)) != nil
        }
        if isTorn { outcome.tornCount += 1 }
        // A whole page is left alone, whatever its age: what it lacks, redo brings.
        if Self.areEqual(found, isTorn ? all[all.count - 1] : torn) { return }
        if try !isTorn || !isImageOfNextWrite(found, of: number, after: all[all.count - 1]) {
            outcome.failureCount += 1
        }
    }

    /// Whether `found` is the image of a write that never began, because its segment found no space, but whose copy was
    /// in the part of it that did: as good as the newest image, for its redo is durable.
    private func isImageOfNextWrite(_ found: [UInt8], of number: UInt32, after newest: [UInt8]) throws -> Bool {
        try unsafe withPage { bytes, memory in
            unsafe memory.copyBytes(from: found)
            return PageSeal.fault(bytes, expected: page(number)) == nil && bytes.lsn == copies[number]
                && bytes.lsn.rawValue > Self.lsn(newest)
        }
    }

    private static func lsn(_ image: [UInt8]) -> UInt64 { image[16..<24].reduce(0) { $0 << 8 | UInt64($1) } }

    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                unsafe memcmp(left.baseAddress.unsafelyUnwrapped, right.baseAddress.unsafelyUnwrapped, pageByteCount)
            } == 0
        }
    }
}
