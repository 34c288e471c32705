import RedoubtCore
import RedoubtSystem
import Synchronization

/// An open file of a simulated storage.
final class SimulatedFile: StorageFile {
    let storage: SimulatedStorage
    /// The number of the content; stays through renames and after removal.
    let number: Int
    let path: String
    let role: FileRole
    private let isReadOnly: Bool
    private let isClosed = Atomic<Bool>(false)

    init(storage: SimulatedStorage, number: Int, path: String, role: FileRole, isReadOnly: Bool) {
        self.storage = storage
        self.number = number
        self.path = path
        self.role = role
        self.isReadOnly = isReadOnly
    }

    var alignment: Int { role == .control ? 1 : storage.options.alignment }

    var atomicWriteUnit: Int { role == .data ? storage.options.atomicWriteUnit : 0 }

    func size() throws(RedoubtError) -> UInt64 {
        try checkOpen("fstat")
        return storage.inspect { $0.image.contentSize(number) }
    }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        storage.schedulePoint()
        unsafe try checkTransfer("read", UnsafeRawBufferPointer(target), offset)
        return try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) -> Int in
            let hit = try world.check(.read, role: role, path: path, call: "read")
            var place = offset
            if hit?.effect == .misdirected {
                let size = world.image.contentSize(number)
                let other = hit?.place(insteadOf: offset, count: target.count, size: size, alignment: alignment)
                place = other ?? offset
            }
            world.undecided?.willRead(number, place, target.count, &world.image)
            let count = unsafe world.image.read(number, into: target, at: place)
            if hit?.effect == .bitFlip { unsafe hit?.flip(UnsafeMutableRawBufferPointer(rebasing: target[..<count])) }
            return count
        }
    }

    var takesCachedWrites: Bool { role == .redo && !isReadOnly && storage.options.takesCachedWrites }

    func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.schedulePoint()
        guard takesCachedWrites else { throw failure("write", path, errno: 95) }
        try checkOpen("write")
        let bytes = unsafe Array(source)
        try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) in
            guard let change = try admitted(bytes, at: offset, isAtomic: false, in: &world) else { return }
            world.changeCached(change)
        }
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.schedulePoint()
        try unsafe write(source, at: offset, isAtomic: false)
    }

    func writeAtomically(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.schedulePoint()
        try unsafe write(source, at: offset, isAtomic: true)
    }

    private func write(_ source: UnsafeRawBufferPointer, at offset: UInt64, isAtomic: Bool) throws(RedoubtError) {
        unsafe try checkTransfer("write", source, offset)
        try checkWritable("write")
        let bytes = unsafe Array(source)
        try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) in
            if let change = try admitted(bytes, at: offset, isAtomic: isAtomic, in: &world) { world.change(change) }
        }
    }

    /// Admits a write as ``admit(_:at:in:)`` does, and returns the change that it makes; nil for none.
    func admitted(
        _ bytes: [UInt8],
        at offset: UInt64,
        isAtomic: Bool,
        in world: inout SimulatedStorage.World
    ) throws(RedoubtError) -> StorageChange? {
        let hit = try isAtomic ? admitAtomic(bytes, at: offset, in: &world) : admit(bytes, at: offset, in: &world)
        let isWhole = isAtomic && !storage.options.tearsAtomicWrites
        let change = { (offset: UInt64, bytes: [UInt8]) -> StorageChange in
            isWhole
                ? .atomicWrite(file: self.number, offset: offset, bytes: bytes)
                : .write(file: self.number, offset: offset, bytes: bytes)
        }
        switch hit?.effect {
        case nil, .failure, .shortTransfer, .delay: return change(offset, bytes)
        case .bitFlip:
            var flipped = bytes
            unsafe flipped.withUnsafeMutableBytes { unsafe hit?.flip($0) }
            return change(offset, flipped)
        case .lost, .misdirected:
            let size = world.image.contentSize(number)
            let end = offset + UInt64(bytes.count)
            if end > size { world.change(.extend(file: number, size: end)) }
            let unit = isAtomic ? atomicWriteUnit : alignment
            guard hit?.effect == .misdirected,
                let place = hit?.place(insteadOf: offset, count: bytes.count, size: max(size, end), alignment: unit)
            else { return nil }
            return change(place, bytes)
        }
    }

    private func admitAtomic(
        _ bytes: [UInt8],
        at offset: UInt64,
        in world: inout SimulatedStorage.World
    ) throws(RedoubtError) -> FaultPlan.Hit? {
        guard atomicWriteUnit > 0 else { throw failure("write", path, errno: 95) }
        guard bytes.count == atomicWriteUnit, offset % UInt64(atomicWriteUnit) == 0 else {
            throw failure("write", path, errno: 22)
        }
        let hit = try world.check(.atomicWrite, role: role, path: path, call: "write")
        try world.checkQuota(growing: number, to: offset + UInt64(bytes.count), path: path, call: "write")
        return hit
    }

    /// Counts a write, and throws what the fault plan or the quota has for it; half of a write that the plan fails is
    /// made, also where there is no space: a file system that allocates on writing may find some for a part.
    private func admit(
        _ bytes: [UInt8],
        at offset: UInt64,
        in world: inout SimulatedStorage.World
    ) throws(RedoubtError) -> FaultPlan.Hit? {
        let end = offset + UInt64(bytes.count)
        let half = bytes.count / 2 / SparseBytes.sectorSize * SparseBytes.sectorSize
        let grows = end > world.image.contentSize(number)
        let hit: FaultPlan.Hit?
        do throws(RedoubtError) {
            hit = try world.check(grows ? .extend : .write, role: role, path: path, call: "write")
        } catch {
            if half > 0 {
                world.change(.write(file: number, offset: offset, bytes: Array(bytes[..<half])))
            }
            throw error
        }
        try world.checkQuota(growing: number, to: end, path: path, call: "write")
        if hit?.effect == .shortTransfer && half > 0 {
            world.change(.write(file: number, offset: offset, bytes: Array(bytes[..<half])))
        }
        return hit
    }

    func sync() throws(RedoubtError) {
        storage.schedulePoint()
        try checkOpen("fdatasync")
        // Who writes to the page cache may do so while a sync runs.
        if storage.inspect({ $0.beginSync(number) }) { storage.schedulePoint() }
        try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) in
            try world.sync(number, role: role, path: path)
        }
    }

    func extend(to size: UInt64) throws(RedoubtError) {
        try grow("fallocate", to: size)
    }

    func extendByWriting(to size: UInt64) throws(RedoubtError) {
        try grow("write", to: size)
    }

    private func grow(_ call: String, to size: UInt64) throws(RedoubtError) {
        storage.schedulePoint()
        try checkWritable(call)
        try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) in
            guard size > world.image.contentSize(number) else { return }
            do throws(RedoubtError) {
                try world.check(.extend, role: role, path: path, call: call)
                try world.checkQuota(growing: number, to: size, path: path, call: call)
            } catch {
                // Zeros are written a piece at a time, and those that found space are there.
                let half = (world.image.contentSize(number) + size) / 2 / 4096 * 4096
                if error.code == .diskFull, call == "write", half > world.image.contentSize(number) {
                    try world.checkQuota(growing: number, to: half, path: path, call: call)
                    world.change(.extend(file: number, size: half))
                }
                throw error
            }
            world.change(.extend(file: number, size: size))
        }
    }

    func truncate(to size: UInt64) throws(RedoubtError) {
        storage.schedulePoint()
        try checkWritable("ftruncate")
        try storage.withWorld { (world: inout SimulatedStorage.World) throws(RedoubtError) in
            guard size < world.image.contentSize(number) else { return }
            try world.check(.truncate, role: role, path: path, call: "ftruncate")
            world.change(.truncate(file: number, size: size))
        }
    }

    func close() {
        isClosed.store(true, ordering: .releasing)
    }

    func checkTransfer(_ call: String, _ bytes: UnsafeRawBufferPointer, _ offset: UInt64) throws(RedoubtError) {
        try checkOpen(call)
        let mask = UInt64(alignment - 1)
        let address = UInt64(UInt(bitPattern: bytes.baseAddress))
        if (offset | UInt64(bytes.count) | address) & mask != 0 {
            throw RedoubtError(
                call == "read" ? .readFailed : .systemCallFailed,
                "\(call) of \(bytes.count) bytes at \(offset) from memory at \(address) is not aligned to \(alignment)",
                path: path,
                errno: 22
            )
        }
    }

    func checkWritable(_ call: String) throws(RedoubtError) {
        try checkOpen(call)
        if isReadOnly { throw failure(call, path, errno: 9) }
    }

    private func checkOpen(_ call: String) throws(RedoubtError) {
        if isClosed.load(ordering: .acquiring) { throw failure(call, path, errno: 9) }
    }
}
