import RedoubtCore

// The seven bugs of MariaDB's page cleaner, each beside the cleaner without it.
extension ShippedScenario {
    private static func bugVariants(_ bug: CleanerBug) -> [Variant] {
        [Variant("sound"), Variant("bug", [Setting("bug", bug.rawValue)])]
    }

    static let bugs = [idleFlushing, ageLowWater, dirtyLowWater, emptyFreeList, syncSkipsLRU, listBudget, requests]

    /// The dirty pages at a time.
    private static func dirty(_ outcome: Outcomes.Outcome, at seconds: Double) -> Int {
        outcome.result.samples.last { $0.time <= seconds }?.dirty ?? 0
    }

    private static let idleFlushing = ShippedScenario(
        "idle-flushing-lost",
        variants: bugVariants(.idleFlushingLost),
        claims: [
            Claim("a sound cleaner writes everything within 20 s of the end of the load") { outcomes in
                let left = dirty(outcomes.run("sound"), at: 40)
                return (left == 0, "\(left) dirty pages left")
            },
            Claim("with the bug they stay dirty for ever, but for what the last round of the load writes") { outcomes in
                let (before, after) = (dirty(outcomes.run("bug"), at: 23), dirty(outcomes.run("bug"), at: 60))
                return (after == before && before > 1000, "\(before), then \(after) dirty pages")
            },
        ],
        """
        # MDEV-24949: idle flushing lost.
        #
        # Twenty seconds of updates, then nothing. Look at the dirty pages after the load has ended: a sound cleaner
        # writes them at io_capacity until none is left. The bug made the cleaner sleep whenever nothing changed, so a
        # server that had gone idle kept its dirty pages, and its recovery time, until somebody stopped it.
        title = idle flushing lost (MDEV-24949)
        policies = mariadb
        device = sataSSD

        [data]
        size = 512 MiB
        pool = 1 GiB

        [redo]
        capacity = 512 MiB

        [options]
        innodb_io_capacity = 2000
        innodb_max_dirty_pages_pct_lwm = 10

        [phase load]
        seconds = 20
        rate = 2000

        [phase nothing]
        seconds = 40
        threads = 0
        """
    )

    /// When the first pages were written, in seconds.
    private static func firstWrite(_ outcome: Outcomes.Outcome) -> Double {
        outcome.result.samples.first { $0.writes > 0 }?.time ?? outcome.result.scenario.seconds
    }

    private static let ageLowWater = ShippedScenario(
        "age-low-water-ignored",
        variants: bugVariants(.ageLowWaterIgnored),
        claims: [
            Claim("a sound cleaner begins long before the redo is full, and nobody stalls") { outcomes in
                let verdict = outcomes.run("sound").verdict
                let age = verdict.worstAgeShare ?? 1
                return (
                    age < 0.7 && verdict.stalledSeconds == 0, "at most \(NumberText.percent(age)) of what stops writers"
                )
            },
            Claim("with the bug nothing is written before the redo is nearly full") { outcomes in
                let age = outcomes.run("bug").verdict.worstAgeShare ?? 0
                let (sound, bug) = (firstWrite(outcomes.run("sound")), firstWrite(outcomes.run("bug")))
                let figures =
                    "\(NumberText.percent(age)); first pages after \(NumberText.duration(bug)), sound "
                    + NumberText.duration(sound)
                return (age > 0.85 && bug > 3 * sound, figures)
            },
        ],
        """
        # MDEV-25093: innodb_adaptive_flushing_lwm alone did not start flushing.
        #
        # The pool is large, so the share of dirty pages never reaches its low-water mark: only the age of the redo says
        # that pages have to be written. Look at the checkpoint age: a sound cleaner begins at a tenth of it and finds a
        # balance; with the bug nothing is
        # written until it is nearly at the limit, and nothing is left for a burst.
        title = the age alone does not start flushing (MDEV-25093)
        policies = mysql80
        device = sataSSD

        [data]
        size = 256 MiB
        pool = 8 GiB

        [redo]
        capacity = 128 MiB

        [options]
        innodb_io_capacity = 1000
        innodb_io_capacity_max = 4000

        [phase load]
        seconds = 120
        rate = 12000
        """
    )

