import Redoubt
import RedoubtCore
import RedoubtSystem

/// Changes options of the database at drawn moments until every client has ended.
struct SwarmTuner {
    private let database: Database
    private let configuration: SwarmConfiguration
    private let board: SwarmBoard
    private var random: SeededRandom

    init(_ database: Database, _ configuration: SwarmConfiguration, _ board: SwarmBoard) {
        self.database = database
        self.configuration = configuration
        self.board = board
        random = SeededRandom(seed: configuration.seed ^ 0x7E4E)
    }

    consuming func run() {
        while !board.isDone {
            Scheduling.sleep(microseconds: 100 + random.below(1000 << random.below(8)))
            do throws(RedoubtError) {
                try change()
            } catch {
                // What ends the clients ends this as well; a pool that cannot be resized now stays as it is.
                if error.code == .invalidConfiguration { board.wrong("a change of options: \(error)") }
                if !configuration.mayFail && error.code != .busy { board.failed("a change of options: \(error)") }
                return
            }
        }
    }

    private mutating func change() throws(RedoubtError) {
        let draw = random.below(9)
        let other = SwarmConfiguration(seed: random.next()).database
        let memory = Int(configuration.database.memory.rawValue)
        let megabytes = configuration.database.memoryMaximum == nil ? 0 : random.below(5)
        let capacity = ByteCount.mebibytes(2 + random.below(3))
        switch draw {
        case 0: _ = try database.dumpPool()
        case 1: try database.loadPool()
        case 2: try database.setRedoCapacity(capacity)
        default:
            try database.change { options in
                switch draw {
                case 3: options.memory = ByteCount(rawValue: memory + megabytes << 20)
                case 4:
                    options.bufferPool.lruScanDepth = other.bufferPool.lruScanDepth
                    options.bufferPool.readAheadThreshold = other.bufferPool.readAheadThreshold
                    options.bufferPool.randomReadAhead = other.bufferPool.randomReadAhead
                case 5: options.flushing.neighbours = other.flushing.neighbours
                case 6: options.flushing.ioCapacity = other.flushing.ioCapacity
                case 7: options.redoLog.checkpointIntervalMilliseconds = other.redoLog.checkpointIntervalMilliseconds
                default: options.redoLog.deferredFlushMilliseconds = other.redoLog.deferredFlushMilliseconds
                }
            }
        }
    }
}
