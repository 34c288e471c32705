import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// A kernel over a disk in memory with one empty tablespace, and a model of which pages its segments have.
final class SpaceFixture {
    let storage = SimulatedStorage()
    let kernel: Kernel
    let flushing: Flushing
    let space: Space
    /// What the segments should have.
    var pages: [Segment: [PageNumber]] = [.leaf: [], .nonLeaf: [.root]]

    init(id: SpaceID = .firstUser) throws {
        let database = DatabaseID(high: 1, low: 2)
        var configuration = Configuration()
        configuration.memory = .mebibytes(16)
        configuration.redoLog.shape = .selfWriting
        configuration.redoLog.capacity = .mebibytes(64)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        try storage.createDirectory("/db/redo")
        try RedoLog.create(
            storage: storage,
            directory: "/db/redo",
            configuration: configuration.redoLog,
            database: database
        )
        var scanner = try LogScanner.open(storage: storage, directory: "/db/redo")
        let health = EngineHealth()
        let log = try RedoLog(
            storage: storage,
            directory: "/db/redo",
            configuration: configuration.redoLog,
            health: health,
            scan: try scanner.finish()
        )
        kernel = try Kernel(
            configuration: configuration,
            storage: storage,
            directory: "/db",
            database: database,
            health: health,
            log: log
        )
        flushing = try Flushing(kernel)
        let file = try SpaceFile.create(storage, path: "/db/a-\(id).ibd", directory: "/db", id: id, database: database)
        kernel.files.register(id, file: file, pageCount: SpaceFormat.initialPageCount)
        space = Space(id: id, path: "/db/a-\(id).ibd", file: file, pageCount: SpaceFormat.initialPageCount)
    }

    deinit {
        flushing.close()
        kernel.log.stop()
    }

    /// Allocates `count` pages for `segment` in one mini-transaction, growing the file as needed.
    @discardableResult
    func allocate(
        _ segment: Segment,
        _ count: Int,
        hint: PageNumber = .none,
        purpose: SpaceAllocator.Purpose = .insert
    ) throws -> [PageNumber] {
        while true {
            var mtr = try MiniTransaction.begin(
                kernel,
                redoBytes: count * SpaceAllocator.redoBytesPerPage,
                pins: SpaceAllocator.pinCount(space, pages: count)
            )
            let prepared = try SpaceAllocator.prepare(
                &mtr,
                space,
                leafPages: segment == .leaf ? count : 0,
                nonLeafPages: segment == .leaf ? 0 : count,
                near: hint,
                purpose: purpose
            )
            guard var reservation = prepared else {
                mtr.rollback()
                try space.extend(kernel)
                continue
            }
            var taken: [PageNumber] = []
            var near = hint
            for _ in 0..<count {
                let page = SpaceAllocator.allocate(&mtr, &reservation, segment, hint: near)
                if near != .none { near = PageNumber(rawValue: page.rawValue + 1) }
                taken.append(page)
            }
            mtr.commit()
            pages[segment, default: []] += taken
            return taken
        }
    }

    /// Frees pages of `segment` by their positions in the model, in one mini-transaction.
    func free(_ segment: Segment, _ victims: [PageNumber]) throws {
        var mtr = try MiniTransaction.begin(
            kernel,
            redoBytes: victims.count * SpaceAllocator.redoBytesPerPage,
            pins: SpaceAllocator.pinCount(space, pages: victims.count)
        )
        guard let reservation = try SpaceAllocator.prepare(&mtr, space, freeing: victims, purpose: .cleaning) else {
            Issue.record("freeing needs no room")
            return mtr.rollback()
        }
        for page in victims { reservation.release(&mtr, page, segment) }
        mtr.commit()
        let gone = Set(victims)
        pages[segment]?.removeAll { gone.contains($0) }
    }

    /// The findings of the check, given what the model says is in use.
    func findings() throws -> [CheckFinding] {
        var reached: [Segment: PageSet] = [:]
        for (segment, list) in pages {
            var set = PageSet(capacity: space.pageCount)
            for page in list {
                let isNew = set.insert(page)
                #expect(isNew, "page \(page) was given out twice")
            }
            reached[segment] = set
        }
        return try SpaceCheck.run(kernel: kernel, space: space, reached: reached)
    }
}
