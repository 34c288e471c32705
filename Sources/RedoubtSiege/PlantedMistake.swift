import Redoubt
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// A mistake planted in the engine, and the hunt that must find it.
struct PlantedMistake: Sendable, CustomStringConvertible {
    let bug: PlantedBug?
    /// A mistake of the page cleaner, which has a switch of its own.
    let fault: CleanerFault?
    /// Where it is planted.
    let place: String
    let hunt: Hunt

    var description: String { bug.map { "\($0)" } ?? fault.map { "\($0)" } ?? "" }

    private init(_ bug: PlantedBug, _ place: String, _ hunt: Hunt) {
        self.bug = bug
        fault = nil
        self.place = place
        self.hunt = hunt
    }

    private init(_ fault: CleanerFault, _ place: String, _ hunt: Hunt) {
        bug = nil
        self.fault = fault
        self.place = place
        self.hunt = hunt
    }

    /// The table.
    static let all: [PlantedMistake] = log + pool + copies + recovery + trees + files

    /// Each hunt of `mistakes` once.
    static func hunts(of mistakes: [PlantedMistake]) -> [Hunt] {
        Dictionary(grouping: mistakes, by: \.hunt.name).compactMap { $0.value.first?.hunt }
            .sorted { $0.name < $1.name }
    }

    private static let log = [
        PlantedMistake(.skipsLogSync, "RedoLog.sync", .rows),
        PlantedMistake(.acknowledgesBeforeSync, "RedoLog.sync", .simulations),
        PlantedMistake(.retriesSync, "RedoLog.sync", .failedRedoSyncs),
        PlantedMistake(.leavesStaleBlocks, "LogContinuation.clear", .log),
        PlantedMistake(.skipsHeaderSync, "LogFileSet.activateNext", .log),
        PlantedMistake(.recyclesCheckpointFile, "LogFileSet.recycle", .log),
        PlantedMistake(.believesTornBlock, "LogBlock.fields", .flippedBlocks),
        PlantedMistake(.usesOneSlot, "CheckpointBlock.offset", .spoiledCheckpoints),
        PlantedMistake(.dropsPartialBlock, "LogWriter.keepPartialGranule", .rows),
        PlantedMistake(.ignoresDurableDistance, "LogScanner.judgeEnd", .lostBlocks),
        PlantedMistake(.keepsShortLog, "LogFileSet.makeFile", .creation),
        PlantedMistake(.changesPledgedBlock, "LogPledge.unlessPledged", .cachedLog),
    ]

    private static let pool = [
        PlantedMistake(.losesRedirtying, "BufferPool.noteModification", .bustleTraces),
        PlantedMistake(.skipsPageChecksum, "BufferPool.fault", .flippedPages),
        PlantedMistake(.stampsFirstChangeOnly, "BufferPool.noteModification", .rows),
        PlantedMistake(.evictsDirtyPages, "BufferPool.takeOutLocked", .shortage),
        PlantedMistake(.skipsDataSync, "Flushing.checkpoint", .checkpoints),
        PlantedMistake(.forgetsInFlight, "Flushing.checkpointBound", .bustleTraces),
        PlantedMistake(.believesShortWrite, "PageWriter.fault", .failedPageWrites),
        PlantedMistake(.marksBeforeWrite, "PageWriter.begin", .bustleTraces),
        PlantedMistake(.writesBeforeRedo, "PageWriter.protect", .writtenTraces),
        PlantedMistake(.checkpointsPastDirtyPages, "Flushing.checkpointBound", .bustleTraces),
    ]

    private static let copies = [
        PlantedMistake(.skipsCopySync, "PageWriter.protect", .tornPages),
        PlantedMistake(.leavesPagesUncopied, "PageWriter.needsDoublewrite", .tornPages),
        PlantedMistake(.believesTornCopy, "DoublewriteRecovery.read", .mixedPages),
        PlantedMistake(.takesOldestCopy, "DoublewriteRecovery.repairAll", .tornPages),
        PlantedMistake(.skipsRepairSync, "DoublewriteRecovery.repair", .continuedTornPages),
        PlantedMistake(.forgetsUnsyncedSectors, "Frame.takeSectors", .mixedSectors),
        PlantedMistake(.losesChangedSector, "Frame.takeSectors", .mixedSectors),
        PlantedMistake(.forgetsUnsyncedSegments, "PageWriter.end", .unsyncedSectors),
    ]

