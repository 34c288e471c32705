import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: the judge of recorded traces finds every breach that it is there for, and none in what is shipped.
///
/// Method: a short history over a recorded disk, with copies of pages or of sectors, on a disk that is full now and
/// then; as shipped, with one rule broken on purpose, and with its trace tampered with.
@Suite(.timeLimit(.minutes(20))) struct FlushTraceTests {
    private func put(_ engine: Engine, _ row: Int, _ fill: Int) throws {
        let tree = engine.tree(try engine.keyspace("k"))
        let value = [UInt8](repeating: UInt8(fill & 255), count: 3000)
        _ = try unsafe Array("row \(100 + row)".utf8).withUnsafeBytes { key in
            try unsafe value.withUnsafeBytes { unsafe try tree.put(key, $0) }
        }
    }

    /// Pages that become dirty far apart, are flushed while their redo is not durable yet, and are passed by no
    /// checkpoint when they are dirty again.
    func history(
        _ doublewrite: Configuration.Doublewrite = .on,
        tearing: Bool = false,
        breaking rule: CleanerFault? = nil
    ) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage) { $0.flushing.doublewrite = doublewrite }
        let log = engine.kernel.log
        _ = try engine.createKeyspace("k")
        for row in 0..<60 { try put(engine, row, 1) }
        try engine.flushing.checkpointNow()
        #if REDOUBT_INTERLEAVING
        engine.kernel.faults.store(rule?.rawValue ?? 0, ordering: .relaxed)
        #endif
        for row in 0..<6 {
            try put(engine, 8 * row, 2)
            let end = log.currentLSN.rawValue + 2 * log.relaxedOrderWindow / 3
            while log.currentLSN.rawValue < end { try put(engine, 59, Int(log.currentLSN.rawValue & 255)) }
        }
        let noSpace = SimulatedFault(.write, role: .data, effect: .failure(errno: SimulatedFault.noSpace))
        if tearing { storage.inject(noSpace) }
        do throws(RedoubtError) {
            try engine.flushing.flush(below: log.currentLSN, count: 100)
        } catch {
            #expect(tearing && error.code == .diskFull)
            try engine.flushing.flushAll()
        }
        try put(engine, 30, 3)
        try log.waitUntilFlushed(log.currentLSN)
        try engine.flushing.checkpoint()
        storage.stopRecording()
        #if REDOUBT_INTERLEAVING
        engine.kernel.faults.store(0, ordering: .relaxed)
        #endif
        try engine.close()
        return storage
    }

    @Test(arguments: [Configuration.Doublewrite.on, .changedSectors], [false, true])
    func `what is shipped breaks no rule, and each rule had something to judge`(
        _ doublewrite: Configuration.Doublewrite,
        tearing: Bool
    ) throws {
        let trace = FlushTrace(try history(doublewrite, tearing: tearing))
        #expect(trace.breaches == [])
        #expect(trace.pageCount > 12 && trace.copyCount > 6 && trace.checkpointCount > 2 && trace.choiceCount > 12)
        #expect((trace.sectorCopyCount > 6) == (doublewrite == .changedSectors) && (trace.tornCount > 0) == tearing)
    }

    @Test(arguments: FlushTrace.Control.all + [.copiesAreNotSynced], [Configuration.Doublewrite.on, .changedSectors])
    func `a trace that was tampered with is found out`(
        _ control: FlushTrace.Control,
        _ doublewrite: Configuration.Doublewrite
    ) throws {
        let storage = try history(doublewrite)
        let trace = FlushTrace.tampered(storage.trace, start: storage.startImage, control)
        let judged = FlushTrace(start: storage.startImage, trace: trace)
        #expect(judged.notices(control), "\(judged.breaches.prefix(3))")
    }

    @Test func `a part of a page before its redo is found out`() throws {
        let storage = try history(tearing: true)
        let trace = FlushTrace.tampered(storage.trace, start: storage.startImage, .onlyPartsWritten)
        let judged = FlushTrace(start: storage.startImage, trace: trace)
        #expect(judged.pageCount == 0 && judged.tornCount > 0 && judged.breaks(.redoBeforePage))
    }

    @Test func `a page that no redo behind the checkpoint changes was excused as one of a new file`() throws {
        let storage = try history()
        var files: Set<Int> = []
        var newest: [PageID: (file: Int, offset: UInt64, bytes: [UInt8])] = [:]
        for event in storage.trace {
            switch event {
            case .change(.create(let path, let file)) where FlushTrace.isData(path): files.insert(file)
            case .change(.write(let file, let offset, let bytes)) where files.contains(file):
                guard bytes.count == pageByteCount else { continue }
                for image in FlushTrace.pages(bytes, at: offset).own { newest[image.page] = (file, offset, bytes) }
            default: break
            }
        }
        #expect(newest.count > 12)
        for (page, last) in newest.sorted(by: { $0.key < $1.key }).suffix(8) {
            // Of another LSN, so that the copy of what was written is none of it.
            var bytes = last.bytes
            bytes[23] ^= 1
            bytes[pageByteCount - 1] ^= 1
            let write = SimulatedEvent.change(.write(file: last.file, offset: last.offset, bytes: bytes))
            let judged = FlushTrace(start: storage.startImage, trace: storage.trace + [write])
            #expect(judged.breaks(.copyBeforePage), "page \(page)")
        }
    }

    @Test func `an image counted as a copy when its header was overwritten`() throws {
        let storage = try history()
        let trace = storage.trace
        func segment(_ event: SimulatedEvent) -> (file: Int, offset: UInt64, bytes: [UInt8])? {
            guard case .change(.write(let file, let offset, let bytes)) = event,
                let segment = RecordedBytes.segment(bytes[...]), segment.holdsImages, segment.copies.count > 1
            else { return nil }
            return (file, offset, bytes)
        }
        let number = try #require(trace.lastIndex { segment($0) != nil })
        let (file, offset, bytes) = try #require(segment(trace[number]))
        let synced = trace[number...].firstIndex { if case .sync(file) = $0 { true } else { false } }
        let end = try #require(synced) + 1
        // A segment of the first image alone, over that and the header.
        var shorter = Array(bytes[..<(2 * pageByteCount)])
        shorter.replaceSubrange(12..<16, with: [0, 0, 0, 1])
        let sum = unsafe shorter[..<(pageByteCount - 4)].withUnsafeBytes { unsafe Checksum.crc32c($0) }
        for index in 0..<4 { shorter[pageByteCount - 4 + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index)) }
        let tampered: [SimulatedEvent] = [
            .change(.write(file: file, offset: offset, bytes: shorter)), .sync(file: file),
        ]
        let judged = FlushTrace(start: storage.startImage, trace: trace[..<end] + tampered + trace[end...])
        #expect(judged.breaks(.copyBeforePage))
    }

    #if REDOUBT_INTERLEAVING
    @Test(arguments: [
        (CleanerFault.writesBeforeRedo, FlushTrace.Rule.redoBeforePage), (.writesBeforeRedo, .redoBeforeCopy),
        (.checkpointsPastDirtyPages, .pagesBeforeCheckpoint), (.handsOverNewestFirst, .order),
    ])
    func `a rule that is broken on purpose is found out`(_ fault: CleanerFault, _ rule: FlushTrace.Rule) throws {
        let judged = FlushTrace(try history(breaking: fault))
        #expect(judged.breaks(rule), "\(judged.breaches.prefix(3))")
    }
    #endif
}
