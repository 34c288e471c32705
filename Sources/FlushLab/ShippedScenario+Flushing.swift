import RedoubtCore

// What everybody who tunes flushing meets sooner or later.
extension ShippedScenario {
    static let flushing = [furious, sawtooth, idleWear, neighbours, deepScan, smallBatches, recovery]

    private static let furious = ShippedScenario(
        "furious-flushing",
        variants: [Variant("small redo"), Variant("large redo", [Setting("capacity", "8 GiB")])],
        claims: [
            Claim("with a small redo mysql80 falls into panic again and again") { outcomes in
                let verdict = outcomes.run("small redo", .mysql80).verdict
                return (verdict.syncShare > 0.1, figures(verdict))
            },
            Claim("with a large one it does not in these two minutes") { outcomes in
                let verdict = outcomes.run("large redo", .mysql80).verdict
                return (verdict.syncShare == 0, figures(verdict))
            },
            Claim("redoubt never does, and is steadier, with the small redo") { outcomes in
                let (own, other) = (outcomes.run("small redo", .redoubt), outcomes.run("small redo", .mysql80))
                let (a, b) = (variation(own), variation(other))
                return (
                    own.verdict.syncShare == 0 && a < b,
                    "CV of seconds \(NumberText.fixed(a, 3)), mysql80 \(NumberText.fixed(b, 3))"
                )
            },
            Claim("a large redo writes fewer pages for a transaction") { outcomes in
                let small = outcomes.run("small redo", .mysql80).verdict.pagesPerTransaction ?? 0
                let large = outcomes.run("large redo", .mysql80).verdict.pagesPerTransaction ?? 0
                return (
                    large < 0.7 * small, "\(NumberText.short(large)), and \(NumberText.short(small)) with the small one"
                )
            },
        ],
        """
        # Furious flushing: a redo that is turned over faster than pages can be written.
        #
        # The data is in memory and writers go as fast as they can, so the redo is what all wait for. Look at the
        # checkpoint age against its limits, and at the pages that are written in panic (sync). With a small redo each
        # page is written again and again before it has gathered many changes. The remedy is a larger redo, not a larger
        # io_capacity: compare the two variants.
        title = furious flushing with a small redo
        policies = mysql80, mariadb, redoubt
        device = sataSSD

        [data]
        size = 512 MiB
        pool = 1 GiB

        [redo]
        capacity = 96 MiB

        [options]
        innodb_io_capacity = 2000
        innodb_io_capacity_max = 10000

        [workload]
        processorTime = 60 us

        [phase load]
        seconds = 120
        """
    )

    private static let sawtooth = ShippedScenario(
        "checkpoint-age-sawtooth",
        claims: [
            Claim("under mysql57 the age goes up and down with the load") { outcomes in
                let swing = swing(outcomes.run("as it is", .mysql57))
                return (swing > 0.15, "by \(NumberText.percent(swing)) of the limit")
            },
            Claim("under redoubt by less than half of that") { outcomes in
                let own = swing(outcomes.run("as it is", .redoubt))
                let other = swing(outcomes.run("as it is", .mysql57))
                return (2 * own < other, "by \(NumberText.percent(own)) of the limit")
            },
        ],
        """
        # The sawtooth of the checkpoint age.
        #
        # Twenty seconds of much, twenty of little, again and again. Classic policies write what the age asks for,
        # averaged over thirty rounds: they are late when the load rises, and still busy when it has fallen. Look at the
        # checkpoint age, second by second, and at the pages flushed; then at the same under the policy redoubt, which
        # knows when each page is due.
        title = the sawtooth of the checkpoint age
        policies = mysql57, mysql80, redoubt
        device = sataSSD

        [data]
        size = 256 MiB
        pool = 1 GiB

        [redo]
        capacity = 96 MiB

        [options]
        innodb_io_capacity = 1000
        innodb_io_capacity_max = 6000

        """ + waves(4)
    )

