import RedoubtCore
import RedoubtSystem

extension SimulatedStorage {
    /// Everything that changes, behind one lock.
    struct World: Sendable {
        var image: DiskImage
        /// What is decided when it is read, if anything is.
        var undecided: UndecidedPlaces?
        var durability: DurabilityState?
        var trace: [SimulatedEvent] = []
        var eventCount = 0
        var faults = FaultPlan()
        var quota: UInt64?
        var heldLocks: Set<String> = []
        var isRecording: Bool
        /// What the page cache holds of files.
        var cached: [Int: CachedSectors] = [:]
        let start: DiskImage
        /// The virtual microseconds that the call under way takes longer.
        private var delay = 0
        /// The files whose next sync fails, with its errno.
        private var lateFailures: [Int: Int32] = [:]

        init(_ image: DiskImage, options: Options) {
            self.image = image
            // The hash of what is durable is kept if that of `image` was.
            self.image.keepsHash = false
            start = image
            durability = options.tracksDurability ? DurabilityState(image, keepsHash: image.keepsHash) : nil
            quota = options.quota
            isRecording = options.isRecording
        }

        /// Records `event` and returns its number.
        @discardableResult
        mutating func record(_ event: SimulatedEvent) -> Int {
            if isRecording { trace.append(event) }
            durability?.record(event)
            eventCount += 1
            return eventCount - 1
        }

        /// Records and makes a change.
        mutating func change(_ change: StorageChange) {
            apply(change)
            record(.change(change))
        }

        /// Makes a write to the page cache.
        ///
        /// A sector that is dirty may be on its way to the device, which then gets half of what is new.
        mutating func changeCached(_ change: StorageChange) {
            guard case .write(let file, let offset, let bytes) = change else { return self.change(change) }
            let torn = cached[file, default: CachedSectors()].write(file, offset, bytes, image)
            for part in torn { self.change(part) }
            self.change(change)
        }

        /// Says that a sync of a file has begun; returns whether it has anything of the page cache to write.
        mutating func beginSync(_ file: Int) -> Bool { cached[file]?.beginSync() ?? false }

        /// Forgets what belongs to a process that is killed: locks, errors that its files have yet to report, and the
        /// faults that were meant for it.
        mutating func forgetProcess() {
            faults.removeAll()
            lateFailures.removeAll()
            heldLocks = []
        }

        /// Returns the virtual microseconds that the call under way takes longer, once.
        mutating func takeDelay() -> Int {
            defer { delay = 0 }
            return delay
        }

        /// Counts a call and throws the failure that the fault plan has for it; returns what else is to happen.
        @discardableResult
        mutating func check(
            _ operation: SimulatedFault.Operation,
            role: FileRole?,
            path: String,
            call: String
        ) throws(RedoubtError) -> FaultPlan.Hit? {
            guard let hit = faults.next(operation, role: role) else { return nil }
            switch hit.effect {
            case .failure(let errno): throw failure(call, path, errno: errno)
            case .delay(let microseconds): delay += max(0, microseconds)
            case .shortTransfer, .lost, .misdirected, .bitFlip: break
            }
            return hit
        }

        /// Throws `.diskFull` if a file may not grow from one size to another.
        func checkQuota(growing file: Int, to size: UInt64, path: String, call: String) throws(RedoubtError) {
            guard let quota else { return }
            let before = image.contentSize(file)
            if size > before && image.byteCount + size - before > quota {
                throw failure(call, path, errno: SimulatedFault.noSpace)
            }
        }

        /// Makes what was done to a file durable, or fails and leaves what the fault says.
        mutating func sync(_ file: Int, role: FileRole, path: String) throws(RedoubtError) {
            var failing: (errno: Int32, aftermath: SyncAftermath)?
            var isLost = false
            let hit = faults.next(.sync, role: role)
            switch hit?.effect {
            case .failure(let errno): failing = (errno, hit?.aftermath ?? .uncertain)
            case .delay(let microseconds): delay += max(0, microseconds)
            case .lost: isLost = true
            case nil, .shortTransfer, .misdirected, .bitFlip: break
            }
            if let late = lateFailures[file] {
                // A fault that lasts fails every sync from the second on.
                if hit == nil { lateFailures[file] = nil }
                failing = (late, .keptClean)
            } else if let (errno, aftermath) = failing, aftermath == .reportedLate {
                lateFailures[file] = errno
                failing = nil
            }
            guard let (errno, aftermath) = failing else {
                if !isLost { record(.sync(file: file)) }
                // What changed on the way to the device is durable as it was caught; the page is written once more.
                for change in cached[file]?.endSync(image) ?? [] { self.change(change) }
                return
            }
            if aftermath == .reverted {
                guard let durability else { preconditionFailure("nothing is known of what is durable of \(path)") }
                image.restore(file, from: durability.durable)
            }
            record(aftermath == .uncertain ? .syncFailed(file: file) : .syncAbandoned(file: file, aftermath))
            throw failure("fdatasync", path, errno: errno)
        }
    }
}
