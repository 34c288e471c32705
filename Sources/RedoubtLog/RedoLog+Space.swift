package import RedoubtCore
import RedoubtSystem
import Synchronization

// A full disk is no failure: what found no space is written again, at the same place, until there is some. Meanwhile no
// credit is given, and who waits for durability is told that there is none yet.
extension RedoLog {
    /// How long is waited before redo that found no space is written again, in microseconds.
    static var spacePause: Int { 100_000 }

    /// Throws `.diskFull` if redo or a checkpoint waits for space.
    package func checkSpace() throws(RedoubtError) {
        try streamSpace.check()
        try checkpointSpace.check()
    }

    /// Throws `.notDurable` if redo waits for space, and a try that began after `mark` found none.
    func checkStream(since mark: DiskSpace.Mark) throws(RedoubtError) {
        do throws(RedoubtError) {
            try streamSpace.check(since: mark)
        } catch {
            throw error.ofChange
        }
    }

    /// Takes note that redo found no space; the caller holds the writer lock.
    func noteNoSpace(_ error: RedoubtError) {
        if streamSeeker.noteVain(error) {
            credit.setStuck(true)
            events.post(.spaceRanOut)
            return
        }
        writtenEvents.signalAll()
        flushedEvents.signalAll()
        credit.advanced.signal()
        // Those who do not wait are told at once, and have no second look.
        continuations.run(
            flushed: flushed.value.load(ordering: .acquiring),
            error: streamSpace.error().ofChange
        )
    }

    /// Takes note that redo was written; the caller holds the writer lock.
    func noteSpace() {
        guard streamSeeker.noteFound() else { return }
        credit.setStuck(false)
        credit.advanced.signal()
        events.post(.spaceReturned)
    }

    /// Fences the engine if redo has found no space since `start` for so long that a mini-transaction which has changed
    /// pages waits for room in the log buffer: nothing else could end that, and it holds latches.
    func giveUpRoom(since start: EngineInstant) {
        guard streamSpace.isFull, Scheduling.now().nanoseconds(since: start) > Self.roomPatience else { return }
        fail(streamSpace.error())
    }

    private static var roomPatience: UInt64 { 10_000_000_000 }
}

// Code and words go together: `.notDurable` says that a change was made, `.diskFull` that none was.
extension RedoubtError {
    private static let noteOfChange = "not durable yet: "

    /// What who made a change is told of redo that finds no space.
    fileprivate var ofChange: RedoubtError {
        RedoubtError(.notDurable, Self.noteOfChange + message, path: path, errno: errno)
    }

    /// What who made no change, or whose change will not stay, is told: `.diskFull` in place of `.notDurable`.
    package var ofNoChange: RedoubtError {
        guard code == .notDurable else { return self }
        let words = message.hasPrefix(Self.noteOfChange) ? message.dropFirst(Self.noteOfChange.count) : message[...]
        return RedoubtError(.diskFull, String(words), path: path, errno: errno)
    }
}