    private static let dirtyLowWater = ShippedScenario(
        "dirty-low-water-zero",
        variants: bugVariants(.dirtyLowWaterZero),
        claims: [
            Claim("a sound cleaner begins at its low-water mark, and finds a balance") { outcomes in
                let most = share(outcomes.run("sound"))
                return (most < 0.35, "\(NumberText.percent(most)) of the pool dirty at most")
            },
            Claim("with the bug the mark means nothing") { outcomes in
                let (sound, bug) = (share(outcomes.run("sound")), share(outcomes.run("bug")))
                return (bug > 1.5 * sound, "\(NumberText.percent(bug)), and \(NumberText.percent(sound)) without it")
            },
        ],
        """
        # MDEV-31939: innodb_max_dirty_pages_pct_lwm arrived as 0, which is off.
        #
        # The redo is large, so its age asks for nothing; the low-water mark of 10 percent has to start flushing. Look
        # at the dirty pages: a sound cleaner begins at the mark and finds a balance not far above it, with the bug they
        # go up and up.
        title = the low-water mark arrives as zero (MDEV-31939)
        policies = mysql80
        device = sataSSD

        [data]
        size = 1 GiB
        pool = 1 GiB

        [redo]
        capacity = 32 GiB

        [options]
        innodb_io_capacity = 1000
        innodb_io_capacity_max = 2000
        innodb_max_dirty_pages_pct_lwm = 10

        [phase load]
        seconds = 180
        rate = 300
        """
    )

    private static let emptyFreeList = ShippedScenario(
        "lru-waits-for-empty",
        variants: bugVariants(.lruWaitsForEmpty),
        claims: [framesClaim("frames are made free before they run out, so hardly anybody waits for one", most: 0.02)]
            + [worseFrames("with the bug everybody waits for frames again and again")],
        memoryBound(
            """
            # MDEV-33053: LRU flushing was not run until the pool was empty.
            #
            # The data is four times the pool, so every update takes a frame. Look at the free frames and the waits: a
            # sound cleaner holds innodb_lru_scan_depth frames free; with the bug it starts when the last one is gone,
            # and every thread stands still until pages are on the disk.
            title = LRU flushing not run until the pool is empty (MDEV-33053)
            """
        )
    )

    private static let syncSkipsLRU = ShippedScenario(
        "furious-skips-lru",
        variants: bugVariants(.syncSkipsLRU),
        claims: [
            Claim("a sound cleaner makes frames free also while it flushes furiously") { outcomes in
                let verdict = outcomes.run("sound").verdict
                return (verdict.longestStall < 2 && verdict.syncShare > 0.3, figures(verdict))
            },
            Claim("with the bug everything stands still for ever") { outcomes in
                let result = outcomes.run("bug").result
                let late = result.samples.suffix(100).reduce(0) { $0 + $1.transactions }
                return (late == 0, "\(late) transactions in the last ten seconds")
            },
        ],
        """
        # MDEV-34265: furious flushing skipped LRU eviction.
        #
        # The data is far larger than the pool, rows are large and the redo is small, so the cleaner is in a hurry. A
        # transaction changes two pages, some of which are hot, and holds the first while it waits for a frame for the
        # second. Look at the throughput: with the bug the cleaner makes no frames free in its hurry, and waits for the
        # pages that are held by those who wait for a frame.
        title = furious flushing skips LRU eviction (MDEV-34265)
        policies = mariadb
        device = sataSSD

        [data]
        size = 1 GiB
        pool = 64 MiB
        freeFrames = 256

        [redo]
        capacity = 16 MiB
        limits = mariadb

        [options]
        innodb_io_capacity = 200
        innodb_io_capacity_max = 4000

        [workload]
        pattern = hot 0.1% 70%
        changes = 2
        redoPerChange = 4096
        holdsPages = true

        [phase load]
        seconds = 60
        threads = 256
        """
    )

