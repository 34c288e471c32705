import FlushLab
import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore
import RedoubtSystem

/// A scenario on the engine itself, on this machine: the same phases, sampled ten times a second.
struct RealRun {
    private let folder: String

    /// Runs in `folder`, which is there.
    init(in folder: String) { self.folder = folder }

    /// What was seen, and the processor time of the process while the phases lasted.
    struct Outcome {
        let result: RunResult
        let processorSeconds: Double
    }

    /// Runs `scenario` under `policy`; the scenario of the result has the frames that the database turned out to have.
    ///
    /// Waits for as long as the phases take, and for the data to be loaded.
    func run(_ scenario: Scenario, policy: FlushingPolicy) throws(RedoubtError) -> Outcome {
        let own = try OwnFolder(in: folder)
        defer { own.remove() }
        let path = "\(own.path)/database"
        let rowCount = scenario.pageCount * 16384 / RealLoad.bytesPerRow
        try load(path, rowCount, scenario)
        let database = try Database.open(at: path, configuration: Self.configuration(scenario, policy))
        let keyspace = try database.keyspace(named: "rows")
        if scenario.pageCount < scenario.frameCount { _ = try keyspace.count() }
        let before = Self.processorSeconds
        let result = try measure(database, keyspace, rowCount, scenario, policy)
        let used = Self.processorSeconds - before
        try database.close()
        return Outcome(result: result, processorSeconds: used)
    }

    private static func configuration(_ scenario: Scenario, _ policy: FlushingPolicy) -> Configuration {
        var configuration = Configuration()
        // Frames, and an eighth for what stands beside them.
        configuration.memory = .bytes(scenario.frameCount * 16384 / 8 * 9 + (16 << 20))
        configuration.bufferPool.instanceCount = scenario.instanceCount
        configuration.bufferPool.lruScanDepth = scenario.freeFrameTarget
        configuration.redoLog.capacity = .bytes(scenario.redoCapacity)
        configuration.redoLog.checkpointIntervalMilliseconds = scenario.checkpointInterval
        configuration.flushing = scenario.options
        configuration.flushing.policy = policy
        configuration.durability = .deferred
        return configuration
    }

    private func load(_ path: String, _ rowCount: Int, _ scenario: Scenario) throws(RedoubtError) {
        var configuration = Configuration()
        configuration.redoLog.capacity = .mebibytes(512)
        let database = try Database.open(at: path, configuration: configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        var key = [UInt8](repeating: 0, count: RealLoad.keySize)
        let value = [UInt8](repeating: 7, count: RealLoad.valueSize)
        var load = keyspace.sortedLoad()
        for index in 0..<rowCount {
            RealLoad.setKey(&key, index, of: rowCount)
            try load.add(key, value)
        }
        try load.finish(durability: .flushed)
        try database.close()
    }

    private func measure(
        _ database: Database,
        _ keyspace: Keyspace,
        _ rowCount: Int,
        _ scenario: Scenario,
        _ policy: FlushingPolicy
    ) throws(RedoubtError) -> RunResult {
        let first = try database.statistics()
        var known = scenario
        known.frameCount = Int(clamping: first[.poolFrames])
        var result = RunResult(scenario: known, policy: policy)
        result.isReal = true
        result.asyncLimit = Int(clamping: first[.redoAsyncAge])
        result.syncLimit = Int(clamping: first[.redoSyncAge])
        result.stopLimit = Int(clamping: first[.redoMaximumAge])
        let load = RealLoad(keyspace, rowCount: rowCount, seed: scenario.seed)
        let threads = try load.start(scenario.phases.map(\.threads).max() ?? 0)
        defer {
            load.stop()
            for thread in threads { Scheduling.join(thread) }
        }
        var sampler = RealSampler(first)
        let start = Scheduling.now()
        var end = 0.0
        for (number, phase) in scenario.phases.enumerated() {
            load.begin(phase, number: number)
            end += phase.seconds
            while Double(result.samples.count) / 10 < end - 0.05 {
                let due = start.advanced(milliseconds: (result.samples.count + 1) * 100)
                let now = Scheduling.now()
                if now < due { Scheduling.sleep(microseconds: Int(due.nanoseconds(since: now)) / 1000 + 1) }
                if let error = load.error { throw error }
                let time = Double(Scheduling.now().nanoseconds(since: start)) / 1e9
                result.samples.append(sampler.sample(try database.statistics(), load.take(), time: time))
            }
        }
        return result
    }

    /// The processor seconds that this process has used.
    private static var processorSeconds: Double {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
        return user + Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
    }
}

/// Turns counters of a database into samples.
struct RealSampler {
    private var before: Statistics
    private var bytesBefore = RealSampler.deviceBytes

    init(_ first: Statistics) { before = first }

    mutating func sample(_ now: Statistics, _ progress: RealLoad.Progress, time: Double) -> Sample {
        func rise(_ name: CounterName) -> Int { Int(clamping: now[name] &- before[name]) }
        var sample = Sample()
        sample.time = time
        sample.transactions = progress.durations.total
        sample.p99 = Double(progress.durations.quantile(0.99)) / 1e6
        sample.longest = Double(progress.durations.longest) / 1e6
        sample.checkpointAge = Int(clamping: now[.currentLSN] &- min(now[.currentLSN], now[.checkpointLSN]))
        sample.redoAge = Int(clamping: now[.currentLSN] &- min(now[.currentLSN], now[.checkpointBoundLSN]))
        sample.dirty = Int(clamping: now[.poolDirtyPages])
        sample.free = Int(clamping: now[.poolFreeFrames])
        sample.reads = rise(.pagesRead)
        sample.writesActive = rise(.pagesWrittenAdaptive)
        sample.writesIdle = rise(.pagesWrittenIdle)
        sample.writesSync = rise(.pagesWrittenSync) + rise(.pagesWrittenRequest)
        sample.writesLRU = rise(.pagesWrittenLRU)
        sample.redo = rise(.currentLSN)
        let bytes = Self.deviceBytes
        sample.deviceBytes = bytes - bytesBefore
        bytesBefore = bytes
        func waited(_ reasons: WaitReason...) -> Double { reasons.reduce(0) { $0 + progress.waits[$1.index] } }
        sample.waitFrames = waited(.freeFrame, .frameCredit)
        sample.waitRedo = waited(.redoCapacity)
        sample.waitAdmission = waited(.backPressure)
        sample.waitReads = waited(.pageRead)
        sample.waitCommit = waited(.logFlush, .logWrite, .logBuffer)
        let states = BackPressure.allCases
        sample.backPressure = states[min(states.count - 1, Int(clamping: now[.backPressureState]))]
        before = now
        return sample
    }

    /// Bytes that this process has had written to devices.
    static var deviceBytes: Int {
        guard let file = unsafe fopen("/proc/self/io", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            guard line.hasPrefix("write_bytes:") else { continue }
            return line.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
        return 0
    }
}
