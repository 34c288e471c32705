import RedoubtCore
import RedoubtSystem

/// A storage device in virtual time: says when each operation ends.
///
/// Without heads, operations take a free channel in the order in which they come; bandwidth and rates are servers of
/// their own that all pass through. With heads one operation proceeds at a time, and of those that wait the nearest is
/// next.
struct Device {
    /// What is asked of a device.
    enum Operation: UInt8 {
        case read, write, flush
    }

    private struct Request {
        let operation: Operation
        let place: UInt64
        let bytes: Int
        let kind: EventQueue.Kind
        let index: Int32
    }

    let model: DeviceModel
    private var random: SeededRandom
    /// Factors of times that spread as the model says, by chance.
    private let factors: [Double]
    private var channels: [UInt64]
    private var busFree = 0.0
    private var readFree = 0.0
    private var writeFree = 0.0
    private var load = DeviceLoad()
    private var credit: Double
    private var creditTime = 0.0
    private var operationFree = 0.0
    private var flushEnd: UInt64 = 0
    private var nextFlushEnd: UInt64 = 0
    private var waiting: [Request] = []
    private var isHeadBusy = false
    private var head: UInt64 = 0
    private var stallCount = 0

    /// Operations under way or waiting.
    private(set) var outstanding = 0
    /// The integral of ``outstanding`` over time, in operations x nanoseconds.
    private(set) var queueTime = 0.0
    private var queueMark: UInt64 = 0
    /// Bytes written so far.
    private(set) var bytesWritten = 0

    /// Requests that a device with heads looks at to find the nearest.
    private static let lookahead = 32

    /// Creates a device that has done nothing.
    init(_ model: DeviceModel, seed: UInt64) {
        self.model = model
        random = SeededRandom(seed: seed ^ 0xDE71CE)
        channels = Array(repeating: 0, count: max(1, model.channels))
        credit = model.burst
        factors = Self.factors(spread: model.spread)
    }

    /// 1024 factors with equal chances, their logarithms normal, their mean 1.
    private static func factors(spread: Double) -> [Double] {
        guard spread > 0 else { return [1] }
        let raw = (0..<1024).map { RealFunction.exp(spread * normalQuantile((Double($0) + 0.5) / 1024)) }
        let mean = raw.reduce(0, +) / Double(raw.count)
        return raw.map { $0 / mean }
    }

    /// The value below which a normal variable is with probability `p`, to about 0.005 (Abramowitz and Stegun 26.2.23).
    static func normalQuantile(_ p: Double) -> Double {
        let tail = min(p, 1 - p)
        let t = (-2 * RealFunction.log(tail)).squareRoot()
        let upper = 2.515517 + t * (0.802853 + t * 0.010328)
        let lower = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
        let value = t - upper / lower
        return p < 0.5 ? -value : value
    }

    /// Begins an operation at `now`; `kind` and `index` are the event that its end is.
    mutating func submit(
        _ operation: Operation,
        at place: UInt64,
        bytes: Int,
        _ kind: EventQueue.Kind,
        _ index: Int,
        now: UInt64,
        _ events: inout EventQueue
    ) {
        note(now)
        outstanding += 1
        if operation == .write { bytesWritten += bytes }
        let request = Request(
            operation: operation,
            place: place,
            bytes: bytes,
            kind: kind,
            index: Int32(truncatingIfNeeded: index)
        )
        if model.hasHeads {
            waiting.append(request)
            if !isHeadBusy { dispatch(now, &events) }
        } else {
            events.add(kind, index, at: end(of: request, now))
        }
    }

    /// Takes note that an operation has ended; to be called for each.
    mutating func complete(now: UInt64) {
        note(now)
        outstanding -= 1
    }

    /// Lets the head go on; to be called when ``EventQueue/Kind/headFree`` happens.
    mutating func releaseHead(_ now: UInt64, _ events: inout EventQueue) {
        isHeadBusy = false
        if !waiting.isEmpty { dispatch(now, &events) }
    }

    /// Brings ``queueTime`` up to `now`.
    mutating func note(_ now: UInt64) {
        // Clients work ahead of the others by a slice.
        guard now > queueMark else { return }
        queueTime += Double(outstanding) * Double(now - queueMark)
        queueMark = now
    }

    // MARK: Without heads

    private mutating func end(of request: Request, _ now: UInt64) -> UInt64 {
        if model.isLoaded { return loaded(request, now) }
        if request.operation == .flush { return flushed(now) }
        let isRead = request.operation == .read
        let (time, pages) = (Double(now), max(1, Double(request.bytes) / 16384))
        var begin = time
        if isRead, model.readRate > 0 { begin = max(begin, pass(&readFree, time, pages / model.readRate)) }
        if !isRead, model.writeRate > 0 { begin = max(begin, pass(&writeFree, time, pages / model.writeRate)) }
        let rate = isRead ? model.readRate : model.writeRate
        let served = rate > 0 ? (pages - 1) / rate : 0
        if model.operationRate > 0 { begin = max(begin, passOperation(time)) }
        // A long one ends when its last page has passed.
        let length = max(duration(isRead ? model.readTime : model.writeTime), UInt64(served * 1e9))
        // What a cap holds back comes when channels are free: the cap lies below what they can do.
        if begin > time { return transferred(request, from: UInt64(begin), UInt64(begin) + length) }
        var channel = 0
        for index in channels.indices where channels[index] < channels[channel] { channel = index }
        let start = max(now, channels[channel])
        let end = transferred(request, from: start, start + length)
        channels[channel] = end
        return end
    }

