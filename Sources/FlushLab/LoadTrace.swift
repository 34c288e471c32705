package import RedoubtCore

/// What a running database said about itself, look by look: the lines that `redoubt top --json` prints.
///
///     redoubt top /var/lib/shop --json --interval 0.5 > shop.trace
///
/// Of each line the numbers below are read; what else stands in it is of no importance here.
package struct LoadTrace: Sendable, Hashable {
    /// One line.
    ///
    /// Positions and counts of pages are since the database was opened.
    package struct Look: Sendable, Hashable {
        /// Seconds since the first look.
        package var time = 0.0
        /// The end of the redo, the last checkpoint, and what the next could be, in bytes.
        package var end = 0
        /// See ``end``.
        package var checkpoint = 0
        /// See ``end``.
        package var bound = 0
        /// Dirty pages, and free frames.
        package var dirty = 0
        /// See ``dirty``.
        package var free = 0
        /// Pages read.
        package var reads = 0
        /// Pages written because of age or the share of dirty ones, while idle, in haste, and for frames.
        package var writtenActive = 0
        /// See ``writtenActive``.
        package var writtenIdle = 0
        /// See ``writtenActive``.
        package var writtenSync = 0
        /// See ``writtenActive``.
        package var writtenLRU = 0
        /// How strictly writers are held back.
        package var backPressure = BackPressure.normal

        /// Pages written for whatever reason.
        package var written: Int { writtenActive + writtenIdle + writtenSync + writtenLRU }
    }

    /// In order of time; at least two.
    package private(set) var looks: [Look] = []
    /// As of the last look: frames of the pool, and pages in files.
    package private(set) var frameCount = 0
    /// See ``frameCount``.
    package private(set) var filePages = 0
    /// As of the last look: the size of the redo, and the ages at which flushing hurries, must, and writers stop.
    package private(set) var redoCapacity = 0
    /// See ``redoCapacity``.
    package private(set) var asyncLimit = 0
    /// See ``redoCapacity``.
    package private(set) var syncLimit = 0
    /// See ``redoCapacity``.
    package private(set) var stopLimit = 0

    /// The most lines that a trace may have: a day of two a second.
    package static let mostLooks = 172_801
    /// The most bytes of a line.
    private static let mostLineBytes = 65536

    /// The seconds from the first look to the last.
    package var seconds: Double { looks.last?.time ?? 0 }

    /// Reads the lines in `bytes`; `file` is what problems call it.
    ///
    /// A look that repeats the one before, because the database had said nothing new, is left out.
    /// - Throws: A problem that names the line: it is no such line, of another process than the first, earlier than the
    ///   one before or more than a minute later; or nothing was changed.
    package init(jsonLines bytes: [UInt8], file: String) throws(ScenarioProblem) {
        var first: (process: UInt64, time: UInt64)?
        var last: UInt64 = 0
        let newline = UInt8(ascii: "\n")
        let lines = bytes.split(separator: newline, maxSplits: Self.mostLooks, omittingEmptySubsequences: false)
        for (index, bytes) in lines.enumerated() where !bytes.isEmpty {
            let place = FlatJSON.Place(file: file, line: index + 1)
            guard index < Self.mostLooks else { throw place.problem("a trace has at most \(Self.mostLooks) lines") }
            guard bytes.count <= Self.mostLineBytes else {
                throw place.problem("a line of \(bytes.count) bytes is none that `redoubt top --json` prints")
            }
            var line = try FlatJSON(bytes, at: place, skipsObjects: true)
            let process: UInt64 = try line.takeCount("processID", upTo: .max)
            let time: UInt64 = try line.takeCount("wallNanoseconds", upTo: .max)
            let begin = first ?? (process, time)
            first = begin
            guard process == begin.process else {
                throw place.problem("this is of another process than the first line; cut the trace there")
            }
            if time == last { continue }
            guard time > last else { throw place.problem("this is of an earlier time than the line before") }
            guard last == 0 || time - last <= 60_000_000_000, time - begin.time <= 86_400_000_000_000 else {
                throw place.problem("looks are at most a minute apart, and a trace a day long")
            }
            last = time
            // Until it is open a database has no load, and its log no end that is known.
            let recovery: Int = try line.takeCount(CounterName.recoveryPhase.rawValue)
            if recovery != 0 {
                if looks.isEmpty { first = nil }
                continue
            }
            var look = try take(&line)
            look.time = Double(time - begin.time) / 1e9
            let before = looks.last
            guard look.end >= before?.end ?? 0, look.written >= before?.written ?? 0, look.reads >= before?.reads ?? 0
            else {
                throw place.problem("numbers that only grow have become less; the database was opened again")
            }
            looks.append(look)
        }
        let place = FlatJSON.Place(file: file, line: 0)
        guard let start = looks.first, let end = looks.last, looks.count >= 2, end.time >= 2 else {
            throw place.problem("a trace has looks of two seconds or more; `redoubt top FOLDER --json` prints them")
        }
        guard end.end > start.end else { throw place.problem("nothing was changed while this was recorded") }
    }

    private mutating func take(_ line: inout FlatJSON) throws(ScenarioProblem) -> Look {
        var look = Look()
        look.end = try line.takeCount(CounterName.currentLSN.rawValue)
        look.bound = try line.takeCount(CounterName.checkpointBoundLSN.rawValue)
        look.checkpoint = try line.takeCount(CounterName.checkpointLSN.rawValue)
        asyncLimit = try line.takeCount(CounterName.redoAsyncAge.rawValue)
        syncLimit = try line.takeCount(CounterName.redoSyncAge.rawValue)
        stopLimit = try line.takeCount(CounterName.redoMaximumAge.rawValue)
        redoCapacity = try line.takeCount(CounterName.redoCapacity.rawValue)
        frameCount = try line.takeCount(CounterName.poolFrames.rawValue)
        look.free = try line.takeCount(CounterName.poolFreeFrames.rawValue)
        look.dirty = try line.takeCount(CounterName.poolDirtyPages.rawValue)
        // What is loaded to warm the pool up is no load.
        let loaded: Int = try line.takeCount(CounterName.poolPagesLoaded.rawValue)
        look.reads = max(0, try line.takeCount(CounterName.pagesRead.rawValue) - loaded)
        look.writtenActive = try line.takeCount(CounterName.pagesWrittenAdaptive.rawValue)
        look.writtenIdle = try line.takeCount(CounterName.pagesWrittenIdle.rawValue)
        look.writtenSync = try line.takeCount(CounterName.pagesWrittenSync.rawValue)
        look.writtenLRU = try line.takeCount(CounterName.pagesWrittenLRU.rawValue)
        look.writtenSync += try line.takeCount(CounterName.pagesWrittenRequest.rawValue)
        filePages = try line.takeCount(CounterName.filePages.rawValue)
        let state: Int = try line.takeCount(CounterName.backPressureState.rawValue)
        look.backPressure = BackPressure.allCases[min(BackPressure.allCases.count - 1, state)]
        return look
    }
}
