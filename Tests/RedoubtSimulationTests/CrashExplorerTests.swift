import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

/// Goal: the explorer lists every state that a power cut can leave, and so catches every classic mistake and no store
/// that is right.
/// Method: a toy store, right and with planted mistakes; and traces small enough to count their states by hand.
@Suite(.timeLimit(.minutes(20))) struct CrashExplorerTests {
    @Test("a toy store is accepted if it is right and caught if it is not", arguments: ToyStore.Mistake.allCases)
    func toy(_ mistake: ToyStore.Mistake) throws {
        let storage = plainStorage()
        try ToyStore.run(storage, count: 12, mistake: mistake)
        let report = CrashExplorer(storage).judge { state in
            [try ToyStore.recover(state.storage, mistake: mistake)]
        }
        #expect(report.isComplete && report.judgedCount > 50)
        #expect((report.failureCount == 0) == (mistake == .none), "\(mistake): \(report)")
    }

    @Test("a hunt ends at a mistake if there is one, whatever its threads", arguments: ToyStore.Mistake.allCases)
    func hunts(_ mistake: ToyStore.Mistake) throws {
        let storage = plainStorage()
        try ToyStore.run(storage, count: 12, mistake: mistake)
        let explorer = CrashExplorer(storage)
        let hunts = [1, 3].map { threadCount in
            explorer.hunt(limit: .max, threadCount: threadCount) { state in
                [try ToyStore.recover(state.storage, mistake: mistake)]
            }
        }
        #expect(hunts.allSatisfy { ($0.failure == nil) == (mistake == .none) })
        #expect(hunts[0].judgedCount == hunts[1].judgedCount && hunts[0].failure?.key == hunts[1].failure?.key)
        #expect(mistake != .none || hunts[0].judgedCount == explorer.stateCount)
    }

    @Test func `different disks that a hunt hands out have different hashes`() throws {
        let storage = plainStorage()
        try ToyStore.run(storage, count: 8, mistake: .none)
        let hashes = Mutex<[UInt64: [UInt8]]>([:])
        let explorer = CrashExplorer(storage)
        let hunt = explorer.hunt(limit: .max) { state in
            let disk = state.storage.startImage
            let bytes = disk.paths.flatMap { Array($0.utf8) + (disk.bytes(of: $0) ?? []) }
            let same = hashes.withLock { hashes in
                defer { hashes[disk.hash] = bytes }
                return hashes[disk.hash] ?? bytes
            }
            #expect(disk.keepsHash && same == bytes)
            return [try ToyStore.recover(state.storage, mistake: .none)]
        }
        #expect(hunt.judgedCount == explorer.stateCount && hunt.judgedCount > 40)
    }

    @Test func `a disk that is left out at several points, or taken at another, is counted once or not at all`() throws
    {
        let storage = plainStorage()
        try ToyStore.run(storage, count: 12, mistake: .none)
        let all = CrashExplorer(storage)
        #expect(all.leftOutCount == 0)
        for limit in [0, 1, 3, 10] {
            var options = CrashExplorer.Options()
            options.statesPerPoint = limit
            let few = CrashExplorer(storage, options: options)
            #expect(few.leftOutCount > 0 && few.stateCount + few.leftOutCount == all.stateCount, "limit \(limit)")
        }
    }

    @Test func `a failure can be replayed by its key`() throws {
        let storage = plainStorage()
        try ToyStore.run(storage, count: 6, mistake: .missingChecksum)
        let explorer = CrashExplorer(storage)
        let all = explorer.judge { [try ToyStore.recover($0.storage, mistake: .missingChecksum)] }
        let failure = try #require(all.failures.first)
        let one = explorer.judge(only: failure.key) { [try ToyStore.recover($0.storage, mistake: .missingChecksum)] }
        #expect(one.judgedCount == 1 && one.failureCount == 1)
        #expect(explorer.excerpt(around: failure.point).contains("write file 0"))
    }

    @Test func `three unsynced writes of one sector have all their subsets`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 4096)
        try file.sync()
        try storage.syncDirectory("/")
        for number in 0..<3 { try write(file, [UInt8](repeating: 7, count: 512), at: UInt64(number) * 512) }
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count - 3
        options.seededSubsetCount = 0
        let explorer = CrashExplorer(storage, options: options)
        let report = explorer.judge(threadCount: 1) { _ in [0] }
        #expect(report.judgedCount == 8 && report.isComplete)
        #expect(report.pointCount == 3)
    }

    @Test func `two writes to one place have every choice of their sectors`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 4096)
        try file.sync()
        try storage.syncDirectory("/")
        for fill: UInt8 in 1...2 { try write(file, [UInt8](repeating: fill, count: 1024), at: 1024) }
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count - 1
        options.seededSubsetCount = 0
        let report = CrashExplorer(storage, options: options).judge { _ in [0] }
        // Each of two sectors is as it was, as the first write made it, or as the second did.
        #expect(report.judgedCount == 9)
    }

    @Test func `a kill loses nothing and makes nothing durable, also of writes under way`() throws {
        var options = SimulatedStorage.Options()
        options.alignment = 1
        options.reordersCompletions = true
        let storage = SimulatedStorage(options: options)
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.sync()
        try storage.syncDirectory("/")
        try write(file, [1], at: 0)
        let buffer = try AlignedBuffer(byteCount: 512)
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 2)
        let queue = try storage.makeQueue(depth: 1)
        unsafe queue.submit([StorageRequest(file: file, isWrite: true, buffer: buffer.bytes, offset: 512, tag: 0)])
        let left = storage.killed()
        #expect(left.image.bytes(of: "/f")?.last == 2 && left.unsyncedChangeCount == 2)
        try write(file, [3], at: 0)
        #expect(left.image.bytes(of: "/f")?.first == 1, "what the killed process does is not seen")
        let again = try left.open("/f", role: .data, creating: false, readOnly: false)
        #expect(left.powerCut(.none).image.bytes(of: "/f") == [])
        try again.sync()
        #expect(left.powerCut(.none).image.bytes(of: "/f")?.count == 1024)
    }

    @Test func `every tear of the newest write is a state`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.extend(to: 32768)
        try file.sync()
        try storage.syncDirectory("/")
        try write(file, (0..<16384).map { UInt8($0 / 512 + 1) }, at: 16384)
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count - 1
        let report = CrashExplorer(storage, options: options).judge { _ in [0] }
        // Nothing, all, 31 beginnings and 31 ends.
        #expect(report.judgedCount == 64 && report.exhaustedCount == 0)
    }

    @Test func `a state that two events leave has the bounds of both`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        storage.mark(.issued(1))
        try write(file, [1], at: 0)
        try file.sync()
        storage.mark(.acknowledged(1))
        storage.mark(.issued(2))
        let report = CrashExplorer(storage).judge { state in
            // Never finds the commit, so every state in which it was acknowledged must fail.
            state.acknowledged == 1 && state.issued != 1 ? [99] : [0]
        }
        #expect(report.failures.allSatisfy { $0.allowed == 1...1 })
        #expect(report.failureCount == 1)
    }

    @Test func `listing and building states costs little beside a recovery`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        for number in 0..<20 {
            try write(file, [UInt8](repeating: UInt8(number + 1), count: 16384), at: UInt64(number) * 16384)
        }
        let report = CrashExplorer(storage).judge { [$0.acknowledged] }
        print("twenty unsynced pages: \(report)")
        #expect(report.failureCount == 0 && report.judgedCount > 3000)
    }
}
