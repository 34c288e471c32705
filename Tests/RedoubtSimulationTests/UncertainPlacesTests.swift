import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtSimulation

/// Goal: every disk that a model allows is listed, none that it does not, and none twice.
/// Method: traces small enough to count by hand; random traces, whose hashes are compared with those of the disks.
@Suite(.timeLimit(.minutes(20))) struct UncertainPlacesTests {
    private static func hashes(
        _ changes: [StorageChange],
        on start: DiskImage = DiskImage(),
        _ model: PersistenceModel
    ) -> Set<UInt64> {
        var state = DurabilityState(start, keepsHash: true)
        for change in changes { state.record(.change(change)) }
        let places = UncertainPlaces(state, model: model)
        var names = UncertainPlaces.Names()
        var found: Set<UInt64> = []
        var options = CrashExplorer.Options()
        options.model = model
        StateSpace(places, options).forEach { choice, _ in
            let hash = places.hash(choice, &names)
            guard found.insert(hash).inserted else { return }
            #expect(places.image(choice, &names, keepsHash: true).hash == hash)
        }
        return found
    }

    private static func counts(_ changes: [StorageChange], on start: DiskImage = DiskImage()) -> [Int] {
        let all = PersistenceModel.allCases.map { hashes(changes, on: start, $0) }
        for found in all { #expect(found.isSubset(of: all[0])) }
        return all.map(\.count)
    }

    /// A disk with one file of `size` bytes in "/".
    private static func disk(size: UInt64) -> DiskImage {
        var image = DiskImage()
        image.keepsHash = true
        image.apply(.create(path: "/f", file: 0))
        image.apply(.extend(file: 0, size: size))
        return image
    }

    private static func filled(_ fill: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: fill, count: count) }

    @Test func `names are counted by hand, in one directory and in two`() {
        let one: [StorageChange] = [.create(path: "/a", file: 0), .create(path: "/b", file: 1)]
        // paranoid, posix, ext4Ordered, prefix, dropAll, keepAll
        #expect(Self.counts(one) == [4, 3, 3, 3, 1, 1])
        var start = DiskImage()
        start.apply(.createDirectory(path: "/d"))
        let two: [StorageChange] = [.create(path: "/a", file: 0), .create(path: "/d/b", file: 1)]
        #expect(Self.counts(two, on: start) == [4, 4, 3, 3, 1, 1])
    }

    @Test func `what is below a directory that is lost is lost, and counted once`() {
        let changes: [StorageChange] = [.createDirectory(path: "/d"), .create(path: "/d/a", file: 0)]
        #expect(Self.counts(changes) == [3, 3, 3, 3, 1, 1])
    }

    @Test func `overwritten sectors are counted by hand`() {
        let changes: [StorageChange] = [
            .write(file: 0, offset: 0, bytes: Self.filled(1, 1024)),
            .write(file: 0, offset: 512, bytes: Self.filled(2, 512)),
        ]
        // The first sector is old or new, the second has three versions. In order: none, the first sector or the
        // second alone of a torn write, both, and the last one.
        #expect(Self.counts(changes, on: Self.disk(size: 4096)) == [6, 6, 6, 5, 1, 1])
    }

    @Test func `equal bytes are one version`() {
        let changes: [StorageChange] = [
            .write(file: 0, offset: 0, bytes: Self.filled(0, 4096)),
            .write(file: 0, offset: 512, bytes: Self.filled(3, 512)),
            .write(file: 0, offset: 512, bytes: Self.filled(3, 512)),
        ]
        #expect(Self.counts(changes, on: Self.disk(size: 4096)) == [2, 2, 2, 2, 1, 1])
    }

    @Test func `a file may grow without its bytes, but not on ext4`() {
        let changes: [StorageChange] = [.write(file: 0, offset: 4096, bytes: Self.filled(1, 512))]
        // The old size, the new one with zeros, and with the bytes.
        #expect(Self.counts(changes, on: Self.disk(size: 4096)) == [3, 3, 2, 3, 1, 1])
    }

    @Test func `a page written in one piece is there or not`() {
        let changes: [StorageChange] = [
            .atomicWrite(file: 0, offset: 0, bytes: Self.filled(1, 16384)),
            .atomicWrite(file: 0, offset: 16384, bytes: Self.filled(2, 16384)),
        ]
        #expect(Self.counts(changes, on: Self.disk(size: 32768)) == [4, 4, 4, 3, 1, 1])
    }

    @Test func `bytes of a file whose name is lost make no difference`() {
        let changes: [StorageChange] = [
            .create(path: "/a", file: 0), .write(file: 0, offset: 0, bytes: Self.filled(1, 512)),
        ]
        // No file, an empty one, one of zeros, one with the bytes.
        #expect(Self.counts(changes) == [4, 4, 3, 4, 1, 1])
    }

    @Test func `what no path leads to makes no other disk`() {
        var state = DurabilityState(DiskImage(), keepsHash: true)
        state.record(.change(.createDirectory(path: "/d")))
        state.record(.change(.create(path: "/d/a", file: 0)))
        let hashes = { (state: DurabilityState) -> Set<UInt64> in
            let places = UncertainPlaces(state)
            var names = UncertainPlaces.Names()
            var found: Set<UInt64> = []
            StateSpace(places, CrashExplorer.Options()).forEach { choice, _ in
                let hash = places.hash(choice, &names)
                #expect(places.image(choice, &names, keepsHash: true).hash == hash)
                found.insert(hash)
            }
            return found
        }
        let before = hashes(state)
        state.record(.change(.write(file: 0, offset: 0, bytes: Self.filled(1, 512))))
        state.record(.sync(file: 0))
        let after = hashes(state)
        // Empty, with the directory, with the file: what is new of a synced file without a name is seen in the last.
        #expect(before.count == 3 && after.count == 3 && before.intersection(after).count == 2)
    }

    private static func changes(_ round: Int, _ random: inout SeededRandom) -> [StorageChange] {
        (0..<(2 + random.below(7))).map { _ in
            let file = random.below(3)
            let path = ["/a", "/d/b", "/c"][random.below(3)]
            // Twice the same bytes now and then.
            let fill = UInt8(1 + random.below(2))
            switch random.below(round % 4 == 0 ? 8 : 7) {
            case 0: return .create(path: path, file: file)
            case 1: return .rename(source: path, target: "/d/r", file: file)
            case 2: return .remove(path: path)
            case 3: return .extend(file: file, size: UInt64(random.below(60_000)))
            case 4:
                let offset = UInt64(random.below(3)) * 16384
                return .atomicWrite(file: file, offset: offset, bytes: Self.filled(fill, 16384))
            case 5, 6:
                let offset = UInt64(random.below(4000))
                return .write(file: file, offset: offset, bytes: Self.filled(fill, 1 + random.below(900)))
            default: return .truncate(file: file, size: UInt64(random.below(30_000)))
            }
        }
    }

    @Test(arguments: 0..<24) func `the hash of a choice is that of its disk`(_ round: Int) {
        var random = SeededRandom(seed: testSeed() &+ UInt64(round))
        var start = Self.disk(size: UInt64(random.below(9_000)))
        start.apply(.createDirectory(path: "/d"))
        let changes = Self.changes(round, &random)
        for model in PersistenceModel.allCases { #expect(!Self.hashes(changes, on: start, model).isEmpty) }
    }

    /// What programs find on a disk.
    private static func content(_ image: DiskImage) -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: image.paths.map { ($0, image.bytes(of: $0) ?? []) })
    }

    @Test(arguments: 0..<60) func `what a disk held at each moment is among what it may be left with`(_ round: Int) {
        var random = SeededRandom(seed: testSeed() &+ UInt64(round))
        var start = Self.disk(size: UInt64(random.below(9_000)))
        start.apply(.createDirectory(path: "/d"))
        // Without cuts, behind which bytes of before are kept by themselves.
        let changes = Self.changes(1, &random)
        var state = DurabilityState(start, keepsHash: true)
        for change in changes { state.record(.change(change)) }
        let places = UncertainPlaces(state)
        var names = UncertainPlaces.Names()
        var found: Set<[String: [UInt8]]> = []
        StateSpace(places, CrashExplorer.Options()).forEach { choice, _ in
            found.insert(Self.content(places.image(choice, &names)))
        }
        for count in 0...changes.count {
            let held = state.image(after: PowerCut(.prefix(count)))
            #expect(found.contains(Self.content(held)), "\(count) of \(changes)")
        }
    }

    @Test func `a sector that is written back is what a write of a part of it begins with`() {
        let changes: [StorageChange] = [
            .write(file: 0, offset: 0, bytes: Self.filled(1, 512)),
            .write(file: 0, offset: 0, bytes: Self.filled(2, 512)),
            .write(file: 0, offset: 0, bytes: Self.filled(1, 512)),
            .write(file: 0, offset: 0, bytes: Self.filled(3, 10)),
        ]
        // Old, ones, twos, ones with three in front.
        #expect(Self.counts(changes, on: Self.disk(size: 4096))[0] == 4)
        var state = DurabilityState(Self.disk(size: 4096), keepsHash: true)
        for change in changes { state.record(.change(change)) }
        let places = UncertainPlaces(state)
        var names = UncertainPlaces.Names()
        var all = places.nothing
        for index in changes.indices { places.keep(index, in: &all) }
        let bytes = places.image(all, &names).bytes(of: "/f") ?? []
        #expect(bytes.prefix(11) == ArraySlice(Self.filled(3, 10) + [1]))
    }

    @Test func `bytes behind the end stay when those before it are written again`() {
        let changes: [StorageChange] = [
            .write(file: 0, offset: 1000, bytes: Self.filled(1, 20)),
            .write(file: 0, offset: 600, bytes: Self.filled(2, 10)),
        ]
        var state = DurabilityState(Self.disk(size: 1000), keepsHash: true)
        for change in changes { state.record(.change(change)) }
        let places = UncertainPlaces(state, model: .keepAll)
        var names = UncertainPlaces.Names()
        var all = places.nothing
        for index in changes.indices { places.keep(index, in: &all) }
        #expect(Array((places.image(all, &names).bytes(of: "/f") ?? []).suffix(20)) == Self.filled(1, 20))
    }

    @Test func `what is left out of a point is drawn by the seed, and the ends never are`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 65536)
        try file.sync()
        try storage.syncDirectory("/")
        for number in 0..<4 { try write(file, Self.filled(UInt8(number + 1), 16384), at: UInt64(number) * 16384) }
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count - 4
        let all = CrashExplorer(storage, options: options)
        options.statesPerPoint = 5
        let some = CrashExplorer(storage, options: options)
        let again = CrashExplorer(storage, options: options)
        #expect(all.listedCount == some.listedCount && all.stateCount > 200)
        #expect(some.stateCount < 4 * (5 + 6) && some.candidates.map(\.key) == again.candidates.map(\.key))
        let ends = [storage.powerCut(.none), storage.powerCut(.all)].map { $0.image.bytes(of: "/f") }
        let found = some.candidates.count
        let missing = Mutex(Set(ends))
        _ = some.judge { state in
            missing.withLock { _ = $0.remove(state.storage.image.bytes(of: "/f")) }
            return [0]
        }
        #expect(found > 0 && missing.withLock { $0.isEmpty })
    }
}