    private static func waves(_ count: Int) -> String {
        (1...count).map { number in
            "[phase much \(number)]\nseconds = 20\nrate = 40000\n\n"
                + "[phase little \(number)]\nseconds = 20\nrate = 10000\n"
        }.joined(separator: "\n")
    }

    private static let idleWear = ShippedScenario(
        "idle-flushing-wear",
        variants: [
            Variant("100 percent"), Variant("10 percent", [Setting("innodb_idle_flush_pct", "10")]),
            Variant("none", [Setting("innodb_idle_flush_pct", "0")]),
        ],
        claims: [
            Claim("each pause at full io_capacity costs writes that the next burst repeats") { outcomes in
                let full = bytes(outcomes.run("100 percent"))
                let none = bytes(outcomes.run("none"))
                let figures = "\(NumberText.size(full)) written, \(NumberText.size(none)) without idle flushing"
                return (full > 1.3 * none, figures)
            },
            Claim("a tenth of io_capacity lies between") { outcomes in
                let some = bytes(outcomes.run("10 percent"))
                let (full, none) = (bytes(outcomes.run("100 percent")), bytes(outcomes.run("none")))
                return (some < 0.95 * full && some > 1.05 * none, NumberText.size(some))
            },
            Claim("and it is paid with recovery time") { outcomes in
                let (full, none) = (last(outcomes.run("100 percent")), last(outcomes.run("none")))
                let figures = "redo age at the end \(NumberText.size(full)), \(NumberText.size(none)) without"
                return (full < none / 4, figures)
            },
        ],
        """
        # Idle flushing and wear.
        #
        # Five seconds of load, ten of nothing, again and again. Whoever sets io_capacity to what the device can do has
        # each pause used to write every dirty page, and the next burst dirties the same pages again: that wears out an
        # SSD for nothing but a shorter recovery. Look at the pages flushed in the pauses, at the bytes written in all,
        # and at what innodb_idle_flush_pct does to both.
        title = idle flushing and wear
        policies = mysql80
        device = nvmeConsumer

        [data]
        size = 128 MiB
        pool = 512 MiB

        [redo]
        capacity = 2 GiB

        [options]
        innodb_io_capacity = 5000
        innodb_io_capacity_max = 10000

        [workload]
        pattern = zipfian 0.9

        """ + bursts(6)
    )

    private static func bursts(_ count: Int) -> String {
        (1...count).map { number in
            "[phase burst \(number)]\nseconds = 5\nrate = 10000\n\n[phase pause \(number)]\nseconds = 10\nthreads = 0\n"
        }.joined(separator: "\n")
    }

    private static let neighbours = ShippedScenario(
        "neighbours",
        variants: [
            ("none", "disk7200"), ("contiguous", "disk7200"), ("extent", "disk7200"), ("none", "nvme"),
            ("extent", "nvme"),
        ]
        .map { Variant("\($0.0) on \($0.1)", [Setting("neighbours", $0.0), Setting("device", $0.1)]) },
        claims: [
            Claim("on a disk with heads, extent wins") { outcomes in
                let extent = outcomes.run("extent on disk7200").verdict.meanRate
                let none = outcomes.run("none on disk7200").verdict.meanRate
                return (extent > 1.3 * none, "\(NumberText.short(extent))/s, none \(NumberText.short(none))/s")
            },
            Claim("without heads none wins, and extent writes more for a transaction") { outcomes in
                let extent = outcomes.run("extent on nvme").verdict
                let none = outcomes.run("none on nvme").verdict
                let (a, b) = (extent.pagesPerTransaction ?? 0, none.pagesPerTransaction ?? 0)
                return (
                    a > b && none.meanRate > 1.05 * extent.meanRate,
                    "\(NumberText.short(none.meanRate))/s and \(NumberText.short(b)) pages a transaction, extent "
                        + "\(NumberText.short(extent.meanRate))/s and \(NumberText.short(a))"
                )
            },
        ],
        """
        # Neighbours on a disk and on an SSD.
        #
        # Writing the dirty neighbours of a page costs next to nothing on a disk once its head is there, and makes the
        # next pages cleaner before their time. Without a head each neighbour costs as much as any page, and many would
        # have been changed again. Look at the throughput and at the pages written for a transaction.
        title = flushing neighbours on a disk and on NVMe
        policies = mysql80
        device = disk7200

        [data]
        size = 256 MiB
        pool = 512 MiB

        [redo]
        capacity = 64 MiB

        [options]
        innodb_io_capacity = 200
        innodb_io_capacity_max = 2000
        doublewrite = off

        [phase load]
        seconds = 60
        """
    )

