import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

/// Goal: each effect of a fault does exactly what its comment says, to the call it counts to and to no other.
/// Method: small files whose bytes say where they belong.
@Suite(.timeLimit(.minutes(20))) struct FaultEffectTests {
    /// A durable file of `count` sectors, each filled with its number and one more.
    private static func sectors(_ count: Int, _ storage: SimulatedStorage) throws -> any StorageFile {
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try write(file, (0..<count).flatMap { filled(UInt8($0 + 1)) }, at: 0)
        try file.sync()
        try storage.syncDirectory("/")
        return file
    }

    private static func filled(_ fill: UInt8, _ count: Int = 512) -> [UInt8] { [UInt8](repeating: fill, count: count) }

    private static func read(_ file: any StorageFile, _ count: Int, at offset: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { target in
            Result { () throws(RedoubtError) in try unsafe file.read(into: target, at: offset) }
        }
        return Array(bytes[..<(try result.get())])
    }

    private static func content(_ storage: SimulatedStorage) -> [UInt8] { storage.image.bytes(of: "/f") ?? [] }

    private static func differingBits(_ one: [UInt8], _ other: [UInt8]) -> Int {
        zip(one, other).reduce(abs(one.count - other.count) * 8) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
    }

    private static func moment() -> UInt64 { Scheduling.now().nanoseconds }

    @Test func `a delayed call does what it should, and ends late`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(4, storage)
        let seen = try SimulatedScheduler(seed: 1).run {
            Result { () throws -> [Bool] in
                var isLate: [Bool] = []
                for operation in [SimulatedFault.Operation.write, .read, .sync, .extend, .syncDirectory] {
                    storage.inject(SimulatedFault(operation, effect: .delay(microseconds: 7000)))
                    let begin = Self.moment()
                    switch operation {
                    case .write: try write(file, Self.filled(9), at: 512)
                    case .read: #expect(try Self.read(file, 512, at: 512) == Self.filled(9))
                    case .sync: try file.sync()
                    case .extend: try file.extend(to: 4096)
                    default: try storage.syncDirectory("/")
                    }
                    let took = Self.moment() - begin
                    isLate.append(took >= 7_000_000 && took < 8_000_000)
                }
                return isLate
            }
        }.get()
        #expect(seen == [true, true, true, true, true])
        #expect(storage.firedFaultCount == 5)
        #expect(storage.powerCut(.none).image.bytes(of: "/f")?[512] == 9)
    }

    @Test func `others go on while a call is delayed, and see what it did`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(2, storage)
        let found = SimulatedScheduler(seed: 2).run { () -> (UInt8, UInt64) in
            let begin = Self.moment()
            storage.inject(SimulatedFault(.write, effect: .delay(microseconds: 50_000)))
            let other = started("writer") { try? write(file, Self.filled(7), at: 0) }
            Scheduling.sleep(microseconds: 1000)
            let first = Self.content(storage)[0]
            let elapsed = Self.moment() - begin
            Scheduling.join(other)
            return (first, elapsed)
        }
        #expect(found.0 == 7 && found.1 < 50_000_000)
    }

    @Test(arguments: [false, true]) func `a delayed request of a queue ends behind others`(_ reorders: Bool) throws {
        var options = SimulatedStorage.Options()
        options.reordersCompletions = reorders
        let storage = SimulatedStorage(options: options)
        let tags = try SimulatedScheduler(seed: 3).run {
            Result { () throws -> [[UInt64]] in
                let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
                try file.extend(to: 4096)
                let memory = try AlignedBuffer(byteCount: 512)
                let queue = try storage.makeQueue(depth: 8)
                storage.inject(SimulatedFault(.write, skipping: 1, effect: .delay(microseconds: 5000)))
                let begin = Self.moment()
                queue.submit(
                    (0..<4).map {
                        unsafe StorageRequest(
                            file: file,
                            isWrite: true,
                            buffer: memory.bytes,
                            offset: UInt64($0) * 512,
                            tag: UInt64($0)
                        )
                    }
                )
                let first = queue.complete(minimum: 3).map(\.tag)
                let early = Self.moment() - begin
                let second = queue.complete(minimum: 1).map(\.tag)
                #expect(early < 5_000_000 && Self.moment() - begin >= 5_000_000)
                return [first.sorted(), second]
            }
        }.get()
        #expect(tags == [[0, 2, 3], [1]])
    }

    @Test func `a lost write is acknowledged, and no sync brings it back`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(4, storage)
        let before = Self.content(storage)
        storage.inject(SimulatedFault(.write, effect: .lost))
        try write(file, Self.filled(9), at: 512)
        try file.sync()
        #expect(Self.content(storage) == before && storage.firedFaultCount == 1)
        #expect(storage.powerCut(.all).image.bytes(of: "/f") == before)
        storage.inject(SimulatedFault(.extend, effect: .lost))
        try write(file, Self.filled(9), at: 2048)
        #expect(Self.content(storage) == before + Self.filled(0))
        try write(file, Self.filled(9), at: 512)
        #expect(Self.content(storage)[512] == 9)
    }

    @Test func `a sync that is lost is acknowledged, and covers nothing`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(4, storage)
        let before = Self.content(storage)
        storage.inject(SimulatedFault(.sync, effect: .lost))
        try write(file, Self.filled(9), at: 512)
        try file.sync()
        #expect(storage.firedFaultCount == 1 && storage.powerCut(.none).image.bytes(of: "/f") == before)
        try file.sync()
        #expect(storage.powerCut(.none).image.bytes(of: "/f")?[512] == 9)
        storage.inject(SimulatedFault(.syncDirectory, effect: .lost))
        _ = try storage.open("/g", role: .data, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        #expect(!storage.powerCut(.none).image.paths.contains("/g"))
        try storage.syncDirectory("/")
        #expect(storage.powerCut(.none).image.paths.contains("/g"))
    }

    @Test func `a misdirected write lands whole, aligned, within the file and not where it should`() throws {
        var places: Set<Int> = []
        for seed in UInt64(1)...40 {
            let storage = plainStorage()
            let file = try Self.sectors(8, storage)
            let before = Self.content(storage)
            storage.inject(SimulatedFault(.write, effect: .misdirected, seed: seed))
            try write(file, Self.filled(99, 1024), at: 1024)
            let after = Self.content(storage)
            #expect(after.count == before.count)
            let changed = after.indices.filter { after[$0] == 99 }
            let start = try #require(changed.first)
            #expect(changed == Array(start..<start + 1024) && start != 1024)
            for index in after.indices where !changed.contains(index) { #expect(after[index] == before[index]) }
            places.insert(start)
        }
        #expect(places.count > 5)
        // Aligned files keep their alignment.
        for seed in UInt64(1)...20 {
            let storage = SimulatedStorage()
            let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
            try file.extend(to: 65536)
            let memory = try AlignedBuffer(byteCount: 16384)
            unsafe memory.bytes.initializeMemory(as: UInt8.self, repeating: 99)
            storage.inject(SimulatedFault(.write, effect: .misdirected, seed: seed))
            try unsafe file.write(UnsafeRawBufferPointer(memory.bytes), at: 16384)
            let start = try #require(Self.content(storage).firstIndex(of: 99))
            #expect(start % 512 == 0 && start != 16384)
        }
    }

    @Test func `where there is no other place a misdirected write is lost and a read is right`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(1, storage)
        storage.inject(SimulatedFault(.write, effect: .misdirected))
        try write(file, Self.filled(9), at: 0)
        storage.inject(SimulatedFault(.read, effect: .misdirected))
        #expect(try Self.read(file, 512, at: 0) == Self.filled(1))
        #expect(storage.firedFaultCount == 2)
    }

    @Test func `a misdirected read returns what stands elsewhere`() throws {
        let storage = plainStorage()
        let file = try Self.sectors(8, storage)
        storage.inject(SimulatedFault(.read, effect: .misdirected))
        #expect(try Self.read(file, 512, at: 1024) != Self.filled(3))
        #expect(try Self.read(file, 512, at: 1024) == Self.filled(3))
    }

    @Test func `a flipped bit is one bit: on the disk of a write, in memory of a read`() throws {
        var bits: Set<Int> = []
        for seed in UInt64(1)...30 {
            let storage = plainStorage()
            let file = try Self.sectors(4, storage)
            storage.inject(SimulatedFault(.write, effect: .bitFlip, seed: seed))
            try write(file, Self.filled(9), at: 512)
            let stored = Array(Self.content(storage)[512..<1024])
            #expect(Self.differingBits(stored, Self.filled(9)) == 1)
            let byte = try #require(stored.firstIndex { $0 != 9 })
            bits.insert(byte * 8 + (stored[byte] ^ 9).trailingZeroBitCount)
            let before = Self.content(storage)
            storage.inject(SimulatedFault(.read, effect: .bitFlip, seed: seed))
            #expect(Self.differingBits(try Self.read(file, 2048, at: 0), before) == 1)
            #expect(Self.content(storage) == before)
            #expect(try Self.read(file, 2048, at: 0) == before)
        }
        #expect(bits.count > 20)
    }

    @Test func `queued and atomic writes have the same faults`() throws {
        var options = SimulatedStorage.Options()
        options.atomicWriteUnit = 16384
        options.reordersCompletions = true
        for effect in [SimulatedFault.Effect.lost, .bitFlip, .misdirected] {
            let storage = SimulatedStorage(options: options)
            let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
            try file.extend(to: 65536)
            let memory = try AlignedBuffer(byteCount: 16384)
            unsafe memory.bytes.initializeMemory(as: UInt8.self, repeating: 3)
            storage.inject(SimulatedFault(.atomicWrite, effect: effect))
            let queue = try storage.makeQueue(depth: 1)
            queue.submit([
                unsafe StorageRequest(
                    file: file,
                    isWrite: true,
                    buffer: memory.bytes,
                    offset: 16384,
                    tag: 5,
                    isAtomic: true
                )
            ])
            let ended = queue.complete(minimum: 1)
            #expect(ended.map(\.tag) == [5] && ended[0].error == nil && ended[0].byteCount == 16384)
            let content = Self.content(storage)
            let there = content[16384..<32768].filter { $0 != 0 }.count
            let all = content.filter { $0 != 0 }.count
            switch effect {
            case .lost: #expect(all == 0)
            case .bitFlip: #expect(there == 16384 && content[16384..<32768].filter { $0 != 3 }.count == 1)
            default: #expect(there == 0 && all == 16384 && (content.firstIndex(of: 3) ?? 1) % 16384 == 0)
            }
        }
    }
}
