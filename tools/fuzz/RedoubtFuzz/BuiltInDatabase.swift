import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// A small database, as it is found on a disk, and what it must hold.
struct BuiltInDatabase: Sendable {
    /// A file and how much of it is in use.
    struct File: Sendable {
        let path: String
        /// The pages up to the last one that is not all zeros; at least one.
        let pageCount: Int
    }

    /// The disk.
    let disk: DiskImage
    /// The files that are not empty, by path.
    let files: [File]
    /// What it holds after each number of commits; that after all of them is what it must hold.
    let model: ReferenceModel
    /// The commits that a checkpoint covers: no damage of the redo log can undo them.
    let checkpointedCount: Int

    /// Closed in order.
    static let closed = makings.closed
    /// Killed with its changes in the redo log only.
    static let killed = makings.killed
    /// Without power while its pages were written, which tore each of which the doublewrite file has a copy.
    static let torn = makings.torn

    /// As closed, with each keyspace NAME exported to the files NAME.ibd and NAME.cfg in ``exportPath``.
    static let exported = makings.closed.exporting()
    /// The folder of what was exported.
    static let exportPath = "/export"

    private static let makings = Makings()

    fileprivate init(_ disk: DiskImage, model: ReferenceModel, checkpointedCount: Int) {
        self.disk = disk
        self.checkpointedCount = checkpointedCount
        self.model = model
        files = disk.paths.compactMap { path in
            guard let bytes = disk.bytes(of: path), !bytes.isEmpty else { return nil }
            let last = bytes.lastIndex { $0 != 0 } ?? 0
            return File(path: path, pageCount: last / pageByteCount + 1)
        }
        let answer = FuzzWorld.answer(disk)
        precondition(answer.isClean, "the built-in database says \(answer)")
        precondition(expects(answer.contentHash ?? 0, mayLoseTail: false), "the built-in database lost rows")
    }

    /// Whether a database with content `hash` lost nothing; with `mayLoseTail`, nothing but its last commits.
    func expects(_ hash: UInt64, mayLoseTail: Bool) -> Bool {
        let numbers = model.commitNumbers(with: hash)
        return numbers.contains { $0 == model.commitCount || mayLoseTail && $0 >= checkpointedCount }
    }

    /// Whether content `hash` lacks some of the last commits.
    func isCutShort(_ hash: UInt64) -> Bool {
        model.commitNumbers(with: hash).contains { $0 >= checkpointedCount && $0 < model.commitCount }
    }

    /// Whether a row with `key` had that value at some time.
    func hasEverHeld(_ key: [UInt8], _ value: [UInt8], in name: String) -> Bool {
        model.commits.contains { $0.contains(.put(keyspace: name, key: key, value: value)) }
    }

    private func exporting() -> BuiltInDatabase {
        let (disk, names) = (disk, model.keyspaceNames)
        let exported = FuzzWorld.run { () -> DiskImage in
            let storage = SimulatedStorage(disk)
            do throws(RedoubtError) {
                let database = try FuzzWorld.open(storage)
                for name in names { _ = try database.export(keyspace: name, to: Self.exportPath) }
                try database.close()
            } catch {
                fatalError("the built-in database could not be exported: \(error)")
            }
            return storage.image
        }
        return BuiltInDatabase(exported, model: model, checkpointedCount: checkpointedCount)
    }

    /// The files that fulfil `condition`.
    func files(where condition: (String) -> Bool) -> [File] { files.filter { condition($0.path) } }
}

extension BuiltInDatabase.File {
    var isData: Bool { path.hasSuffix(".ibd") }
    var isRedo: Bool { path.contains("/redo/") }
    var isDoublewrite: Bool { path.contains("/doublewrite/") }
}

/// The three databases, made in one run.
private struct Makings: Sendable {
    let closed: BuiltInDatabase
    let killed: BuiltInDatabase
    let torn: BuiltInDatabase

    private static let flushMark = "pages are written"

    private struct Run: Sendable {
        let storage: SimulatedStorage
        let killed: DiskImage
        let model: ReferenceModel
        let checkpointedCount: Int
    }

    init() {
        let run: Run
        do throws(RedoubtError) {
            run = try FuzzWorld.run(Self.fill).get()
        } catch {
            fatalError("the built-in database could not be made: \(error)")
        }
        let (model, count) = (run.model, run.checkpointedCount)
        closed = BuiltInDatabase(run.storage.image, model: model, checkpointedCount: model.commitCount)
        killed = BuiltInDatabase(run.killed, model: model, checkpointedCount: count)
        let interrupted = Self.interrupted(run.storage)
        let image = CopiedPages(interrupted).tear(interrupted)
        torn = BuiltInDatabase(image, model: model, checkpointedCount: count)
    }