    /// The end of an operation that would end at `end` if it had the bandwidth for itself.
    private mutating func transferred(_ request: Request, from start: UInt64, _ end: UInt64) -> UInt64 {
        guard model.bandwidth > 0 else { return end }
        let transfer = Double(request.bytes) / model.bandwidth
        let begin = pass(&busFree, Double(start), transfer)
        return max(end, UInt64(begin + transfer * 1e9))
    }

    /// The end of an operation that takes longer by what each one under way adds.
    private mutating func loaded(_ request: Request, _ now: UInt64) -> UInt64 {
        let more = model.bandwidth > 0 ? max(0, Double(request.bytes - 16384)) / model.bandwidth * 1e9 : 0
        let (time, adds) =
            switch request.operation {
            case .read: (model.readTime, model.readLoad + more)
            case .write: (model.writeTime, model.writeLoad + more)
            case .flush: (model.flushTime, 0)
            }
        let end = now + duration(time) + UInt64(more + load.sum(at: now))
        load.add(adds, until: end)
        return end
    }

    /// The end of a flush: one at a time, and those that wait share the next.
    private mutating func flushed(_ now: UInt64) -> UInt64 {
        if now >= flushEnd { flushEnd = max(flushEnd, nextFlushEnd) }
        if now >= flushEnd {
            flushEnd = now + duration(model.flushTime)
            nextFlushEnd = flushEnd
            return flushEnd
        }
        if nextFlushEnd <= flushEnd { nextFlushEnd = flushEnd + duration(model.flushTime) }
        return nextFlushEnd
    }

    /// Passes through a server that takes `seconds`; returns when it begins.
    private func pass(_ free: inout Double, _ now: Double, _ seconds: Double) -> Double {
        let begin = max(free, now)
        free = begin + seconds * 1e9
        return begin
    }

    /// Passes through the cap on operations, faster while there is burst left; returns when it begins.
    private mutating func passOperation(_ now: Double) -> Double {
        let start = max(operationFree, now)
        // What the device leaves unused is saved up.
        credit = min(model.burst, credit + (start - creditTime) / 1e9 * model.operationRate)
        creditTime = start
        // One is what an operation at the usual rate earns while it lasts.
        let isBursting = credit >= 2 && model.burstRate > model.operationRate
        credit = max(0, credit - 1)
        operationFree = start + 1e9 / (isBursting ? model.burstRate : model.operationRate)
        return start
    }

    private mutating func duration(_ time: Double) -> UInt64 {
        var result = time * factors[Int(random.next() >> 32) % factors.count]
        if model.stallEvery > 0 {
            stallCount += 1
            // At even distances, so that a short run has its share.
            if stallCount % model.stallEvery == 0 { result += model.stallTime }
        }
        return UInt64(max(0, result))
    }

    // MARK: With heads

    private mutating func dispatch(_ now: UInt64, _ events: inout EventQueue) {
        let request = waiting.remove(at: nearest)
        isHeadBusy = true
        var time = model.flushTime
        if request.operation != .flush {
            time = position(request.place) + Double(request.bytes) / max(1, model.bandwidth) * 1e9
            head = request.place + UInt64(request.bytes)
        }
        let end = now + UInt64(time)
        events.add(request.kind, Int(request.index), at: end)
        events.add(.headFree, at: end)
    }

    /// The request to serve next; none overtakes a flush, and a flush none.
    private var nearest: Int {
        var best = 0
        var distance = UInt64.max
        for index in waiting.indices.prefix(Self.lookahead) {
            if waiting[index].operation == .flush { return distance == .max ? index : best }
            let place = waiting[index].place
            let found = place > head ? place - head : head - place
            if found < distance { (best, distance) = (index, found) }
        }
        return best
    }

    /// The time until the head is at `place`: nothing right behind the last operation, else a seek by the square root
    /// of the distance, and a part of a rotation.
    private mutating func position(_ place: UInt64) -> Double {
        if place == head { return 0 }
        let distance = Double(place > head ? place - head : head - place)
        let share = min(1, distance / max(1, model.size))
        let turn = model.rotation * Double(random.next() >> 11) / Double(1 << 53)
        // On the same track there is no seek.
        if distance < 1_048_576 { return turn }
        return model.shortestSeek + (model.longestSeek - model.shortestSeek) * share.squareRoot() + turn
    }
}
