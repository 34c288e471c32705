import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: a new tablespace has InnoDB's bytes, and any other file is refused with the right error.
/// Method: golden fields of a fresh file; single faults in page 0; random bytes.
@Suite struct SpaceFileTests {
    private let database = DatabaseID(high: 0x0123_4567_89AB_CDEF, low: 42)

    private func fresh(_ id: SpaceID = .firstUser) throws -> (SimulatedStorage, any StorageFile) {
        let storage = SimulatedStorage()
        try storage.createDirectory("/db")
        let file = try SpaceFile.create(storage, path: "/db/x-1024.ibd", directory: "/db", id: id, database: database)
        return (storage, file)
    }

    private func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> UInt64 {
        bytes[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    @Test func aNewFileHasTheFieldsOfARealOne() throws {
        let (storage, file) = try fresh()
        #expect(try file.size() == 64 * 16384)
        let bytes = try #require(storage.image.bytes(of: "/db/x-1024.ibd"))
        let fields: [(Int, Int, UInt64)] = [
            (4, 4, 0), (24, 2, 8), (34, 4, 1024), (38, 4, 1024), (42, 4, 0), (46, 4, 64), (50, 4, 64), (54, 4, 0x21),
            (58, 4, 4), (62, 4, 0), (66, 4, 0xFFFF_FFFF), (78, 4, 1), (82, 4, 0), (86, 2, 0x9E), (88, 4, 0),
            (92, 2, 0x9E), (94, 4, 0), (110, 8, 3), (118, 4, 0), (134, 4, 1), (138, 4, 2), (142, 2, 38),
            (150, 8, 0), (158, 4, 0xFFFF_FFFF), (164, 4, 0xFFFF_FFFF), (170, 4, 2), (174, 4, 0xAAFF_FFFF),
            (16384 + 24, 2, 5), (16384 + 4, 4, 1),
            (32768 + 24, 2, 3), (32768 + 38, 4, 0xFFFF_FFFF), (32768 + 50, 8, 1), (32768 + 110, 4, 97_937_874),
            (32768 + 114, 4, 3), (32768 + 118, 4, 0xFFFF_FFFF), (32768 + 242, 8, 2), (32768 + 306, 4, 0xFFFF_FFFF),
            (49152 + 24, 2, 17855), (49152 + 74, 4, 1024), (49152 + 78, 4, 2), (49152 + 82, 2, 242),
            (49152 + 84, 4, 1024), (49152 + 88, 4, 2), (49152 + 92, 2, 50), (49152 + 64, 2, 0),
        ]
        for (offset, count, expected) in fields {
            #expect(number(bytes, offset, count) == expected, "offset \(offset)")
        }
        #expect(bytes[65536...].allSatisfy { $0 == 0 })
    }

    @Test func theHeaderIsReadBack() throws {
        let (_, file) = try fresh()
        let header = try SpaceFile.readHeader(file, expected: .firstUser, database: database)
        #expect(header.pageCount == 64)
        #expect(header.metadata.database == database)
        #expect(header.pendingChains == [])
    }

    /// What page 0 is changed to, and the error that this must give; with `seals`, the checksum is made right.
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let offset: Int
        let bytes: [UInt8]
        let seals: Bool
        let code: RedoubtError.Code
        var testDescription: String { name }
    }

    static let faults = [
        Fault(name: "bit rot", offset: 5000, bytes: [1], seals: false, code: .corruptPage),
        Fault(name: "newer version", offset: 12296, bytes: [0, 0, 0, 2], seals: true, code: .unsupportedFormat),
        Fault(name: "no record", offset: 12288, bytes: [0, 0, 0], seals: true, code: .notADatabase),
        Fault(name: "unknown feature", offset: 12304, bytes: [0, 0, 0, 1], seals: true, code: .corruptPage),
        Fault(name: "record damaged", offset: 12350, bytes: [9], seals: true, code: .corruptPage),
        Fault(name: "other database", offset: 12312, bytes: [9], seals: true, code: .corruptPage),
        Fault(name: "flags of MySQL 8", offset: 54, bytes: [0, 0, 0x40, 0x21], seals: true, code: .unsupportedFormat),
        Fault(name: "other space", offset: 34, bytes: [0, 0, 9, 9], seals: true, code: .mixedFiles),
        Fault(name: "size 0", offset: 46, bytes: [0, 0, 0, 0], seals: true, code: .corruptPage),
        Fault(name: "size not of extents", offset: 46, bytes: [0, 0, 0, 65], seals: true, code: .corruptPage),
        Fault(name: "not page 0", offset: 4, bytes: [0, 0, 0, 1], seals: true, code: .notADatabase),
        Fault(name: "from the future", offset: 16, bytes: [1], seals: true, code: .corruptPage),
    ]

    @Test(arguments: faults)
    func aFaultInPage0GivesItsError(_ fault: Fault) throws {
        let (storage, _) = try fresh()
        var image = storage.image
        image.overwrite("/db/x-1024.ibd", at: UInt64(fault.offset), with: fault.bytes)
        if fault.seals {
            var page =
                Array(try #require(image.bytes(of: "/db/x-1024.ibd"))[..<16384]) + [UInt8](repeating: 0, count: 16)
            unsafe page.withUnsafeMutableBytes { unsafe PageSeal.seal(PageBytes($0.baseAddress!)) }
            image.overwrite("/db/x-1024.ibd", at: 0, with: Array(page[..<16384]))
        }
        let copy = SimulatedStorage(image)
        let file = try copy.open("/db/x-1024.ibd", role: .data, creating: false, readOnly: true)
        let error = #expect(throws: RedoubtError.self) {
            _ = try SpaceFile.readHeader(
                file,
                expected: .firstUser,
                database: database,
                lsnLimit: LogSequenceNumber(rawValue: 1 << 40)
            )
        }
        #expect(error?.code == fault.code, "\(error?.description ?? "")")
    }

    @Test func `the message names the space that does not belong there, wherever it stands`() throws {
        for offset in [34, 38] {
            let (storage, _) = try fresh()
            var image = storage.image
            image.overwrite("/db/x-1024.ibd", at: UInt64(offset), with: [0, 0, 9, 9])
            let all = try #require(image.bytes(of: "/db/x-1024.ibd"))
            var page = Array(all[..<16384]) + [UInt8](repeating: 0, count: 16)
            unsafe page.withUnsafeMutableBytes { unsafe PageSeal.seal(PageBytes($0.baseAddress!)) }
            image.overwrite("/db/x-1024.ibd", at: 0, with: Array(page[..<16384]))
            let copy = SimulatedStorage(image)
            let file = try copy.open("/db/x-1024.ibd", role: .data, creating: false, readOnly: true)
            let error = #expect(throws: RedoubtError.self) {
                _ = try SpaceFile.readHeader(file, expected: .firstUser, database: database)
            }
            #expect(error?.message.contains("holds space 2313") == true, "\(error?.description ?? "")")
        }
    }

