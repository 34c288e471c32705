import RedoubtCore
import RedoubtSimulation
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

// What the judge of recorded traces took for a durable copy and no recovery would have taken.
extension FlushTraceTests {
    /// A write to a doublewrite file that begins with the header of a segment.
    private struct SegmentWrite {
        let number: Int
        let file: Int
        let offset: UInt64
        let bytes: [UInt8]

        init?(_ number: Int, _ event: SimulatedEvent) {
            guard case .change(.write(let file, let offset, let bytes)) = event,
                RecordedBytes.segment(bytes[...]) != nil
            else { return nil }
            (self.number, self.file, self.offset, self.bytes) = (number, file, offset, bytes)
        }

        func with(_ bytes: [UInt8]) -> SimulatedEvent { .change(.write(file: file, offset: offset, bytes: bytes)) }
    }

    private func segments(_ storage: SimulatedStorage) -> [SegmentWrite] {
        storage.trace.enumerated().compactMap { SegmentWrite($0.offset, $0.element) }
    }

    private func breaks(_ storage: SimulatedStorage, _ trace: [SimulatedEvent]) -> Bool {
        FlushTrace(start: storage.startImage, trace: trace).breaks(.copyBeforePage)
    }

    /// Whether the judge finds fault with the trace of `storage` where the bytes of its last segment are changed.
    private func breaks(
        _ storage: SimulatedStorage,
        changing change: (inout [UInt8]) -> Void
    ) throws -> Bool {
        let last = try #require(segments(storage).last)
        var (trace, bytes) = (storage.trace, last.bytes)
        change(&bytes)
        trace[last.number] = last.with(bytes)
        return breaks(storage, trace)
    }

    /// Gives the header page of a segment the checksum that it should have.
    private func seal(_ bytes: inout [UInt8]) {
        let sum = unsafe bytes[..<(pageByteCount - 4)].withUnsafeBytes { unsafe Checksum.crc32c($0) }
        for index in 0..<4 { bytes[pageByteCount - 4 + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index)) }
    }

    @Test func `an image with a flipped bit counted as a copy`() throws {
        let storage = try history()
        #expect(try !breaks(storage) { _ in })
        #expect(try breaks(storage) { $0[pageByteCount + 5000] ^= 1 })
    }

    @Test func `an image that the header has another checksum of counted as a copy`() throws {
        let isNoticed = try breaks(try history()) {
            $0[64 + 19] ^= 1
            seal(&$0)
        }
        #expect(isNoticed)
    }

    @Test func `copies of another database, and of another version, counted`() throws {
        let storage = try history()
        for place in [11, 31] {
            let isNoticed = try breaks(storage) {
                $0[place] ^= 1
                seal(&$0)
            }
            #expect(isNoticed, "byte \(place)")
        }
    }

    @Test func `a header counted as copies of sectors that were not there`() throws {
        let storage = try history(.changedSectors)
        let sectors = segments(storage).filter { $0.bytes.count > pageByteCount }
        #expect(sectors.count > 2)
        var trace = storage.trace
        for write in sectors { trace[write.number] = write.with(Array(write.bytes[..<pageByteCount])) }
        let isNoticed = breaks(storage, trace)
        #expect(isNoticed)
        #expect(WriteTrace(trace).unprotected.count > WriteTrace(storage.trace).unprotected.count)
        let isLastNoticed = try breaks(storage) { $0.removeLast($0.count - pageByteCount) }
        #expect(isLastNoticed)
    }

    @Test(arguments: [Configuration.Doublewrite.on, .changedSectors], [false, true])
    func `copies counted that were written over before they were synced`(
        _ doublewrite: Configuration.Doublewrite,
        isSynced: Bool
    ) throws {
        let storage = try history(doublewrite)
        let last = try #require(segments(storage).last)
        let junk = SimulatedEvent.change(
            .write(
                file: last.file,
                offset: last.offset + UInt64(pageByteCount),
                bytes: [UInt8](repeating: 7, count: 512)
            )
        )
        var trace = storage.trace
        trace.insert(junk, at: last.number + (isSynced ? 2 : 1))
        let isNoticed = breaks(storage, trace)
        #expect(isNoticed)
    }

    @Test(arguments: [Configuration.Doublewrite.on, .changedSectors])
    func `a sync made copies durable whose writes had not ended`(_ doublewrite: Configuration.Doublewrite) throws {
        let storage = try history(doublewrite)
        let files = Set(segments(storage).map(\.file))
        for endsInTime in [true, false] {
            var trace: [SimulatedEvent] = []
            var underWay: [Int] = []
            for event in storage.trace {
                switch event {
                case .change(.write(let file, let offset, let bytes)) where files.contains(file):
                    underWay.append(trace.count)
                    trace.append(.start(.write(file: file, offset: offset, bytes: bytes)))
                case .sync(let file) where files.contains(file):
                    let ends = underWay.map { SimulatedEvent.finish(sequence: $0) }
                    trace += endsInTime ? ends + [event] : [event] + ends
                    underWay = []
                default: trace.append(event)
                }
            }
            let isNoticed = breaks(storage, trace)
            #expect(isNoticed == !endsInTime)
            let isUnprotected = WriteTrace(trace).unprotected != WriteTrace(storage.trace).unprotected
            #expect(isUnprotected == !endsInTime)
        }
    }

    @Test func `without doublewrite files every page was excused`() throws {
        let storage = try history()
        let last = try #require(segments(storage).last)
        var trace = storage.trace
        for event in storage.trace {
            guard case .change(.create(let path, _)) = event, FlushTrace.isDoublewrite(path) else { continue }
            trace.insert(.change(.remove(path: path)), at: last.number + 2)
        }
        let isNoticed = breaks(storage, trace)
        #expect(trace.count > storage.trace.count && isNoticed)
        let isExcused = !FlushTrace(start: storage.startImage, trace: trace, doublewrite: .off).breaks(.copyBeforePage)
        #expect(isExcused)
    }

    @Test func `names counted where copies are kept`() throws {
        let storage = try history(.detectOnly)
        for doublewrite in [nil] + Configuration.Doublewrite.allCases {
            let judged = FlushTrace(storage, doublewrite: doublewrite)
            let isNoticed = judged.breaks(.copyBeforePage)
            #expect(isNoticed == (doublewrite == .on || doublewrite == .changedSectors))
        }
    }

    @Test func `sectors counted as a copy that lacks others which changed`() throws {
        let storage = try history(.changedSectors)
        let isNoticed = try breaks(storage) { bytes in
            guard let copy = RecordedBytes.segment(bytes[...])?.copies.last else { return }
            let place = copy.place
            // The first and the last sector, in which all changes store something, are what is left.
            let last = bytes[place.upperBound - 512..<place.upperBound]
            bytes.replaceSubrange(place.lowerBound + 512..<place.lowerBound + 1024, with: last)
            let count = Int(RecordedBytes.number(bytes[...], 12, 4))
            bytes.replaceSubrange(64 + 24 * count - 4..<64 + 24 * count, with: [0x80, 0, 0, 1])
            seal(&bytes)
        }
        #expect(isNoticed)
    }
}
