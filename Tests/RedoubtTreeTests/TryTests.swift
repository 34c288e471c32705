import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: attempts that must not wait do the same as the calls that may, or say that it takes waiting, and never wait.
///
/// Method: each reason to wait in turn, and a model over a tree that attempts and ordinary calls change by turns.
@Suite struct TryTests {
    @Test("A cached row is read, replaced and removed at once")
    func atOnce() throws {
        let tree = try TreeFixture().tree
        #expect(try tree.tryValue(key(1)) == .wouldWait, "the root is in memory before it was read")
        #expect(try tree.value(key(1)) == nil)
        #expect(try tree.tryValue(key(1)) == .done(nil))
        #expect(try tree.tryPut(key(1), [1, 2]) == .done(false))
        #expect(try tree.tryPut(key(1), [3]) == .done(true))
        #expect(try tree.tryValue(key(1)) == .done([3]))
        #expect(try tree.tryDelete(key(1)) == .done(true))
        #expect(try tree.tryDelete(key(1)) == .done(false))
        #expect(try tree.tryValue(key(1)) == .done(nil))
        #expect(throws: RedoubtError.self) { try tree.tryValue([]) }
        #expect(throws: RedoubtError.self) { try tree.tryPut([], [1]) }
    }

    @Test("A latch in the way, a value outside the page and a full leaf take waiting")
    func reasonsToWait() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        for number in 0..<400 { try tree.put(key(number), value(number, length: 100)) }
        let leaf = try unsafe key(7).withUnsafeBytes { key in
            try unsafe tree.latchLeaf(.covering(key), exclusively: true)
        }
        #expect(try tree.tryValue(key(7)) == .wouldWait)
        #expect(try tree.tryPut(key(7), [1]) == .wouldWait)
        leaf.unlockExclusive()
        #expect(leaf.tryLockShared())
        #expect(try tree.tryValue(key(7)) == .done(value(7, length: 100)))
        #expect(try tree.tryDelete(key(7)) == .wouldWait)
        leaf.unlockShared()
        #expect(try tree.tryValue(key(7)) == .done(value(7, length: 100)))

        try tree.put(key(7), value(7, length: 20_000))
        #expect(try tree.tryValue(key(7)) == .wouldWait)
        #expect(try tree.tryPut(key(7), [1]) == .wouldWait)
        #expect(try tree.tryPut(key(8), value(8, length: 20_000)) == .wouldWait)
        var answers: Set<Bool> = []
        for number in 1000..<1400 {
            answers.insert(try tree.tryPut(key(number), value(number, length: 200)) == .wouldWait)
        }
        #expect(answers == [true, false])
        try fixture.check()
    }

    @Test("A page that is not in memory takes waiting, and is not read")
    func notInMemory() throws {
        let fixture = try TreeFixture(memory: .mebibytes(8))
        let tree = fixture.tree
        for number in 0..<8000 { try tree.put(key(number), value(number, length: 2000)) }
        var waits = 0
        let before = fixture.kernel.pool.statistics[.misses]
        for number in stride(from: 0, to: 8000, by: 40) {
            switch try tree.tryValue(key(number)) {
            case .wouldWait: waits += 1
            case .done(let found): #expect(found == value(number, length: 2000))
            }
        }
        #expect(waits > 0)
        #expect(fixture.kernel.pool.statistics[.misses] == before)
    }

    @Test("Attempts and ordinary calls agree with a model")
    func model() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        var random = SeededRandom(seed: 11)
        var rows: [Int: [UInt8]] = [:]
        var doneCount = 0
        for step in 0..<8000 {
            let number = random.below(1500)
            if random.below(100) < (step / 2000 % 2 == 0 ? 25 : 75) {
                let attempt = try tree.tryDelete(key(number))
                let existed: Bool
                if case .done(let answer) = attempt { existed = answer } else { existed = try tree.delete(key(number)) }
                #expect(existed == (rows.removeValue(forKey: number) != nil))
            } else {
                let new = value(step, length: random.below(600))
                if try tree.tryPut(key(number), new) == .wouldWait { try tree.put(key(number), new) }
                rows[number] = new
            }
            let probe = random.below(1500)
            guard case .done(let found) = try tree.tryValue(key(probe)) else { continue }
            #expect(found == rows[probe])
            doneCount += 1
        }
        #expect(doneCount > 7000)
        for (number, expected) in rows { #expect(try tree.value(key(number)) == expected) }
        try fixture.check()
    }
}

/// An attempt whose result can be compared.
private enum Outcome<Result: Equatable>: Equatable {
    case done(Result)
    case wouldWait
}

extension Tree {
    fileprivate func tryValue(_ key: [UInt8]) throws -> Outcome<[UInt8]?> {
        switch try unsafe key.withUnsafeBytes({ unsafe try tryGetCopy($0) }) {
        case .done(let value): .done(value)
        case .wouldWait: .wouldWait
        }
    }

    /// Whether there was a row before.
    fileprivate func tryPut(_ key: [UInt8], _ value: [UInt8]) throws -> Outcome<Bool> {
        let attempt = try unsafe key.withUnsafeBytes { key in
            try unsafe value.withUnsafeBytes { unsafe try tryPut(key, $0) }
        }
        switch attempt {
        case .done(let result): return .done(result.existed)
        case .wouldWait: return .wouldWait
        }
    }

    fileprivate func tryDelete(_ key: [UInt8]) throws -> Outcome<Bool> {
        switch try unsafe key.withUnsafeBytes({ unsafe try tryDelete($0) }) {
        case .done(let result): .done(result.existed)
        case .wouldWait: .wouldWait
        }
    }
}
