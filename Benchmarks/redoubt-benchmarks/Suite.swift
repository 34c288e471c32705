import Glibc
import Redoubt
import RedoubtCore

/// The benchmarks in order, with their parameters.
struct Suite {
    /// A number with a small and a real value.
    struct Parameter {
        let smoke: Int
        let canonical: Int
    }

    static let rowCount = Parameter(smoke: 20_000, canonical: 5_000_000)
    static let readCount = Parameter(smoke: 20_000, canonical: 2_000_000)
    static let insertCount = Parameter(smoke: 5_000, canonical: 1_000_000)
    static let commitMilliseconds = Parameter(smoke: 100, canonical: 3_000)

    let isSmoke: Bool
    let runCount: Int
    let folder: String
    private let only: [String]
    private let jsonPath: String?
    let configuration: Configuration

    /// The memory that was asked for, if any was.
    private let memory: ByteCount?

    init(_ options: Options) {
        isSmoke = options.isSmoke
        runCount = options.runCount ?? (isSmoke ? 1 : 5)
        // A folder of its own, because it is removed with all that is in it.
        folder = (options.folder ?? "/var/tmp") + "/redoubt-benchmarks.\(getpid())"
        only = options.only
        jsonPath = options.jsonPath
        memory = options.mebibytes.map { .mebibytes($0) }
        var configuration = Configuration()
        configuration.memory = memory ?? .mebibytes(isSmoke ? 64 : 2048)
        configuration.redoLog.capacity = isSmoke ? .mebibytes(64) : .gibibytes(1)
        self.configuration = configuration
    }

    func run() throws {
        unsafe mkdir(folder, 0o700)
        defer { _ = unsafe system("rm -rf '\(folder)'") }
        let machine = Machine.line
        let commit = Machine.commit
        print("redoubt benchmarks, \(isSmoke ? "smoke" : "canonical") parameters, commit \(commit)\n\(machine)\n")
        var results: [Measurement] = []
        if wants("read") || wants("load") || wants("scan") { results += try ReadBenchmarks(self).run() }
        if wants("insert") { results += try InsertBenchmark(self).run() }
        if wants("commit") { results += try CommitBenchmarks(self).run() }
        if only.contains("memory") { results += try MemoryBenchmark(self, memory: memory ?? .mebibytes(256)).run() }
        if only.contains("budget") { try BudgetWorks(self).run() }
        let parameters = "\(isSmoke ? "smoke" : "canonical") rows=\(pick(Self.rowCount)) memory=\(configuration.memory)"
        for result in results { report(result) }
        ratios(results)
        if let jsonPath {
            let lines = results.map { $0.json(parameters, machine, commit) + "\n" }.joined()
            guard let file = unsafe fopen(jsonPath, "w") else {
                throw BenchmarkFailure("\(jsonPath) cannot be written")
            }
            unsafe fputs(lines, file)
            unsafe fclose(file)
        }
    }

    /// The value of `parameter` for this run.
    func pick(_ parameter: Parameter) -> Int { isSmoke ? parameter.smoke : parameter.canonical }

    /// Runs `body` as often as asked; it returns what a second of it is worth, and a checksum.
    func measure(_ name: String, _ unit: String, _ body: (Int) throws -> (Double, UInt64)) throws -> Measurement {
        var runs: [Double] = []
        var checksum: UInt64 = 0
        for run in 0..<runCount {
            let (figure, sum) = try body(run)
            runs.append(figure)
            checksum = sum
        }
        return Measurement(name: name, unit: unit, runs: runs, checksum: checksum)
    }

    private func wants(_ name: String) -> Bool { only.isEmpty || only.contains(name) }

    private func report(_ result: Measurement) {
        let name = result.name + String(repeating: " ", count: max(0, 26 - result.name.count))
        let figure = "\(Int(result.median))"
        let padding = String(repeating: " ", count: max(0, 12 - figure.count))
        print("\(name)\(padding)\(figure) \(result.unit)  (spread \(Int(result.spread * 100)) %)")
    }

    /// Prints the ratios that the engine is held to.
    private func ratios(_ results: [Measurement]) {
        func figure(_ name: String) -> Double? { results.first { $0.name == name }?.median }
        func ratio(_ text: String, _ upper: String, _ lower: String, floor: Double) {
            guard let upper = figure(upper), let lower = figure(lower), lower > 0 else { return }
            let value = (upper / lower * 100).rounded() / 100
            let verdict = isSmoke ? "smoke" : value >= floor ? "ok" : "BELOW"
            print("ratio: \(text): \(value) (floor \(floor)): \(verdict)")
        }
        print("")
        ratio("point reads, 1 thread / C binary search", "read-1", "c-binary-search", floor: 0.4)
        ratio("durable commits, 1 thread / raw 4 KiB writes", "commit-1", "raw-writes", floor: 0.7)
        ratio("durable commits, 32 threads / 1 thread", "commit-32", "commit-1", floor: 6)
    }
}

/// Why a benchmark could not run.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) { description = reason }
}