    /// Two keyspaces: one with values outside their pages, one with keys so long that its tree has three levels.
    private static func fill() -> Result<Run, RedoubtError> {
        do throws(RedoubtError) {
            let storage = SimulatedStorage()
            let database = try FuzzWorld.open(storage, creating: true)
            var model = ReferenceModel()
            for name in ["a", "b"] {
                _ = try database.createKeyspace(name)
                model.commit([.createKeyspace(name)])
            }
            func put(_ numbers: Range<Int>, _ round: Int, _ durability: Durability) throws(RedoubtError) {
                for number in numbers {
                    for name in ["a", "b"] {
                        let key = Self.key(number, in: name)
                        let value = Self.value(number, round, in: name)
                        try database.keyspace(named: name).put(key, value, durability: durability)
                        model.commit([.put(keyspace: name, key: key, value: value)])
                    }
                }
            }
            try put(0..<45, 1, .flushed)
            try database.checkpoint()
            let count = model.commitCount
            try put(20..<50, 2, .flushed)
            for number in stride(from: 0, to: 12, by: 3) {
                let key = Self.key(number, in: "a")
                _ = try database.keyspace(named: "a").delete(key)
                model.commit([.delete(keyspace: "a", key: key)])
            }
            // What is not synced may be the end of a write that was cut off.
            try put(50..<60, 2, .written)
            let killed = storage.image
            storage.mark(.note(flushMark))
            try database.checkpoint()
            try database.close()
            return .success(Run(storage: storage, killed: killed, model: model, checkpointedCount: count))
        } catch {
            return .failure(error)
        }
    }

    private static func key(_ number: Int, in name: String) -> [UInt8] {
        // What is equal at the beginning of keys cannot be left out where nodes separate them.
        let start = name == "b" ? [UInt8](repeating: UInt8(ascii: "k"), count: 2500) : Array("row ".utf8)
        return start + Array(String(100 + number * 37 % 100).utf8)
    }

    private static func value(_ number: Int, _ round: Int, in name: String) -> [UInt8] {
        let count = name == "b" ? 200 : number % 20 == 7 ? 20_000 : 400
        return [UInt8](repeating: UInt8(truncatingIfNeeded: number + round * 100), count: count)
    }

    /// The disk before the checkpoint that follows the mark: everything is written, and the log still has it all.
    private static func interrupted(_ storage: SimulatedStorage) -> DiskImage {
        let image = storage.image
        let redo = Set(image.paths.filter { $0.contains("/redo/") }.compactMap { image.file(at: $0) })
        var disk = storage.startImage
        var isMarked = false
        for event in storage.trace {
            if case .mark(.note(flushMark)) = event { isMarked = true }
            guard case .change(let change) = event else { continue }
            if isMarked, case .write(let file, let offset, _) = change, redo.contains(file), offset < 12288 { break }
            disk.apply(change)
        }
        return disk
    }
}

/// The pages of which a doublewrite file has a copy that is what the data file has.
private struct CopiedPages {
    private var places: [(path: String, offset: UInt64)] = []

    init(_ disk: DiskImage) {
        let data = disk.paths.filter { $0.hasSuffix(".ibd") }
        for path in disk.paths where path.contains("/doublewrite/") {
            let bytes = disk.bytes(of: path) ?? []
            for start in stride(from: 0, to: bytes.count, by: pageByteCount) {
                let header = Array(bytes[start..<start + pageByteCount])
                guard Mending.isDoublewriteHeader(header) else { continue }
                for entry in Mending.entries(of: header) {
                    guard let file = data.first(where: { $0.hasSuffix("-\(entry.space).ibd") }),
                        let page = disk.bytes(of: file)?.dropFirst(Int(entry.page) * pageByteCount),
                        Array(page.dropFirst(16).prefix(8)) == entry.lsn
                    else { continue }
                    places.append((file, UInt64(entry.page) * UInt64(pageByteCount)))
                }
            }
        }
        precondition(places.count > 2, "the doublewrite file of the built-in database has \(places.count) copies")
    }

    /// Overwrites the second half of each.
    func tear(_ disk: DiskImage) -> DiskImage {
        var torn = disk
        let half = [UInt8](repeating: 0xEE, count: pageByteCount / 2)
        for place in places { torn.overwrite(place.path, at: place.offset + UInt64(half.count), with: half) }
        return torn
    }
}