    private static let recovery = [
        PlantedMistake(.clearsBeforeRewriting, "LogContinuation.prepare", .nestedRows),
        PlantedMistake(.appliesTwice, "RedoApplier.apply", .churn),
        PlantedMistake(.losesLastGroup, "LogScanner.takeGroup", .rows),
        PlantedMistake(.skipsGroupAtCheckpoint, "LogScanner.next", .checkpoints),
        PlantedMistake(.appliesToDropped, "RedoApplier.nextJobs", .keyspaces),
        PlantedMistake(.removesBeforeLogging, "DatabaseOpening.removeOrphans", .keyspaces),
        PlantedMistake(.growsNoFile, "DatabaseOpening.growFile", .values),
    ]

    private static let trees = [
        PlantedMistake(.linksUnlogged, "Growth.insertOrSplit", .splits),
        PlantedMistake(.mergesUnlogged, "Tree.merge", .merges),
        PlantedMistake(.splitsBatches, "BatchApplication.run", .keyspaces),
        PlantedMistake(.freesChainFirst, "Tree.writeInside", .values),
        PlantedMistake(.notesNoPendingChain, "PendingChains.set", .values),
        PlantedMistake(.freesUnlogged, "ExtentDescriptor.setFree", .values),
    ]

    private static let files = [
        PlantedMistake(.handsIDsOutTwice, "Catalog.reserveIDs", .keyspaces),
        PlantedMistake(.extendsAfterSaying, "Space.extend", .fullGrowth),
        PlantedMistake(.skipsDirectorySync, "SpaceFile.create", .keyspaces),
        PlantedMistake(.skipsFileSync, "SpaceFile.create", .keyspaces),
        PlantedMistake(.unlinksBeforeRow, "Engine.dropKeyspace", .keyspaces),
        PlantedMistake(.skipsAncestorSync, "DatabaseCreation.run", .creation),
    ]
}

// The hunts.
extension Hunt {
    private static func profile(
        _ name: String,
        _ preparationCount: Int,
        _ operationCount: Int,
        isClosing: Bool = false,
        durability: CrashProfile.Durabilities = .flushed,
        preparation: Workload.Weights? = nil,
        _ adjust: (inout Workload.Weights) -> Void = { _ in }
    ) -> CrashProfile {
        // Named apart from the workloads, which `siege replay` knows by name.
        CrashProfile(
            "hunted \(name)",
            share: 0,
            preparationCount: preparationCount,
            operationCount: operationCount,
            isClosing: isClosing,
            durability: durability,
            preparation: preparation,
            adjust
        )
    }

    /// Weights without changes of keyspaces.
    private static func rowsOnly(_ weights: inout Workload.Weights) {
        weights.createKeyspace = 0
        weights.dropKeyspace = 0
        weights.renameKeyspace = 0
    }

    /// Weights of nothing but what `adjust` sets.
    private static func only(
        _ adjust: @escaping (inout Workload.Weights) -> Void
    ) -> (inout Workload.Weights) -> Void {
        { weights in
            weights = .none
            adjust(&weights)
        }
    }

