import RedoubtCore
import RedoubtSystem

// What the device does, found out by writes that harm nothing.
extension PageWriter {
    /// The fewest pages of room in which a measurement makes sense.
    private static var roomMinimum: Int { 8 }

    /// Writes pages of zeros to the free room of the doublewrite file, as many at once as the queue takes and in no
    /// order, and syncs; returns the pages per second.
    ///
    /// Zeros are no segment, so no recovery takes them for one. Ends after `nanoseconds` or `pages` pages, whatever
    /// comes first. Nil if there is no doublewrite file, no room, or no time that passed. Waits.
    ///
    /// - Throws: the failure of a write or of the sync, but for a full disk, which only ends the measurement.
    func measureSpeed(nanoseconds: UInt64, pages: Int) throws(RedoubtError) -> Double? {
        lock.lock()
        defer { lock.unlock() }
        guard let doublewrite, let batch = free.last, let (segment, count) = reserveForMeasurement() else { return nil }
        defer { ring.complete(segment) }
        let zeros = unsafe UnsafeMutableRawBufferPointer(start: batch.image(at: 0), count: pageByteCount)
        unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
        let first = ring.start(of: segment)
        let depth = min(queueDepth, count)
        let start = Scheduling.now()
        var (begun, ended) = (0, 0)
        var failure: RedoubtError?
        while true {
            let isOver =
                failure != nil || begun >= pages || Scheduling.now().nanoseconds(since: start) >= nanoseconds
            if isOver && begun == ended { break }
            var requests: [StorageRequest] = []
            while !isOver && begun < pages && begun - ended < depth {
                // An odd factor visits each of a power of two once a turn, far from the one before.
                let place = first + begun &* 0x9E37_79B1 & (count - 1)
                requests.append(unsafe doublewrite.request(zeros, at: place, tag: UInt64(begun)))
                begun += 1
            }
            if !requests.isEmpty { queue.submit(requests) }
            for completion in queue.complete(minimum: 1) {
                ended += 1
                failure = failure ?? completion.error
            }
        }
        if let failure {
            if failure.code == .diskFull { return nil }
            throw failure
        }
        try doublewrite.sync()
        let elapsed = Scheduling.now().nanoseconds(since: start)
        return elapsed > 0 ? Double(ended) * 1e9 / Double(elapsed) : nil
    }

    /// Takes up to half of the ring, a power of two of pages.
    private func reserveForMeasurement() -> (segment: UInt64, count: Int)? {
        var count = 1
        while 4 * count <= ring.pageCount { count *= 2 }
        while count >= Self.roomMinimum {
            if let segment = ring.reserve(count) { return (segment, count) }
            count /= 2
        }
        return nil
    }
}

extension Flushing {
    /// How long a measurement takes at most, in nanoseconds and in pages (64 MiB).
    private static var measuringTime: UInt64 { 200_000_000 }
    private static var measuringPages: Int { 4096 }

    /// Finds out how many pages a second the device writes, if the options leave it to the engine to know that.
    ///
    /// To be called after recovery and before ``start()``. Waits.
    ///
    /// With a doublewrite file that takes images each page is written twice, so it counts half. Without a doublewrite
    /// file nothing is measured, and the default holds until writes show more.
    ///
    /// - Throws: the failure of a write, but for a full disk.
    func measureSpeed() throws(RedoubtError) {
        guard options.ioCapacity == .automatic else { return }
        let measured = try writer.measureSpeed(nanoseconds: Self.measuringTime, pages: Self.measuringPages)
        guard let measured else { return }
        statistics.noteSpeed(options.doublewrite == .on ? measured / 2 : measured)
    }
}