    private static let listBudget = ShippedScenario(
        "list-takes-lru-budget",
        variants: bugVariants(.listTakesLRUBudget),
        claims: [worseFrames("with the bug nothing is left for the LRU list while flush lists need all")],
        memoryBound(
            """
            # MDEV-36226: flush-list batches used up the whole budget, and LRU batches got none.
            #
            # The data is four times the pool. Look at the pages written by reason: with the bug those for free frames
            # disappear whenever the redo needs the whole of innodb_io_capacity_max, and threads wait for frames.
            title = flush lists take the budget of LRU lists (MDEV-36226)
            """,
            redo: "96 MiB",
            redoPerChange: "4096"
        )
    )

    private static let requests = ShippedScenario(
        "requests-unheard",
        variants: bugVariants(.requestsUnheard),
        claims: [
            Claim("with the bug writers stand still until a round ends") { outcomes in
                let (sound, bug) = (outcomes.run("sound").verdict, outcomes.run("bug").verdict)
                let isWorse = bug.longestStall > 1 && sound.longestStall < 0.5
                return (isWorse, "\(figures(sound)); with the bug \(figures(bug))")
            }
        ],
        """
        # MDEV-39600: telling the cleaner what the redo needs was held up.
        #
        # The redo is turned over in a few seconds. Writers that run out of redo ask for flushing at once. Look at the
        # throughput: with the bug a request is heard only when the round of a second ends, and writers stand still
        # until then.
        title = requests for redo space are not heard (MDEV-39600)
        policies = textbook
        device = nvme

        [data]
        size = 512 MiB
        pool = 1 GiB

        [redo]
        capacity = 32 MiB

        [options]
        innodb_io_capacity = 500
        innodb_io_capacity_max = 1000
        flushSync = false

        [phase load]
        seconds = 60
        """
    )

    // MARK: What they share

    private static func memoryBound(_ head: String, redo: String = "1 GiB", redoPerChange: String = "220") -> String {
        head + """

            policies = mariadb
            device = sataSSD

            [data]
            size = 1 GiB
            pool = 256 MiB
            freeFrames = 1024

            [redo]
            capacity = \(redo)

            [options]
            innodb_io_capacity = 2000
            innodb_io_capacity_max = 4000

            [workload]
            redoPerChange = \(redoPerChange)

            [phase load]
            seconds = 60
            threads = 8
            rate = 3000
            """
    }

    /// The share of their time that clients waited for frames.
    private static func frameShare(_ outcome: Outcomes.Outcome) -> Double {
        let threads = Double(outcome.result.scenario.phases.first?.threads ?? 1)
        return outcome.verdict.waited(for: .frames) / max(0.1, outcome.verdict.seconds * threads)
    }

    private static func framesClaim(_ text: String, most: Double) -> Claim {
        Claim(text) { outcomes in
            let share = frameShare(outcomes.run("sound"))
            return (share < most, "\(NumberText.percent(share)) of their time")
        }
    }

    private static func worseFrames(_ text: String) -> Claim {
        Claim(text) { outcomes in
            let (sound, bug) = (frameShare(outcomes.run("sound")), frameShare(outcomes.run("bug")))
            let figures = "\(NumberText.percent(bug)) of their time, \(NumberText.percent(sound)) without it"
            return (bug > 2 * sound + 0.02, figures)
        }
    }

    /// The largest share of dirty frames.
    private static func share(_ outcome: Outcomes.Outcome) -> Double {
        let most = outcome.result.samples.map(\.dirty).max() ?? 0
        return Double(most) / Double(outcome.result.scenario.frameCount)
    }

    static func figures(_ verdict: Verdict) -> String {
        "\(NumberText.short(verdict.meanRate))/s, \(NumberText.percent(verdict.slowShare)) of the time slow, "
            + "\(NumberText.percent(verdict.syncShare)) in panic, longest stall "
            + NumberText.duration(verdict.stall?.seconds ?? 0)
    }
}
