import Glibc

// A bug belongs to the thread that it was planted for and to all threads that this one starts, and so to the worlds
// that it makes. Worlds side by side have bugs of their own, and so has an engine without a world.
extension Scheduling {
    /// Whether `bug` is planted for the calling thread: what a place asks where a mistake can be planted.
    ///
    /// The constant false in builds without `REDOUBT_INTERLEAVING`.
    @inlinable
    @inline(__always)
    package static func breaks(_ bug: PlantedBug) -> Bool {
        #if REDOUBT_INTERLEAVING
        hasPlanted(bug)
        #else
        false
        #endif
    }

    /// Returns `body` as a thread is to run it that the calling one starts.
    static func inheriting(_ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        #if REDOUBT_INTERLEAVING
        if let bug = plantedBug { return { planting(bug, body) } }
        #endif
        return body
    }

    #if REDOUBT_INTERLEAVING
    /// Runs `body` with `bug` planted for the calling thread and for those that it starts; with nil, with none.
    package static func planting<Result, Failure: Error>(
        _ bug: PlantedBug?,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = plantedBug
        plantedBug = bug
        defer { plantedBug = before }
        return try body()
    }

    @usableFromInline
    static func hasPlanted(_ bug: PlantedBug) -> Bool {
        unsafe UInt(bitPattern: pthread_getspecific(plantedBugKey)) == bug.rawValue
    }

    private static var plantedBug: PlantedBug? {
        get { PlantedBug(rawValue: unsafe UInt(bitPattern: pthread_getspecific(plantedBugKey))) }
        set {
            let code = unsafe pthread_setspecific(plantedBugKey, UnsafeRawPointer(bitPattern: newValue?.rawValue ?? 0))
            precondition(code == 0, "no memory for a planted bug: \(code)")
        }
    }

    private static let plantedBugKey = {
        var key = pthread_key_t()
        let code = unsafe pthread_key_create(&key, nil)
        precondition(code == 0, "no key for planted bugs: \(code)")
        return key
    }()
    #endif
}