    /// Several clients and log threads: who syncs for others may tell them too early, and itself it cannot.
    static let simulations = Hunt(name: "simulations by seed", unit: "runs") { limit, _ in
        let count = min(limit, 12)
        let found = Swarm.hunt(limit: count)
        return Outcome(count: found?.count ?? count, finding: found?.wrong)
    }
    static let creation = cuts(Cuts(profile("creation", 0, 4, isClosing: true)))
    private static let rowCuts = Cuts(profile("rows", 40, 24) { $0.checkpoint = 8 })
    static let rows = cuts(rowCuts)
    static let nestedRows = {
        var nested = rowCuts
        nested.isNested = true
        return cuts(nested)
    }()
    static let checkpoints = cuts(Cuts(profile("checkpoints", 40, 24) { $0.checkpoint = 50 }))
    static let keyspaces = cuts(
        Cuts(
            profile(
                "keyspaces",
                20,
                40,
                only {
                    $0.batch = 20
                    $0.createKeyspace = 10
                    $0.dropKeyspace = 8
                    $0.renameKeyspace = 6
                }
            )
        )
    )
    static let values = cuts(
        Cuts(
            profile(
                "values",
                50,
                24,
                only {
                    $0.putOffPage = 20
                    $0.delete = 10
                    $0.checkpoint = 1
                }
            )
        )
    )
    static let splits = cuts(Cuts(profile("splits", 40, 24, only { $0.putLarge = 30 })))
    static let merges = cuts(
        Cuts(
            profile(
                "merges",
                150,
                40,
                preparation: fill,
                only {
                    $0.delete = 30
                    $0.deleteRange = 6
                }
            )
        )
    )
    private static let fill = {
        var weights = Workload.Weights()
        let adjust = only { $0.putLarge = 30 }
        adjust(&weights)
        return weights
    }()

    /// Pages written again and again, mostly without a sync.
    private static let churned = {
        var cuts = Cuts(
            profile("churn", 60, 40) {
                rowsOnly(&$0)
                $0.putLarge = 2
                $0.putOffPage = 0
                $0.deleteRange = 1
                $0.checkpoint = 0
            }
        )
        cuts.interlude = Interludes.churn()
        return cuts
    }()
    static let churn = cuts(churned)
    static let mixedPages = {
        var mixed = churned
        mixed.mixes = true
        return cuts(mixed)
    }()
    static let mixedSectors = cuts(churnedSectors("churn of sectors", syncingEach: 3))
    static let unsyncedSectorCuts = churnedSectors("churn of sectors without a sync", syncingEach: nil)
    static let unsyncedSectors = cuts(unsyncedSectorCuts)

    private static func churnedSectors(_ name: String, syncingEach period: Int?) -> Cuts {
        var mixed = churned
        mixed.mixes = true
        mixed.doublewrite = .changedSectors
        mixed.profile = profile(name, 60, 40) { $0 = churned.profile.weights }
        mixed.interlude = Interludes.churn(syncingEach: period)
        return mixed
    }

    /// Pages that are torn, with checkpoints between.
    private static let torn = Cuts(
        profile("torn pages", 40, 30) {
            rowsOnly(&$0)
            $0.putOffPage = 0
            $0.checkpoint = 60
        }
    )
    static let tornPages = cuts(torn)
    static let continuedTornPages = {
        var continued = torn
        continued.goesOn = true
        return cuts(continued)
    }()

    static let shortage = {
        var cuts = Cuts(profile("shortage", 40, 24))
        cuts.interlude = Interludes.shortage
        return Hunt.cuts(cuts)
    }()

    private static func bustling(_ name: String, _ durability: CrashProfile.Durabilities) -> Hunt {
        let count = 60
        var cuts = Cuts(
            profile(name, 40, count, durability: durability) {
                rowsOnly(&$0)
                $0.checkpoint = 0
            }
        )
        cuts.interlude = Interludes.bustle(count)
        return traces(cuts)
    }
    static let bustleTraces = bustling("bustle", .flushed)
    static let writtenTraces = bustling("bustle of what is only written", .written)

    static let failedRedoSyncs = faults(.sync, .redo)
    static let failedPageWrites = faults(.write, .data)
    /// Values that fill spaces, so that these grow.
    static let fullGrowth = {
        var weights = Workload.Weights()
        let adjust = only { $0.putOffPage = 1 }
        adjust(&weights)
        return faults(.extend, .data, errno: SimulatedFault.noSpace, weights: weights, goesOn: true)
    }()
}
