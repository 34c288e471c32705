import Glibc

/// The device by itself: fio with the ratio of reads, page writes and doublewrite writes that the engine had.
struct Control: Sendable {
    /// What fio is asked to do.
    struct Mix: Sendable {
        /// Pages read and written a second, and doublewrite bytes.
        var reads: Double
        var writes: Double
        var doublewriteBytes: Double
        /// Reads and page writes in flight at once, and the bytes of one doublewrite write.
        var readDepth: Int
        var writeDepth: Int
        var doublewriteSize: Int

        /// The mean of `mixes`, of which there is at least one.
        static func mean(_ mixes: [Mix]) -> Mix {
            var mix = mixes[0]
            let count = Double(mixes.count)
            mix.reads = mixes.reduce(0) { $0 + $1.reads } / count
            mix.writes = mixes.reduce(0) { $0 + $1.writes } / count
            mix.doublewriteBytes = mixes.reduce(0) { $0 + $1.doublewriteBytes } / count
            mix.doublewriteSize = (mixes.reduce(0) { $0 + $1.doublewriteSize } / mixes.count) / 16384 * 16384
            return mix
        }

        /// Doublewrite writes a second.
        var batches: Double { doublewriteBytes / Double(doublewriteSize) }
    }

    /// What the device did.
    struct Result: Sendable {
        /// Reads and page writes a second.
        var reads = 0.0
        var writes = 0.0
        /// Doublewrite bytes a second.
        var doublewriteBytes = 0.0
        /// Reads in each second.
        var readsBySecond: [Double] = []
        /// The 99.9th percentile of a read in nanoseconds.
        var wait = 0.0
    }

    private let folder: String
    private let dataBytes: Int

    /// Whether there is a fio to run.
    static var isAvailable: Bool { unsafe system("command -v fio > /dev/null 2>&1") == 0 }

    /// Writes the files that fio reads and writes: `dataBytes` of pages, and a doublewrite file, in `folder`.
    init(folder: String, dataBytes: Int) throws {
        self.folder = folder
        self.dataBytes = dataBytes
        let mebibytes = dataBytes >> 20
        let make = "dd if=/dev/urandom bs=1M iflag=fullblock conv=fsync status=none"
        guard unsafe system("\(make) of='\(folder)/control.data' count=\(mebibytes)") == 0,
            unsafe system("\(make) of='\(folder)/control.doublewrite' count=16") == 0
        else { throw BenchmarkFailure("the files of the control could not be written") }
    }

    /// Finds, in `seconds`, the most updates a second whose I/O the device can do in the ratio of `mix`, and returns it
    /// as reads a second.
    ///
    /// Reads run free while writes are paced to what the reads should be; the reads that come of it and those assumed
    /// meet in a few steps from `guess` on. (fio's own coupling of jobs, `flow`, drains the queue of whoever is ahead.)
    func limit(_ mix: Mix, guess: Double, seconds: Int) throws -> Double {
        let steps = max(1, min(4, seconds / 2))
        var assumed = guess
        for _ in 0..<steps {
            let factor = assumed / max(1, mix.reads)
            var wanted = mix
            wanted.writes *= factor
            wanted.doublewriteBytes *= factor
            let result = try run(wanted, isPaced: false, seconds: max(1, seconds / steps))
            var found = result.reads
            // Writes that keep their pace say nothing; those that fall behind were asked for too much.
            for (done, pace) in [(result.writes, wanted.writes), (result.doublewriteBytes, wanted.doublewriteBytes)]
            where pace >= 1 && done < 0.97 * pace {
                found = min(found, assumed * done / pace)
            }
            assumed = (assumed + found) / 2
        }
        return assumed
    }

    /// Runs fio for `seconds` at the rates of `mix`; unless `isPaced`, the reads go as fast as they can.
    func run(_ mix: Mix, isPaced: Bool, seconds: Int) throws -> Result {
        let job = folder + "/control.fio"
        try write(jobFile(mix, isPaced: isPaced, seconds: seconds), to: job)
        _ = unsafe system("rm -f '\(folder)'/control_iops*.log")
        let output = folder + "/control.out"
        guard unsafe system("cd '\(folder)' && fio --output-format=terse --output='\(output)' '\(job)'") == 0 else {
            throw BenchmarkFailure("fio failed; see \(output)")
        }
        var result = try parse(try text(of: output))
        result.readsBySecond = try text(of: folder + "/control_iops.1.log").split(separator: "\n").compactMap {
            let words = $0.split(separator: ",")
            return words.count > 1 ? Double(words[1].drop { $0 == " " }) : nil
        }
        return result
    }

    private func jobFile(_ mix: Mix, isPaced: Bool, seconds: Int) -> String {
        func pace(_ rate: Double) -> String { "rate_iops=\(max(1, Int(rate.rounded())))" }
        var job = """
            [global]
            ioengine=libaio
            direct=1
            time_based=1
            runtime=\(seconds)
            randrepeat=0
            norandommap=1
            percentile_list=50:99:99.9
            log_avg_msec=1000
            [reads]
            filename=\(folder)/control.data
            size=\(dataBytes >> 20)m
            rw=randread
            bs=16k
            iodepth=\(mix.readDepth)
            write_iops_log=control
            \(isPaced ? pace(mix.reads) : "")

            """
        if mix.writes >= 1 {
            job += """
                [writes]
                filename=\(folder)/control.data
                size=\(dataBytes >> 20)m
                rw=randwrite
                bs=16k
                iodepth=\(mix.writeDepth)
                \(pace(mix.writes))

                """
        }
        if mix.batches >= 1 {
            job += """
                [doublewrite]
                filename=\(folder)/control.doublewrite
                size=16m
                rw=write
                bs=\(mix.doublewriteSize)
                iodepth=1
                \(pace(mix.batches))

                """
        }
        return job
    }

    /// Reads fio's terse output (version 3): a line for each job, fields between semicolons.
    private func parse(_ output: String) throws -> Result {
        var result = Result()
        for line in output.split(separator: "\n") {
            let fields = line.split(separator: ";", omittingEmptySubsequences: false)
            guard fields.count > 80, fields[0] == "3" else { continue }
            func number(_ index: Int) -> Double { Double(fields[index]) ?? 0 }
            switch fields[2] {
            case "reads":
                result.reads = number(7)
                // "99.900000%=1234", in microseconds.
                let tail = fields[17...36].first { $0.hasPrefix("99.9") }
                result.wait = (tail?.split(separator: "=").last.flatMap { Double($0) } ?? 0) * 1000
            case "writes": result.writes = number(48)
            case "doublewrite": result.doublewriteBytes = number(47) * 1024
            default: break
            }
        }
        guard result.reads > 0 else { throw BenchmarkFailure("fio printed no figures") }
        return result
    }

    private func text(of path: String) throws -> String {
        guard let file = unsafe fopen(path, "r") else { throw BenchmarkFailure("\(path) cannot be read") }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}

/// Writes `text` to the file `path`.
func write(_ text: String, to path: String) throws {
    guard let file = unsafe fopen(path, "w") else { throw BenchmarkFailure("\(path) cannot be written") }
    unsafe fputs(text, file)
    unsafe fclose(file)
}
