import RedoubtCore
import RedoubtPolicy

extension Device {
    /// How long the engine writes to find out what a device does, in nanoseconds and in pages, and how many at once.
    private static var measuringTime: UInt64 { 200_000_000 }
    private static var measuringPages: Int { 4096 }
    private static var measuringDepth: Int { 128 }

    /// The pages a second that `ioCapacity = automatic` comes to, found as the engine finds it at opening: by writes to
    /// the doublewrite file in no order, and a sync.
    ///
    /// Nothing is measured without that file; then the default holds.
    func automaticCapacity(_ doublewrite: Configuration.Doublewrite) -> Int {
        guard doublewrite != .off else { return FlushingInputs().ioCapacity }
        var (copy, events) = (self, EventQueue())
        var (begun, ended, end) = (0, 0, UInt64(0))
        while true {
            while end < Self.measuringTime, begun < Self.measuringPages, begun - ended < Self.measuringDepth {
                // An odd factor visits each page of a power of two once, far from the one before.
                let page = begun &* 0x9E37_79B1 & (Self.measuringPages - 1)
                copy.submit(.write, at: UInt64(page) * 16384, bytes: 16384, .pageWritten, 0, now: end, &events)
                begun += 1
            }
            guard let event = events.take() else { break }
            end = event.time
            if event.kind == .headFree {
                copy.releaseHead(end, &events)
            } else {
                copy.complete(now: end)
                ended += 1
            }
        }
        let measured = Double(ended) * 1e9 / (Double(end) + model.flushTime + 1)
        return IOCapacityEstimate(measured: doublewrite == .on ? measured / 2 : measured).pagesPerSecond
    }
}
