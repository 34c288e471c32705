import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: whatever happens to the bytes of a file, the answer is a typed error or the right rows, and it comes soon.
///
/// Method: a closed and a crashed database; each file in turn is cut, flipped, zeroed and filled with noise, then the
/// database is opened and read on a thread with a deadline. Redo that was cut off at the end of the log looks like a
/// torn tail: of a crashed database with damaged redo a beginning of the writes may be all there is.
@Suite struct DamagedFilesTests {
    private static let rowCount = 60

    /// What is done to a file of a database.
    enum Damage: Equatable {
        case cut(to: Int)
        case flip(at: Int, mask: UInt8)
        case fill(Range<Int>, byte: UInt8)
        case noise(Range<Int>, seed: UInt64)
    }

    @Test("damage gives a typed error or the right rows", arguments: [true, false])
    func damage(_ isClosed: Bool) throws {
        let image = try Self.database(closed: isClosed)
        var random = SeededRandom(seed: isClosed ? 21 : 22)
        let tally = Mutex((refused: 0, sound: 0))
        for path in image.paths {
            let size = Int(image.size(of: path) ?? 0)
            let mayLoseTail = !isClosed && path.contains("/redo/")
            for damage in Self.damages(size, &random) {
                let damaged = Self.apply(damage, to: path, of: image)
                let complaint = Mutex<String?>(nil)
                try onThreads(1, within: 30) { _ in
                    let (text, isRefused) = Self.judge(damaged, mayLoseTail: mayLoseTail)
                    complaint.withLock { $0 = text }
                    tally.withLock { if isRefused { $0.refused += 1 } else { $0.sound += 1 } }
                }
                if let text = complaint.withLock({ $0 }) { Issue.record("\(path), \(size) bytes, \(damage): \(text)") }
            }
        }
        let (refused, sound) = tally.withLock { $0 }
        #expect(refused > 50, "\(refused) refused, \(sound) sound")
        #expect(sound > 50, "\(refused) refused, \(sound) sound")
    }

    /// Two keyspaces of some rows each, closed in order or as a power cut leaves them.
    private static func database(closed: Bool) throws -> DiskImage {
        let storage = SimulatedStorage()
        let engine = try open(storage)
        for name in ["a", "b"] {
            _ = try engine.createKeyspace(name)
            for number in 0..<rowCount { try engine.put(name, "\(number)", value(number)) }
        }
        let crashed = storage.powerCut().image
        try engine.close()
        return closed ? storage.image : crashed
    }

    private static func open(_ storage: SimulatedStorage) throws -> Engine {
        try EngineFixture.open(storage) { $0.redoLog.capacity = .mebibytes(2) }
    }

    private static func value(_ number: Int) -> [UInt8] {
        // Some stand outside their page.
        [UInt8](repeating: UInt8(number + 1), count: number % 20 == 7 ? 20_000 : 400)
    }

    private static func damages(_ size: Int, _ random: inout SeededRandom) -> [Damage] {
        // Files that are empty by nature, such as the lock.
        guard size > 0 else { return [.noise(0..<300, seed: random.next()), .noise(0..<40_000, seed: random.next())] }
        var damages: [Damage] = [0, 1, 511, 512, 4096, 16384, size / 2, size - 512, size - 1]
            .filter { $0 >= 0 && $0 < size }.map { .cut(to: $0) }
        // Mostly near the beginning, where headers are and small files have their contents.
        for bound in [64, 512, 4096, 8192, 40_000, 140_000, size] {
            let offset = random.below(min(bound, size))
            damages.append(.flip(at: offset, mask: 1 << UInt8(random.below(8))))
            let start = random.below(min(bound, size))
            let range = start..<min(size, start + [4, 512, 20_000][random.below(3)])
            damages.append(random.below(2) == 0 ? .noise(range, seed: random.next()) : .fill(range, byte: 0))
        }
        damages.append(.fill(0..<min(size, 512), byte: 0xFF))
        damages.append(.fill(0..<size, byte: 0))
        damages.append(.noise(0..<size, seed: random.next()))
        return damages
    }

    private static func apply(_ damage: Damage, to path: String, of image: DiskImage) -> DiskImage {
        var damaged = image
        switch damage {
        case .cut(let size): damaged.resize(path, to: UInt64(size))
        case .flip(let offset, let mask): damaged.flip(path, at: UInt64(offset), mask: mask)
        case .fill(let range, let byte):
            damaged.overwrite(path, at: UInt64(range.lowerBound), with: [UInt8](repeating: byte, count: range.count))
        case .noise(let range, let seed):
            var random = SeededRandom(seed: seed)
            damaged.overwrite(
                path,
                at: UInt64(range.lowerBound),
                with: range.map { _ in UInt8(truncatingIfNeeded: random.next()) }
            )
        }
        return damaged
    }

    /// Says what is wrong with how the engine takes `image`, or nil, and whether it gave an error.
    private static func judge(_ image: DiskImage, mayLoseTail: Bool) -> (complaint: String?, isRefused: Bool) {
        do {
            let engine = try open(SimulatedStorage(image))
            var result: (complaint: String?, isRefused: Bool) = (nil, false)
            do {
                result.complaint = complaint(about: try engine.content(), mayLoseTail: mayLoseTail)
                _ = try engine.check()
            } catch let error where error is RedoubtError {
                result.isRefused = true
            }
            do throws(RedoubtError) { try engine.close() } catch {}
            return result
        } catch {
            return (error is RedoubtError ? nil : "an error without a type: \(error)", true)
        }
    }

    /// Says how `content` differs from the rows that were written, or nil.
    private static func complaint(about content: [String: [String: [UInt8]]], mayLoseTail: Bool) -> String? {
        var isCut = false
        for name in ["a", "b"] {
            guard let rows = content[name] else {
                if !mayLoseTail { return "keyspace \(name) is gone" }
                isCut = true
                continue
            }
            if isCut { return "keyspace \(name) is there, but not what was written before it" }
            for number in 0..<rowCount {
                guard let found = rows["\(number)"] else {
                    if !mayLoseTail { return "row \(number) of \(name) is gone" }
                    isCut = true
                    continue
                }
                if isCut { return "row \(number) of \(name) is there, but not what was written before it" }
                if found != value(number) { return "row \(number) of \(name) has a wrong value" }
            }
            if rows.count > rowCount { return "keyspace \(name) has \(rows.count) rows" }
        }
        return content.count > 2 ? "there are \(content.count) keyspaces" : nil
    }
}