    private static let deepScan = ShippedScenario(
        "many-instances-deep-scan",
        variants: [
            Variant("64 instances"), Variant("4 instances", [Setting("instances", "4")]),
            Variant("64 instances, shallow", [Setting("freeFrames", "64")]),
        ],
        claims: [
            Claim("sixty-four instances hold back twice as much of the pool as four of the same depth") { outcomes in
                let (many, few) = (free(outcomes.run("64 instances")), free(outcomes.run("4 instances")))
                return (many > 2 * few, "\(NumberText.percent(many)), \(NumberText.percent(few))")
            },
            Claim("which costs reads, and so throughput; a shallower scan gives it back") { outcomes in
                let many = outcomes.run("64 instances").verdict.meanRate
                let few = outcomes.run("4 instances").verdict.meanRate
                let shallow = outcomes.run("64 instances, shallow").verdict.meanRate
                let figures =
                    "\(NumberText.short(many))/s, 4 instances \(NumberText.short(few))/s, shallow "
                    + "\(NumberText.short(shallow))/s"
                return (few > 1.03 * many && shallow > 1.03 * many, figures)
            },
        ],
        """
        # Too many instances with a deep LRU scan.
        #
        # innodb_lru_scan_depth is held free in every instance: with 64 instances and a depth of 1024 that were 1 GiB.
        # This engine holds at most an eighth of each instance free, and even that is a lot. Look at the free frames and
        # at the reads: what is free holds no data.
        title = too many instances with a deep LRU scan
        policies = perconaLRU
        device = nvme

        [data]
        size = 4 GiB
        pool = 2 GiB
        instances = 64
        freeFrames = 1024

        [redo]
        capacity = 1 GiB

        [workload]
        pattern = zipfian 0.8

        [phase load]
        seconds = 30
        threads = 8
        """
    )

    private static let smallBatches = ShippedScenario(
        "doublewrite-batch",
        variants: [Variant("4 pages", [Setting("innodb_doublewrite_pages", "4")]), Variant("128 pages")],
        claims: [
            Claim("batches of four pages pay two flushes of the device for every four pages") { outcomes in
                let (small, large) = (
                    outcomes.run("4 pages").verdict.meanRate, outcomes.run("128 pages").verdict.meanRate
                )
                return (large > 1.5 * small, "\(NumberText.short(small))/s, 128 pages \(NumberText.short(large))/s")
            }
        ],
        """
        # Doublewrite batches of 4 pages against 128.
        #
        # Copies must be durable before their pages are written, which is a flush of the device for each batch. On a
        # device whose flush takes milliseconds a small batch spends its time waiting: MySQL 8.0.20 came with batches of
        # 4 pages (bug 97001 and others), later versions with 128. Look at the pages flushed and at the throughput.
        title = doublewrite batches of 4 pages against 128
        policies = mysql80
        device = nvmeConsumer

        [data]
        size = 512 MiB
        pool = 1 GiB

        [redo]
        capacity = 64 MiB

        [options]
        innodb_io_capacity = 4000
        innodb_io_capacity_max = 20000
        innodb_doublewrite_pages = 128

        [phase load]
        seconds = 60
        """
    )

