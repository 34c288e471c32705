/// What is to happen when, in virtual time: a binary heap, in which what was added first comes first at one time.
struct EventQueue {
    /// What happens.
    enum Kind: UInt8 {
        /// A client goes on.
        case client
        /// A page has been read; the index is its number.
        case pageRead
        /// The head of the device is free again.
        case headFree
        /// The copies of a batch are written, or synced; the index is the batch's.
        case copied, copySynced
        /// The pages of a batch are ready to be written: its processor time is over.
        case prepared
        /// A page is written; the index is its number.
        case pageWritten
        /// Data files are synced so that the doublewrite ring has room again.
        case ringSynced
        /// The redo is written, or synced.
        case logWritten, logSynced
        /// Redo is synced because so much time has passed.
        case logTimer
        /// The page cleaner looks around.
        case cleaner
        /// The LRU flusher of an instance looks around.
        case flusher
        /// A checkpoint is due; the data files are synced; the checkpoint is written; it is durable.
        case checkpointTimer, filesSynced, checkpointWritten, checkpointSynced
        /// Who waits for room in the redo asks again.
        case capacityTimer
        /// The throttle of writers is set.
        case throttle
        /// The next page of the scan is due.
        case scan
    }

    /// Something that happens.
    struct Event {
        let time: UInt64
        let order: UInt64
        let kind: Kind
        let index: Int32

        @inline(__always)
        func precedes(_ other: Event) -> Bool { time < other.time || (time == other.time && order < other.order) }
    }

    private var heap: [Event] = []
    private var count: UInt64 = 0

    /// When the next event happens.
    var next: UInt64? { heap.first?.time }

    /// Adds an event.
    mutating func add(_ kind: Kind, _ index: Int = 0, at time: UInt64) {
        let event = Event(time: time, order: count, kind: kind, index: Int32(truncatingIfNeeded: index))
        count += 1
        heap.append(event)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard event.precedes(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = event
    }

    /// Takes the next event.
    mutating func take() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return first
    }
}
