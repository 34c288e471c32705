import Redoubt
import RedoubtCore
import TestSupport
import Testing

/// Goal: every call of the face does what its documentation says, errors included. Method: each is called on a small
/// database on a real file system; what must survive is looked for after closing and opening.
@Suite struct DatabaseTests {
    @Test("a value that was put is got, also after closing and opening")
    func putAndGet() throws {
        let fixture = Fixture()
        var database = try fixture.open()
        var keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try keyspace.put("key", "value")
        try keyspace.put([0, 255], [UInt8](repeating: 7, count: 100_000))
        #expect(try keyspace.get("key") == Array("value".utf8))
        try database.close()
        database = try fixture.open()
        keyspace = try database.keyspace(named: "k")
        #expect(try keyspace.get("key") == Array("value".utf8))
        #expect(try keyspace.get([0, 255])?.count == 100_000)
        #expect(try keyspace.get("absent") == nil)
        #expect(try keyspace.contains("key"))
        try database.close()
    }

    @Test("delete says whether the key was there")
    func delete() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try keyspace.put("a", "1")
        #expect(try keyspace.delete("a"))
        #expect(try !keyspace.delete("a"))
        #expect(try keyspace.get("a") == nil)
        try database.close()
    }

    @Test("compareAndPut changes only what it expects")
    func compareAndPut() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        #expect(try keyspace.compareAndPut("a", expected: nil, new: [1]))
        #expect(try !keyspace.compareAndPut("a", expected: nil, new: [2]))
        #expect(try keyspace.compareAndPut("a", expected: [1], new: [2]))
        #expect(try !keyspace.compareAndPut("a", expected: [1], new: nil))
        #expect(try keyspace.compareAndPut("a", expected: [2], new: nil))
        #expect(try keyspace.get("a") == nil)
        try database.close()
    }

    @Test("a range is deleted, and counted")
    func deleteRange() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        for number in 100..<400 { try keyspace.put("\(number)", "x", durability: .deferred) }
        #expect(try keyspace.deleteRange(KeyRange(from: Array("150".utf8), to: Array("350".utf8))) == 200)
        #expect(try keyspace.count() == 100)
        #expect(try keyspace.count(KeyRange(prefix: Array("1".utf8))) == 50)
        try database.close()
    }

    @Test("a value of many pages goes in and comes out in parts")
    func streams() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        let total = 3_000_000
        var sent = 0
        unsafe try keyspace.put("large", byteCount: total) { (target) throws(RedoubtError) in
            let count = min(target.count, total - sent, 12_345)
            for index in 0..<count { unsafe target[index] = UInt8(truncatingIfNeeded: (sent + index) / 1000) }
            sent += count
            return count
        }
        var received = 0
        var isRight = true
        let found = try keyspace.withValue(of: "large") { (span, part) throws(RedoubtError) in
            isRight = isRight && part.offset == received && part.totalByteCount == total
            unsafe span.withUnsafeBytes { bytes in
                for index in bytes.indices {
                    isRight = unsafe isRight && bytes[index] == UInt8(truncatingIfNeeded: (received + index) / 1000)
                }
            }
            received += span.byteCount
        }
        #expect(found && isRight)
        #expect(received == total)
        try database.close()
    }

    @Test("the engine refuses to be entered from a closure that borrows a page")
    func reentered() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try keyspace.put("a", "1")
        var codes: [RedoubtError.Code] = []
        _ = try keyspace.withValue(of: "a") { (_, _) throws(RedoubtError) in
            do throws(RedoubtError) { _ = try keyspace.get("a") } catch { codes.append(error.code) }
            do throws(RedoubtError) { try keyspace.put("b", "1") } catch { codes.append(error.code) }
            do throws(RedoubtError) { try database.close() } catch { codes.append(error.code) }
        }
        #expect(codes == [.reentered, .reentered, .reentered])
        #expect(try keyspace.get("a") == [49])
        try database.close()
    }

    @Test("keys and values beyond the limits are refused, and the database works on")
    func limits() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        let long = [UInt8](repeating: 1, count: 3073)
        #expect(code { () throws(RedoubtError) in try keyspace.put(long, "x") } == .keyTooLarge)
        #expect(code { () throws(RedoubtError) in try keyspace.put("", "x") } == .keyTooLarge)
        let tooLarge = code { () throws(RedoubtError) in
            unsafe try keyspace.put("k", byteCount: 1 << 32) { (_) throws(RedoubtError) in 1 }
        }
        #expect(tooLarge == .valueTooLarge)
        try keyspace.put(Array(long.dropLast()), "x")
        #expect(try keyspace.get(Array(long.dropLast())) == [120])
        try database.close()
    }

    @Test("a closed database says so, and closing twice is no error")
    func closed() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try database.close()
        try database.close()
        #expect(code { () throws(RedoubtError) in _ = try keyspace.get("a") } == .closed)
        #expect(code { () throws(RedoubtError) in try keyspace.put("a", "b") } == .closed)
        #expect(code { () throws(RedoubtError) in _ = try database.check() } == .closed)
    }

    @Test("opening says what is in the way")
    func opening() throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.createIfMissing = false
        let missing = configuration
        #expect(
            code { () throws(RedoubtError) in _ = try Database.open(at: fixture.path, configuration: missing) }
                == .notFound
        )
        configuration.memory = .bytes(1)
        let small = configuration
        #expect(
            code { () throws(RedoubtError) in _ = try Database.open(at: fixture.path, configuration: small) }
                == .invalidConfiguration
        )
        let database = try fixture.open()
        #expect(
            code { () throws(RedoubtError) in
                _ = try Database.open(at: fixture.path, configuration: Fixture.configuration)
            } == .alreadyOpen
        )
        try database.close()
    }

    @Test("keyspaces are created, renamed and dropped")
    func keyspaces() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let first = try database.createKeyspace("first")
        #expect(code { () throws(RedoubtError) in _ = try database.createKeyspace("first") } == .keyspaceExists)
        #expect(code { () throws(RedoubtError) in _ = try database.keyspace(named: "none") } == .keyspaceNotFound)
        try first.put("a", "1")
        try database.renameKeyspace("first", to: "\u{e9}t\u{e9}/..")
        #expect(try database.keyspaceNames() == ["\u{e9}t\u{e9}/.."])
        #expect(try first.get("a") == [49])
        try database.dropKeyspace("\u{e9}t\u{e9}/..")
        #expect(try database.keyspaceNames().isEmpty)
        #expect(code { () throws(RedoubtError) in try first.put("a", "2") } == .keyspaceNotFound)
        #expect(try database.check().isEmpty)
        try database.close()
    }

    @Test("what a new database holds is sound, and counted")
    func statistics() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        for number in 0..<2000 { try keyspace.put("\(number)", "value \(number)", durability: .deferred) }
        try database.flush()
        try database.checkpoint()
        let statistics = try database.statistics()
        #expect(statistics.keyspaceCount == 1)
        #expect(statistics.flushedLSN <= statistics.currentLSN)
        #expect(!statistics.isFenced)
        #expect(try database.check().isEmpty)
        try database.close()
    }
}