    private static let recovery = ShippedScenario(
        "recovery-against-redo",
        variants: ["128 MiB", "512 MiB", "2 GiB", "8 GiB"].map { Variant($0, [Setting("capacity", $0)]) }
            + [Variant("8 GiB, 5 s", [Setting("capacity", "8 GiB"), Setting("targetRecoveryTime", "5 s")])],
        claims: [
            Claim("recovery takes longer the larger the redo is") { outcomes in
                let times = ["128 MiB", "512 MiB", "2 GiB"].map {
                    outcomes.run($0, .mysql80).verdict.recoverySeconds ?? 0
                }
                let isRising = zip(times, times.dropFirst()).allSatisfy { $0 * 1.5 < $1 }
                return (isRising, times.map(NumberText.duration).joined(separator: ", "))
            },
            Claim("and fewer pages are written") { outcomes in
                let pages = ["128 MiB", "512 MiB", "2 GiB"].map {
                    outcomes.run($0, .mysql80).verdict.pagesPerTransaction ?? 0
                }
                let isFalling = zip(pages, pages.dropFirst()).allSatisfy { $0 > $1 }
                return (isFalling, pages.map(NumberText.short).joined(separator: ", ") + " a transaction")
            },
            Claim("redoubt holds a time for recovery whatever the redo's size") { outcomes in
                let time = outcomes.run("8 GiB, 5 s", .redoubt).verdict.recoverySeconds ?? 0
                return (time > 3 && time <= 5.2, NumberText.duration(time))
            },
        ],
        """
        # Recovery time against the size of the redo.
        #
        # The more redo there is between the last checkpoint and the end, the longer recovery takes, and the fewer pages
        # have to be written meanwhile. Look at the recovery time in the table and at the pages for a transaction. With
        # InnoDB one chooses a size; with the policy redoubt one may choose the time instead (targetRecoveryTime).
        title = recovery time against the size of the redo
        policies = mysql80, redoubt
        device = nvme

        [data]
        size = 1 GiB
        pool = 2 GiB

        [redo]
        capacity = 512 MiB
        replayRate = 100 MB/s

        [options]
        innodb_io_capacity = 2000
        innodb_io_capacity_max = 20000

        [workload]
        processorTime = 40 us

        [phase load]
        seconds = 120
        """
    )

    // MARK: Figures

    /// The coefficient of variation of the transactions of each second.
    private static func variation(_ outcome: Outcomes.Outcome) -> Double {
        let samples = outcome.result.samples.dropFirst(200)
        let seconds = stride(from: samples.startIndex, to: samples.endIndex - 9, by: 10).map { first in
            samples[first..<first + 10].reduce(0.0) { $0 + Double($1.transactions) }
        }
        let mean = seconds.reduce(0, +) / Double(max(1, seconds.count))
        let square = seconds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, seconds.count))
        return mean > 0 ? square.squareRoot() / mean : 0
    }

    /// How far the redo age swings in the second half, from its 5th to its 95th percentile, over the limit.
    ///
    /// Of seconds, not tenths, so that what a checkpoint or a round of a second does is no swing.
    private static func swing(_ outcome: Outcomes.Outcome) -> Double {
        let ages = outcome.result.samples.map { Double($0.redoAge) }
        let seconds = stride(from: ages.count / 2, to: ages.count - 9, by: 10).map { first in
            ages[first..<first + 10].reduce(0, +) / 10
        }
        return (seconds.quantile(0.95) - seconds.quantile(0.05)) / Double(max(1, outcome.result.stopLimit))
    }

    private static func bytes(_ outcome: Outcomes.Outcome) -> Double {
        outcome.result.samples.reduce(0) { $0 + Double($1.deviceBytes) }
    }

    private static func last(_ outcome: Outcomes.Outcome) -> Double {
        Double(outcome.result.samples.last?.redoAge ?? 0)
    }

    /// The mean share of free frames in the second half.
    private static func free(_ outcome: Outcomes.Outcome) -> Double {
        let samples = outcome.result.samples.dropFirst(outcome.result.samples.count / 2)
        let sum = samples.reduce(0.0) { $0 + Double($1.free) }
        return sum / Double(max(1, samples.count * outcome.result.scenario.frameCount))
    }
}

extension ShippedScenario {
    /// All of them.
    package static let all = bugs + flushing
}
