import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

/// Goal: what is written to a view is there, wherever it is kept, and nothing of it is left. Method: drawn calls on a
/// view with little memory and on one with enough; both must read the same.
@Suite(.timeLimit(.minutes(20))) struct StorageViewTests {
    private static let sources = [StorageView.Source(path: "/v/file", origin: "/file")]

    /// A disk with a file of 40,000 bytes.
    private static func base() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let file = try storage.open("/file", role: .control, creating: true, readOnly: false)
        let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 0) }
        return storage
    }

    private static func read(_ file: any StorageFile) throws -> [UInt8] {
        let buffer = try AlignedBuffer(byteCount: 1 << 18)
        let count = unsafe try file.read(into: buffer.bytes, at: 0)
        return unsafe [UInt8](buffer.bytes[..<count])
    }

    @Test func `what goes to a file without a name reads as what stays in memory`() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let base = try Self.base()
        let names = base.image.paths
        let small = StorageView(of: base, Self.sources, byteCountMaximum: 3 * 4096, spillPath: "/spill")
        let large = StorageView(of: base, Self.sources, byteCountMaximum: 1 << 24)
        var files: [any StorageFile] = []
        for view in [small, large] {
            files.append(try view.open("/v/file", role: .control, creating: false, readOnly: false))
        }
        for round in 0..<400 {
            let place = UInt64(random.below(120_000))
            switch random.below(8) {
            case 0: for file in files { try file.truncate(to: place) }
            case 1: for file in files { try file.extend(to: place) }
            default:
                let bytes = (0..<1 + random.below(9000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                for file in files { try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: place) } }
            }
            #expect(try Self.read(files[0]) == Self.read(files[1]), "round \(round), seed \(seed)")
        }
        #expect(small.failure == nil && large.failure == nil)
        #expect(base.callCount(.create) == 2)
        #expect(base.image.paths == names)
    }

    @Test func `without a place for more the limit is told, and remembered`() throws {
        let base = try Self.base()
        let view = StorageView(of: base, Self.sources, byteCountMaximum: 4096)
        let file = try view.open("/v/file", role: .control, creating: false, readOnly: false)
        let bytes = [UInt8](repeating: 1, count: 100)
        try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 0) }
        #expect(view.failure == nil)
        #expect(code { () throws(RedoubtError) in try Self.write(bytes, file, at: 8192) } == .systemLimit)
        #expect(view.failure?.code == .systemLimit)
        try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 200) }
        #expect(view.failure?.code == .systemLimit)
    }

    private static func write(_ bytes: [UInt8], _ file: any StorageFile, at offset: UInt64) throws(RedoubtError) {
        try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(RedoubtError) in
            try unsafe file.write(UnsafeRawBufferPointer(bytes), at: offset)
        }
    }
}