    @Test func filesOfAnotherDatabaseAreRefused() throws {
        let (_, file) = try fresh()
        let error = #expect(throws: RedoubtError.self) {
            _ = try SpaceFile.readHeader(file, expected: .firstUser, database: DatabaseID(high: 9, low: 9))
        }
        #expect(error?.code == .mixedFiles)
    }

    @Test func randomBytesAndShortFilesAreNoDatabase() throws {
        var random = SeededRandom(seed: 3)
        for size in [0, 1, 16383, 16384, 70000] {
            let empty = SimulatedStorage()
            _ = try empty.open("/x", role: .data, creating: true, readOnly: false)
            var image = empty.image
            image.overwrite("/x", at: 0, with: (0..<size).map { _ in UInt8(random.below(256)) })
            let storage = SimulatedStorage(image)
            let file = try storage.open("/x", role: .data, creating: false, readOnly: true)
            let error = #expect(throws: RedoubtError.self) {
                _ = try SpaceFile.readHeader(file, expected: .firstUser, database: nil)
            }
            #expect(error?.code == .notADatabase)
        }
    }

    @Test func fileNamesCarryTheSpace() {
        #expect(DatabaseFiles.name(ofKeyspace: "orders", id: SpaceID(rawValue: 1024)) == "orders-1024.ibd")
        #expect(DatabaseFiles.name(ofKeyspace: "a/b c", id: SpaceID(rawValue: 7)) == "a%2Fb%20c-7.ibd")
        #expect(DatabaseFiles.space(ofFile: "a%2Fb%20c-7.ibd") == SpaceID(rawValue: 7))
        #expect(DatabaseFiles.space(ofFile: "catalog.ibd") == .catalog)
        for name in [
            "x.ibd", "x-.ibd", "x-1.ibd", "x-0.ibd", "x-012.ibd", "x-4294967296.ibd", "x-7.IBD", "-.ibd", "pool.dump",
            "x\0-7.ibd", "x/y-7.ibd", "a b-7.ibd", "%2f-7.ibd", "%2-7.ibd", "\u{e9}-7.ibd",
            String(repeating: "x", count: 201) + "-7.ibd",
        ] {
            #expect(DatabaseFiles.space(ofFile: name) == nil, "\(name)")
        }
        let long = String(repeating: "\u{e9}", count: 100)
        let name = DatabaseFiles.name(ofKeyspace: long, id: SpaceID(rawValue: 4_294_967_295))
        #expect(name.utf8.count <= 215)
        #expect(DatabaseFiles.space(ofFile: name) == SpaceID(rawValue: 4_294_967_295))
    }

    @Test func catalogRowsSurviveEncoding() {
        let entry = CatalogEntry(
            id: SpaceID(rawValue: 5000),
            fileName: "x-5000.ibd",
            created: LogSequenceNumber(rawValue: 77),
            revision: 3
        )
        #expect(CatalogEntry.decode(entry.encode()) == entry)
        for length in 0..<entry.encode().count { #expect(CatalogEntry.decode(Array(entry.encode()[..<length])) == nil) }
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            var bytes = entry.encode()
            bytes[random.below(bytes.count)] = UInt8(random.below(256))
            _ = CatalogEntry.decode(bytes)
        }
        #expect(throws: RedoubtError.self) { try CatalogEntry.checkName("") }
        #expect(throws: RedoubtError.self) { try CatalogEntry.checkName("a\u{0}") }
        #expect(throws: RedoubtError.self) { try CatalogEntry.checkName(String(repeating: "x", count: 201)) }
    }
}
