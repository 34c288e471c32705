import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

/// Goal: the simulated disk behaves as a file system, and a power cut undoes exactly what no sync has covered.
/// Method: small sequences of calls, then the disk as each kind of power cut leaves it.
@Suite struct SimulatedStorageTests {
    @Test func `a synced write survives, and one that is not synced may be lost`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try write(file, [1, 2, 3], at: 0)
        try file.sync()
        try storage.syncDirectory("/")
        try write(file, [9], at: 1)
        #expect(storage.image.bytes(of: "/f") == [1, 9, 3])
        #expect(storage.powerCut(.none).image.bytes(of: "/f") == [1, 2, 3])
        #expect(storage.powerCut(.all).image.bytes(of: "/f") == [1, 9, 3])
        #expect(storage.copy().image.bytes(of: "/f") == [1, 9, 3])
    }

    @Test func `a new file is gone until its directory is synced`() throws {
        let storage = plainStorage()
        try storage.createDirectory("/a/b")
        let file = try storage.open("/a/b/f", role: .data, creating: true, readOnly: false)
        try write(file, [1], at: 0)
        try file.sync()
        try storage.syncDirectory("/a/b")
        // The directories themselves are not durable yet.
        #expect(storage.powerCut(.none).image.paths.isEmpty)
        try storage.syncDirectory("/")
        #expect(storage.powerCut(.none).image.paths.isEmpty)
        try storage.syncDirectory("/a")
        #expect(storage.powerCut(.none).image.bytes(of: "/a/b/f") == [1])
    }

    @Test func `a removal and a rename are undone until the directory is synced`() throws {
        let storage = plainStorage()
        for name in ["/x", "/y"] {
            let file = try storage.open(name, role: .control, creating: true, readOnly: false)
            try write(file, Array(name.utf8), at: 0)
            try file.sync()
        }
        try storage.syncDirectory("/")
        try storage.remove("/x")
        try storage.rename("/y", to: "/z")
        #expect(try storage.list("/") == ["z"])
        #expect(storage.powerCut(.none).image.paths == ["/x", "/y"])
        #expect(storage.powerCut(PowerCut(.only(1))).image.paths == ["/x", "/z"])
        try storage.syncDirectory("/")
        #expect(storage.powerCut(.none).image.paths == ["/z"])
    }

    @Test func `a torn write keeps whole sectors only`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .redo, creating: true, readOnly: false)
        try file.extend(to: 2048)
        try file.sync()
        try storage.syncDirectory("/")
        try write(file, [UInt8](repeating: 7, count: 2048), at: 0)
        let two = storage.powerCut(PowerCut(.none, tear: .firstSectors(2))).image.bytes(of: "/f")
        #expect(two == [UInt8](repeating: 7, count: 1024) + [UInt8](repeating: 0, count: 1024))
        let last = storage.powerCut(PowerCut(.all, tear: .lastSectors(1))).image.bytes(of: "/f")
        #expect(last == [UInt8](repeating: 0, count: 1536) + [UInt8](repeating: 7, count: 512))
    }

    @Test func `a transfer that is not aligned fails as with direct I/O`() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        #expect(throws: RedoubtError.self) { try write(file, [1, 2, 3], at: 0) }
        let free = try storage.open("/g", role: .control, creating: true, readOnly: false)
        try write(free, [1, 2, 3], at: 5)
        #expect(try free.size() == 8)
    }

    @Test func `a fault hits the call it counts to, once or for ever`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 4096)
        storage.inject(SimulatedFault(.write, skipping: 1))
        try write(file, [1], at: 0)
        #expect(throws: RedoubtError.self) { try write(file, [2], at: 0) }
        try write(file, [3], at: 0)
        #expect(storage.firedFaultCount == 1)
        storage.inject(
            SimulatedFault(.extend, isPermanent: true, effect: .failure(errno: SimulatedFault.noSpace))
        )
        for _ in 0..<2 {
            let error = #expect(throws: RedoubtError.self) { try file.extend(to: 8192) }
            #expect(error?.code == .diskFull)
        }
        storage.removeFaults()
        try file.extend(to: 8192)
    }

    @Test func `what a failed sync should have covered stays uncertain after a later sync`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        try write(file, [1], at: 0)
        storage.inject(SimulatedFault(.sync))
        #expect(throws: RedoubtError.self) { try file.sync() }
        try file.sync()
        #expect(storage.powerCut(.none).image.bytes(of: "/f") == [])
    }

    @Test func `a quota makes the disk full until something is removed`() throws {
        let storage = plainStorage()
        storage.setQuota(1000)
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 900)
        let other = try storage.open("/g", role: .data, creating: true, readOnly: false)
        let error = #expect(throws: RedoubtError.self) { try other.extend(to: 200) }
        #expect(error?.code == .diskFull)
        try storage.remove("/f")
        try other.extend(to: 200)
    }

    @Test func `a lock excludes until it is released`() throws {
        let storage = plainStorage()
        var held: (any AnyObject & Sendable)? = try storage.lock("/redoubt.lock")
        let error = #expect(throws: RedoubtError.self) { try storage.lock("/redoubt.lock") }
        #expect(error?.message.contains("4242") == true)
        _ = try storage.copy().lock("/redoubt.lock")
        #expect(held != nil)
        held = nil
        _ = try storage.lock("/redoubt.lock")
    }

    @Test func `queued writes end in any order, and no sync covers one under way`() throws {
        var options = SimulatedStorage.Options()
        options.alignment = 1
        options.reordersCompletions = true
        options.seed = 5
        let storage = SimulatedStorage(options: options)
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 4096)
        try file.sync()
        try storage.syncDirectory("/")
        let queue = try storage.makeQueue(depth: 8)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 512)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 3)
        queue.submit(
            (0..<8).map {
                unsafe StorageRequest(
                    file: file,
                    isWrite: true,
                    buffer: memory,
                    offset: UInt64($0) * 512,
                    tag: UInt64($0)
                )
            }
        )
        try file.sync()
        #expect(storage.unsyncedChangeCount == 8)
        var tags: [UInt64] = []
        while queue.inFlightCount > 0 { tags += queue.complete(minimum: 1).map { $0.tag } }
        #expect(tags.sorted() == Array(0..<8) && tags != Array(0..<8))
        try file.sync()
        #expect(storage.unsyncedChangeCount == 0)
    }

    @Test func `a copy is not changed by later writes to the original`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try write(file, [1], at: 100_000)
        let copy = storage.copy()
        try write(file, [2], at: 100_000)
        #expect(copy.image.bytes(of: "/f")?.last == 1)
        #expect(storage.image.bytes(of: "/f")?.last == 2)
    }
}

/// Returns a storage without alignment.
func plainStorage() -> SimulatedStorage {
    var options = SimulatedStorage.Options()
    options.alignment = 1
    return SimulatedStorage(options: options)
}

/// Writes `bytes` at `offset`.
func write(_ file: any StorageFile, _ bytes: [UInt8], at offset: UInt64) throws(RedoubtError) {
    let result = unsafe bytes.withUnsafeBytes { pointer -> Result<Void, RedoubtError> in
        do throws(RedoubtError) {
            return .success(try unsafe file.write(pointer, at: offset))
        } catch {
            return .failure(error)
        }
    }
    try result.get()
}
