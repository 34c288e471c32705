import RedoubtCore

/// One kind of chart, drawn for every run with the same axes.
struct ChartRow: Sendable {
    /// A line or an area.
    struct Layer: Sendable {
        let name: String
        let paint: Int
        /// The value of a sample, NaN if it has none.
        let value: @Sendable (Sample, RunResult) -> Double

        init(_ name: String, paint: Int, _ value: @escaping @Sendable (Sample, RunResult) -> Double) {
            (self.name, self.paint, self.value) = (name, paint, value)
        }
    }

    /// What is shown, and in which unit.
    let title: String
    let unit: String
    /// What to look at.
    let note: String
    var form = LabChart.Form.lines
    var isLogarithmic = false
    var height = 170
    /// Whether nothing is known of it where only counters were seen.
    var isFromWithin = false
    let layers: [Layer]
    /// Values that are drawn across.
    var limits: @Sendable (RunResult) -> [LabChart.Limit] = { _ in [] }

    /// Returns the values of its layers in `result`.
    func series(of result: RunResult) -> [LabChart.Series] {
        let times = result.samples.map(\.time)
        return layers.map { layer in
            let isUnknown = isFromWithin && result.isOutline
            let values = result.samples.map { isUnknown ? .nan : layer.value($0, result) }
            return LabChart.Series(name: layer.name, paint: layer.paint, times: times, values: values)
        }
    }

    /// Returns the axis on which all of `series`, a list for each run, and `limits` have their place.
    func scale(of series: [[LabChart.Series]], limits: [LabChart.Limit]) -> ChartScale {
        var most = limits.reduce(0) { max($0, $1.value) }
        var least = Double.infinity
        for run in series {
            for index in 0..<(run.map(\.values.count).max() ?? 0) {
                let values = run.map { $0.values[index] }.filter { $0 > 0 }
                most = max(most, form == .areas ? values.reduce(0, +) : values.max() ?? 0)
                least = min(least, values.min() ?? least)
            }
        }
        return isLogarithmic ? ChartScale(decadesFrom: least, to: most) : ChartScale(upTo: most)
    }
}

extension ChartRow {
    /// The charts of a page, from what clients feel down to what causes it.
    static let all = [
        throughput, commits, age, dirty, writes, free, redo, device, queue, reads, waits, backPressure,
    ]

    private static let throughput = ChartRow(
        title: "Throughput",
        unit: "transactions a second",
        note: "Gaps down to 0 are stalls; a regular wave is flushing that comes too late and then all at once.",
        layers: [Layer("transactions", paint: 0) { sample, _ in perSecond(sample.transactions) }]
    )

    private static let commits = ChartRow(
        title: "Commit time",
        unit: "ms, each decade as high as the next",
        note: "There is no point where nothing ended; the longest commit after a gap is as long as the gap.",
        isLogarithmic: true,
        isFromWithin: true,
        layers: [
            Layer("longest", paint: 1) { sample, _ in sample.transactions > 0 ? sample.longest : .nan },
            Layer("99th percentile", paint: 0) { sample, _ in sample.transactions > 0 ? sample.p99 : .nan },
        ]
    )

    private static let age = ChartRow(
        title: "Checkpoint age",
        unit: "MiB of redo",
        note: "Far below the limits writes are wasted; along the sync limit nothing is left for a burst. "
            + "Recovery reads the redo since the oldest change.",
        layers: [
            Layer("since the oldest change", paint: 6) { sample, _ in mebibytes(sample.redoAge) },
            Layer("since the checkpoint", paint: 0) { sample, _ in mebibytes(sample.checkpointAge) },
        ],
        limits: { result in
            [
                LabChart.Limit(name: "stop", value: mebibytes(result.stopLimit)),
                LabChart.Limit(name: "sync", value: mebibytes(result.syncLimit)),
                LabChart.Limit(name: "async", value: mebibytes(result.asyncLimit)),
            ]
        }
    )

    private static let dirty = ChartRow(
        title: "Dirty pages",
        unit: "percent of the frames",
        note: "A dirty share that keeps rising is writing that lags behind the load.",
        layers: [
            Layer("dirty", paint: 0) { sample, result in
                Double(sample.dirty) * 100 / Double(max(1, result.scenario.frameCount))
            }
        ]
    )

    private static let writes = ChartRow(
        title: "Pages written",
        unit: "pages a second, by reason",
        note: "Even is good. Sync flushing is a late panic; much for free frames means that the pool is too small.",
        form: .areas,
        layers: zip(Sample.Reason.allCases, [0, 6, 3, 1, 4]).map { reason, paint in
            Layer(reason.words, paint: paint) { sample, _ in perSecond(sample.pages(for: reason)) }
        }
    )

    private static let free = ChartRow(
        title: "Free frames",
        unit: "frames",
        note: "At 0 whoever reads a page has to wait for one to be written or evicted.",
        layers: [Layer("free", paint: 2) { sample, _ in Double(sample.free) }],
        limits: { result in
            let wanted = Double(result.scenario.freeFrameTarget) * Double(result.scenario.instanceCount)
            return [LabChart.Limit(name: "wanted", value: wanted)]
        }
    )

    private static let redo = ChartRow(
        title: "Redo",
        unit: "MiB a second",
        note: "What the load changes, before anything is written for it.",
        layers: [Layer("redo", paint: 4) { sample, _ in mebibytes(sample.redo) * 10 }]
    )

    private static let device = ChartRow(
        title: "Written to the device",
        unit: "MiB a second: pages, their copies, redo",
        note: "Beside the redo it shows what a byte of change costs.",
        isFromWithin: true,
        layers: [Layer("written", paint: 5) { sample, _ in mebibytes(sample.deviceBytes) * 10 }]
    )

    private static let queue = ChartRow(
        title: "Device queue",
        unit: "operations under way or waiting",
        note: "A long queue delays the writes of the redo, which commits wait for.",
        isFromWithin: true,
        layers: [Layer("queue", paint: 1) { sample, _ in sample.queue }]
    )

    private static let reads = ChartRow(
        title: "Pages read",
        unit: "pages a second",
        note: "What is not in the pool; each needs a free frame first.",
        layers: [Layer("read", paint: 5) { sample, _ in perSecond(sample.reads) }]
    )

    private static let waits = ChartRow(
        title: "Clients that wait",
        unit: "clients at a time, by what they wait for",
        note: "Redo space and free frames are the two that stop a server.",
        form: .areas,
        isFromWithin: true,
        layers: zip(Sample.Wait.allCases, [3, 1, 7, 5, 0]).map { wait, paint in
            Layer(wait.words, paint: paint) { sample, _ in sample.time(of: wait) / 1e8 }
        }
    )

    private static let backPressure = ChartRow(
        title: "Back-pressure",
        unit: "writers delayed, or stopped",
        note: "A short delay spread over all writers takes the place of a stall.",
        form: .band,
        height: 66,
        layers: [
            Layer("back-pressure", paint: 3) { sample, _ in
                switch sample.backPressure {
                case .normal: 0
                case .delayed: 1
                case .stopped: 2
                }
            }
        ]
    )
}

private func perSecond(_ count: Int) -> Double { Double(count) * 10 }

private func mebibytes(_ count: Int) -> Double { Double(count) / 1_048_576 }
