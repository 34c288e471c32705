import CRedoubtShims
import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Measures a device with direct I/O, as parameters of a ``DeviceModel``.
struct DeviceBench {
    private let path: String
    private let file: Int32

    private static let pageBytes = 16384
    private static let fileBytes = 1 << 30
    private static let threadCount = 16
    /// As long as a doublewrite segment.
    private static let longBytes = 2 << 20
    private static let seconds = 1.5

    /// Measures the device that holds `folder`, in about fifteen seconds.
    ///
    /// Makes a file of 1 GiB there, and removes it.
    static func measure(in folder: String) throws(CommandFailure) -> DeviceModel {
        let bench = try DeviceBench(folder)
        defer { bench.close() }
        return try bench.measure()
    }

    private init(_ folder: String) throws(CommandFailure) {
        path = "\(folder)/device-bench"
        file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | redoubt_o_direct, 0o600)
        guard file >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw CommandFailure(code: .failure, message: "\(path) cannot be made for direct I/O: \(reason)")
        }
        // Written, and not only reserved: what was never written is read without the device.
        let bytes = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
        defer { unsafe buffer.deallocate() }
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 90)
        for place in stride(from: 0, to: Self.fileBytes, by: bytes) {
            guard unsafe pwrite(file, buffer.baseAddress, bytes, place) == bytes else {
                let reason = unsafe String(cString: strerror(errno))
                close()
                throw CommandFailure(code: .failure, message: "\(path) cannot be written: \(reason)")
            }
        }
        if fsync(file) != 0 { throw CommandFailure(code: .failure, message: "\(path) cannot be synced") }
    }

    private func close() {
        Glibc.close(file)
        _ = unsafe unlink(path)
    }

    private func measure() throws(CommandFailure) -> DeviceModel {
        let reads = unsafe try run(1) { unsafe pread($0, $1, Self.pageBytes, $2) }
        let manyReads = unsafe try run(Self.threadCount) { unsafe pread($0, $1, Self.pageBytes, $2) }
        let writes = unsafe try run(1) { unsafe pwrite($0, $1, Self.pageBytes, $2) }
        let manyWrites = unsafe try run(Self.threadCount) { unsafe pwrite($0, $1, Self.pageBytes, $2) }
        let long = unsafe try run(1, bytes: Self.longBytes) { unsafe pwrite($0, $1, Self.longBytes, $2) }
        let syncs = unsafe try run(1) { file, buffer, place in
            guard unsafe pwrite(file, buffer, 4096, place) == 4096 else { return -1 }
            return fdatasync(file) == 0 ? Self.pageBytes : -1
        }
        var model = DeviceModel()
        model.name = "this-machine"
        model.title = "this machine, measured"
        model.readTime = Self.rounded(reads.mean)
        model.writeTime = Self.rounded(writes.mean)
        // A write of 4 KiB takes about as long as one of a page where the path is what takes the time.
        model.flushTime = Self.rounded(max(1000, syncs.mean - writes.mean))
        // What each of fifteen others adds.
        let others = Double(Self.threadCount - 1)
        model.readLoad = Self.rounded(max(100, (manyReads.mean - reads.mean) / others))
        model.writeLoad = Self.rounded(max(100, (manyWrites.mean - writes.mean) / others))
        let rest = max(1000, long.mean - writes.mean)
        model.bandwidth = Self.rounded(Double(Self.longBytes - Self.pageBytes) / rest * 1e9)
        model.channels = 1024
        model.spread = min(1, max(0.05, reads.spread))
        model.spread = (model.spread * 100).rounded() / 100
        model.size = 1e12
        return model
    }

    /// Two digits: more would say what is not known.
    private static func rounded(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        var (rest, unit) = (value, 1.0)
        while rest >= 1000 {
            rest /= 10
            unit *= 10
        }
        return rest.rounded() * unit
    }

    /// What operations took.
    private struct Outcome: Sendable {
        /// The mean in nanoseconds, without the longest hundredth.
        var mean = 0.0
        /// The standard deviation of the logarithm, by the middle 80 of 100.
        var spread = 0.0
    }

    private func run(
        _ threads: Int,
        bytes: Int = pageBytes,
        _ operation: @escaping @Sendable (Int32, UnsafeMutableRawPointer, Int) -> Int
    ) throws(CommandFailure) -> Outcome {
        let start = Screen.seconds
        let file = file
        let shared = BenchState()
        var workers: [EngineThread] = []
        for number in 0..<threads {
            workers.append(
                try explaining { () throws(RedoubtError) in
                    try Scheduling.start("bench-\(number)") {
                        unsafe shared.work(file, number, bytes, until: start + Self.seconds, operation)
                    }
                }
            )
        }
        for worker in workers { Scheduling.join(worker) }
        let times = shared.times.sorted()
        guard !shared.hasFailed, times.count >= 20 else {
            throw CommandFailure(code: .failure, message: "\(path): direct I/O failed or was too slow to measure")
        }
        func quantile(_ share: Double) -> Double { times[Int(Double(times.count - 1) * share)] }
        var outcome = Outcome()
        let usual = times[..<max(1, times.count * 99 / 100)]
        outcome.mean = usual.reduce(0, +) / Double(usual.count)
        // 2.563 standard deviations lie between the 10th and the 90th percentile.
        outcome.spread = log(max(1.01, quantile(0.9) / max(1, quantile(0.1)))) / 2.563
        return outcome
    }

    /// What the threads of a measurement share.
    private final class BenchState: Sendable {
        private let found = Mutex<[Double]>([])
        private let failed = Atomic<Bool>(false)

        var times: [Double] { found.withLock { $0 } }
        var hasFailed: Bool { failed.load(ordering: .acquiring) }

        func work(
            _ file: Int32,
            _ number: Int,
            _ bytes: Int,
            until end: Double,
            _ operation: (Int32, UnsafeMutableRawPointer, Int) -> Int
        ) {
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
            defer { unsafe buffer.deallocate() }
            unsafe buffer.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: number), count: bytes)
            var random = SeededRandom(seed: UInt64(number + 1))
            var own: [Double] = []
            while true {
                let begin = Scheduling.now()
                if Screen.seconds >= end { break }
                let place = random.below(fileBytes / bytes) * bytes
                if unsafe operation(file, buffer, place) != bytes {
                    failed.store(true, ordering: .releasing)
                    return
                }
                own.append(Double(Scheduling.now().nanoseconds(since: begin)))
            }
            found.withLock { $0 += own }
        }
    }
}
