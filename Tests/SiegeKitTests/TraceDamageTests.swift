import RedoubtCore
import RedoubtSimulation
import SiegeKit
import TestSupport
import Testing

/// Goal: no bytes end a program that reads them as a trace; damage is an error, and so is what makes no sense.
///
/// Method: every byte of a small trace is changed and every length cut; then bytes are changed at random and the
/// checksum is made right again, so that what reads the parts has to be careful itself.
@Suite(.timeLimit(.minutes(20))) struct TraceDamageTests {
    /// A short run with a crash: every section of a file is there.
    private static func bytes() throws -> [UInt8] {
        var trace = try RecordedWorlds.failedStore(.missingSync)
        var start = DiskImage()
        start.apply(.createDirectory(path: "/old"))
        start.apply(.create(path: "/old/f", file: 0))
        start.apply(.write(file: 0, offset: 1000, bytes: [1, 2, 3]))
        let write = StorageChange.write(file: 0, offset: 512, bytes: Array(repeating: 7, count: 700))
        trace.start = start
        trace.events = [
            .start(write), .finish(sequence: 0), .change(.create(path: "/new", file: 1)), .syncDirectory(path: "/"),
            .change(.extend(file: 1, size: 9000)), .mark(.issued(1)), .sync(file: 0), .mark(.acknowledged(1)),
            .change(.rename(source: "/new", target: "/newer", file: 1)), .mark(.note("end")),
        ]
        return trace.encoded()
    }

    private static func mended(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > 16 else { return bytes }
        let sum = unsafe bytes.withUnsafeBytes { all in
            unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: all[16...]))
        }
        var bytes = bytes
        for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
        return bytes
    }

    private static func refuses(_ bytes: [UInt8]) -> Bool {
        do throws(TraceFileError) {
            _ = try TraceFile(decoding: bytes)
            return false
        } catch {
            return !error.description.isEmpty
        }
    }

    @Test func `every changed byte and every missing end is found`() throws {
        let bytes = try Self.bytes()
        #expect(!Self.refuses(bytes))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= UInt8(1 << (index % 8))
            #expect(Self.refuses(changed), "byte \(index)")
        }
        for count in 0..<bytes.count { #expect(Self.refuses(Array(bytes[..<count])), "\(count) bytes") }
        #expect(Self.refuses(bytes + [0]))
        #expect(Self.refuses(Self.mended(bytes + [0])))
    }

    @Test func `a trace of a newer format says so`() throws {
        var bytes = try Self.bytes()
        bytes[8] = 2
        do throws(TraceFileError) {
            _ = try TraceFile(decoding: bytes)
            Issue.record("format 2 was read")
        } catch {
            if case .newerFormat(2) = error { return }
            Issue.record("\(error)")
        }
    }

    @Test func `bytes with a right checksum that mean anything or nothing are read or refused`() throws {
        let bytes = try Self.bytes()
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        var readCount = 0
        let count = 4000
        for number in 0..<count {
            var changed = bytes
            for _ in 0...random.below(3) {
                let place = 16 + random.below(changed.count - 16)
                // Large numbers and small ones, and bits of what is there.
                switch random.below(4) {
                case 0: for index in place..<min(changed.count, place + 4) { changed[index] = 0xFF }
                case 1: changed[place] = UInt8(random.below(12))
                case 2: changed[place] ^= UInt8(1 << random.below(8))
                default: changed.removeSubrange(place..<min(changed.count, place + random.below(40)))
                }
            }
            guard let trace = try? TraceFile(decoding: Self.mended(changed)) else { continue }
            readCount += 1
            // What was read can be used.
            _ = TraceListing(trace).lines
            _ = trace.crashedDisk
            for model in [PersistenceModel.paranoid, .ext4Ordered] {
                let end = CrashCut(point: trace.events.count, model: model, .lose)
                #expect(end.disk(start: trace.start, trace: trace.events) != nil, "change \(number), seed \(seed)")
            }
        }
        print("damaged traces with a right checksum: \(readCount) of \(count) read, seed \(seed)")
        #expect(readCount > 100 && readCount < count, "seed \(seed)")
    }

    @Test func `numbers that would take all memory, or that name nothing, are refused`() throws {
        let large: UInt64 = 1 << 60
        let wrong: [[SimulatedEvent]] = [
            [.change(.extend(file: 0, size: large))],
            [.change(.truncate(file: 0, size: .max))],
            [.change(.write(file: 0, offset: .max - 1, bytes: [1]))],
            [.change(.write(file: 0, offset: large, bytes: [1]))],
            [.change(.write(file: 1, offset: 0, bytes: [1]))],
            [.change(.create(path: "/x", file: 1_000_000))],
            [.sync(file: 3)],
            [.finish(sequence: 0)],
            [.finish(sequence: 70)],
        ]
        var start = DiskImage()
        start.apply(.create(path: "/f", file: 0))
        for events in wrong {
            #expect(Self.refuses(TraceFile(seed: 1, start: start, events: events).encoded()), "\(events)")
        }
        // Many files, each of an allowed size.
        let many = (0..<40).flatMap { number -> [SimulatedEvent] in
            [
                .change(.create(path: "/\(number)", file: number)),
                .change(.extend(file: number, size: TraceFile.sizeMaximum / 20)),
            ]
        }
        #expect(Self.refuses(TraceFile(seed: 1, start: DiskImage(), events: many).encoded()))
        #expect(!Self.refuses(TraceFile(seed: 1, start: DiskImage(), events: Array(many.prefix(40))).encoded()))
    }

    @Test func `any bytes behind the first eight are read or refused`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            var bytes = Array("SIEGETRC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
            for _ in 0..<random.below(300) { bytes.append(UInt8(random.below(random.below(2) == 0 ? 3 : 256))) }
            _ = Self.refuses(Self.mended(bytes))
        }
        #expect(Self.refuses([]))
        #expect(Self.refuses(Array("SIEGETRC".utf8)))
    }
}
