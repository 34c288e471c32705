import RedoubtSimulation
import Testing

@testable import SiegeDisks

/// Goal: the disks that are judged are those that a power cut may leave, no harsher and no milder.
///
/// Method: recordings of a few writes, whose states are counted and read by hand.
@Suite struct CrashStatesTests {
    private static let size = 1 << 20

    @Test func `a small epoch gives every subset, and the last one also all of it`() {
        let epochs = Self.epochs([.flush, Self.write(0, 1), Self.write(1, 2), .flush, Self.write(2, 3)])
        #expect(epochs.map(\.writes.count) == [2, 1])
        #expect(CrashChoice.list(epochs[0], isLast: false, seed: 1).count == 3)
        #expect(CrashChoice.list(epochs[1], isLast: true, seed: 1).count == 2)
        let found = CrashChoice.list(epochs[0], isLast: false, seed: 1).map { Self.blocks($0.image(epochs[0])) }
        #expect(Set(found) == [[0, 0, 0], [1, 0, 0], [0, 2, 0]])
        let last = CrashChoice.list(epochs[1], isLast: true, seed: 1).map { Self.blocks($0.image(epochs[1])) }
        #expect(Set(last) == [[1, 2, 0], [1, 2, 3]])
    }

    @Test func `what a flush has covered is in every later state, and what was acknowledged before it is asked for`() {
        let epochs = Self.epochs([
            .issued(1), Self.write(0, 1), .flush, .acknowledged(1), .issued(2), Self.write(1, 2), .flush,
            .acknowledged(2),
        ])
        #expect(epochs.map(\.window) == [0...1, 1...2, 2...2])
        for state in CrashStates(epochs, seed: 5).states where state.epoch > 0 {
            #expect(Self.blocks(state.choice.image(epochs[state.epoch]))[0] == 1)
        }
        #expect(CrashStates(epochs, seed: 5).states.contains { $0.epoch == 2 })
    }

    @Test func `only sectors of the target's files tear`() {
        let data = Self.block..<2 * Self.block
        let events: [BlockEvent] = [
            .write(offset: 0, bytes: [UInt8](repeating: 5, count: 3 * Self.block)), .extents([data]),
        ]
        let epoch = Self.epochs(events)[0]
        #expect(epoch.writes[0].data == Array(8..<16))
        let torn = CrashChoice.list(epoch, isLast: true, seed: 3).filter { $0.torn != nil }
        #expect(!torn.isEmpty)
        for choice in torn {
            let bytes = Self.bytes(choice.image(epoch), count: 3 * Self.block)
            let sectors = stride(from: 0, to: bytes.count, by: 512).map { Set(bytes[$0..<$0 + 512]) }
            #expect(sectors.allSatisfy { $0.count == 1 })
            #expect(sectors[0..<8].allSatisfy { $0 == [5] } && sectors[16..<24].allSatisfy { $0 == [5] })
            #expect(sectors[8..<16].contains([0]))
        }
    }

    @Test func `metadata does not tear at all`() {
        let epoch = Self.epochs([Self.write(0, 1), .extents([])])[0]
        #expect(CrashChoice.list(epoch, isLast: true, seed: 3).allSatisfy { $0.torn == nil })
    }

    @Test func `a large epoch gives prefixes, each write alone, each omitted, and seeded subsets`() {
        let epoch = Self.epochs((0..<20).map { Self.write($0, UInt8($0 + 1)) })[0]
        let choices = CrashChoice.list(epoch, isLast: true, seed: 3).map(\.kept)
        #expect(choices.contains([Bool](repeating: false, count: 20)))
        #expect(choices.contains([Bool](repeating: true, count: 20)))
        for index in 0..<20 {
            #expect(choices.contains((0..<20).map { $0 < index }))
            #expect(choices.contains((0..<20).map { $0 == index }))
            #expect(choices.contains((0..<20).map { $0 != index }))
        }
        #expect(choices.count == 2 + 19 + 20 + 20 + 16)
    }

    @Test func `equal disks have equal hashes and others do not`() {
        let epoch = Self.epochs([Self.write(0, 1), Self.write(0, 2), Self.write(1, 1)])[0]
        let images = CrashChoice.list(epoch, isLast: true, seed: 1).map { $0.image(epoch) }
        for image in images {
            for other in images {
                #expect((Self.blocks(image) == Self.blocks(other)) == (image.hash == other.hash))
            }
        }
    }

    @Test func `every epoch has its turn before one has its second`() {
        let epochs = Self.epochs([
            Self.write(0, 1), Self.write(1, 1), .flush, Self.write(0, 2), Self.write(1, 2), .flush, Self.write(0, 3),
            Self.write(1, 3),
        ])
        let states = CrashStates(epochs, seed: 9).states
        #expect(Set(states.prefix(3).map(\.epoch)) == [0, 1, 2])
        #expect(CrashStates(epochs, seed: 9).states.map(\.choice) == states.map(\.choice))
    }

    @Test func `no two contents of the workload are equal`() {
        let workload = DiskWorkload(seed: 3, count: 40)
        #expect(Set(workload.contents).count == 41)
        #expect(workload.contents[0].isEmpty)
        #expect(workload.transactions.contains { $0.contains { $0.value == nil } })
        #expect(workload.transactions.contains { $0.contains { ($0.value?.count ?? 0) > 5000 } })
    }

    @Test func `a control that was not caught and a safe mode that lost something are no good verdict`() {
        func row(_ promise: DiskTarget.Promise, lost: Int) -> DiskFigures.Row {
            var row = DiskFigures.Row(target: "a", mode: "b", fileSystem: "ext4", promise: promise.rawValue)
            row.states = 10
            row.lost = lost
            return row
        }
        var figures = DiskFigures()
        #expect(!figures.isGood)
        figures.rows = [row(.durable, lost: 0), row(.nothing, lost: 1)]
        #expect(figures.isGood && !figures.missesControl)
        figures.rows = [row(.durable, lost: 1), row(.nothing, lost: 1)]
        #expect(!figures.isGood && !figures.missesControl)
        figures.rows = [row(.durable, lost: 0), row(.nothing, lost: 0)]
        #expect(!figures.isGood && figures.missesControl)
        #expect(figures.json.contains("\"violations\":0,") && !figures.json.contains("\n"))
    }

    // MARK: Recordings

    private static let block = 4096

    private static func write(_ block: Int, _ value: UInt8) -> BlockEvent {
        .write(offset: block * Self.block, bytes: [UInt8](repeating: value, count: Self.block))
    }

    private static func epochs(_ events: [BlockEvent]) -> [CrashEpoch] {
        CrashEpoch.list(start: BlockDisk(size: size).image, events: events)
    }

    private static func bytes(_ image: CrashEpoch.Image, count: Int) -> [UInt8] {
        let disk = BlockDisk(size: size)
        disk.image = image.bytes
        return disk.read(at: 0, count: count)
    }

    /// The first byte of each of the first blocks.
    private static func blocks(_ image: CrashEpoch.Image) -> [UInt8] {
        let bytes = bytes(image, count: 3 * block)
        return [bytes[0], bytes[block], bytes[2 * block]]
    }
}
