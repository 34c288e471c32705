package import RedoubtCore
package import RedoubtSimulation

/// What a recorded trace says about flushing, and where it breaks a ``Rule``.
///
/// A write of the first part of a page, as a full disk or a failing one leaves it, is one that comes too early or not;
/// it makes nothing durable. The rules of flush lists need the notes of ``note``; the others nothing but the trace.
package struct FlushTrace: Sendable {
    /// What is judged.
    package enum Rule: Sendable, CaseIterable {
        /// No page is written, not in part either, before the redo of its newest change is durable.
        case redoBeforePage
        /// Nor is a copy of one, or of sectors of one.
        case redoBeforeCopy
        /// No page is written, not in part either, before a copy of that image which a recovery would take is durable
        /// in a doublewrite file that is there, or its name where names are all that is kept; unless the device takes
        /// the page as a whole, or durable redo behind the checkpoint makes it anew.
        case copyBeforePage
        /// Redo is durable up to a checkpoint when that is written.
        case redoBeforeCheckpoint
        /// Every change of a page below a checkpoint is durable in the data files when that is written: a synced image
        /// of the page holds it, or durable redo makes the page anew later, or says that the space is gone.
        case pagesBeforeCheckpoint
        /// The pages that one scan of a flush list hands to the writer are in order of their oldest change, within the
        /// window.
        case order
        /// That change is the first one that no image of the page holds.
        case age
        /// A note is one.
        case note
    }

    /// A breach of a rule.
    package struct Breach: Sendable, Equatable, CustomStringConvertible {
        /// The rule.
        package let rule: Rule
        /// The number of the event, and what is wrong.
        package let description: String
    }

    /// The breaches, in order.
    package private(set) var breaches: [Breach] = []
    /// The page images written to data files.
    package private(set) var pageCount = 0
    /// The parts of pages written there.
    package private(set) var tornCount = 0
    /// The copies written to doublewrite files.
    package private(set) var copyCount = 0
    /// Those among them that hold some sectors only.
    package private(set) var sectorCopyCount = 0
    /// The checkpoints written.
    package private(set) var checkpointCount = 0
    /// The pages handed over by scans of flush lists.
    package private(set) var choiceCount = 0

    /// How a note begins that says which pages a scan of a flush list hands over.
    ///
    ///     flush list 0 begins, window 131072: 7:12@8204 7:13@8300
    ///     flush list 0 goes on, window 131072: 7:15@8450
    private static let note = "flush list "
    /// The note that another process goes on.
    package static let killed = "killed"

    /// How torn pages are put right, nil if that is not said.
    private let doublewrite: Configuration.Doublewrite?
    private var redo = RedoTrace()
    private var copies = CopyTrace()
    private var doublewriteFiles: [String: Int] = [:]
    private var dataFiles: [Int: RecordedFile] = [:]
    // LSNs of images: the newest written, and what a power cut leaves for sure.
    private var images: [PageID: UInt64] = [:]
    private var durable: [PageID: UInt64] = [:]
    private var unsynced: [Int: [PageID: UInt64]] = [:]
    private var underWay: [Int: (file: Int, page: PageID, lsn: UInt64)] = [:]
    // The greatest oldest change of the scan under way, by instance; those of pages handed over and not yet written.
    private var scans: [Int: UInt64] = [:]
    private var handed: [PageID: UInt64] = [:]

    /// Reads what `storage` has recorded, as ``init(start:trace:doublewrite:)`` does.
    package init(_ storage: SimulatedStorage, doublewrite: Configuration.Doublewrite? = nil) {
        self.init(start: storage.startImage, trace: storage.trace, doublewrite: doublewrite)
    }

    /// Reads `trace`, recorded on a disk that held `start` by databases with the option `doublewrite`, or with one of
    /// those that keep copies.
    ///
    /// Where that is not said, pages need copies from the first doublewrite file on, and names will do.
    package init(start: DiskImage, trace: [SimulatedEvent], doublewrite: Configuration.Doublewrite? = nil) {
        self.doublewrite = doublewrite
        load(start)
        for (number, event) in trace.enumerated() {
            switch event {
            case .change(.create(let path, let file)): note(path, file)
            case .change(.remove(let path)):
                if let file = doublewriteFiles.removeValue(forKey: path) { copies.remove(file) }
            case .change(.truncate(let file, let size)):
                copies.truncate(file, to: size)
                dataFiles[file]?.truncate(to: Int(size))
            case .change(.write(let file, let offset, let bytes)), .start(.write(let file, let offset, let bytes)):
                write(file, offset, bytes, number, isEnded: event.isEnded)
            case .change(.atomicWrite(let file, let offset, let bytes)),
                .start(.atomicWrite(let file, let offset, let bytes)):
                write(file, offset, bytes, number, isEnded: event.isEnded, isAtomic: true)
            case .finish(let sequence): finish(sequence)
            case .sync(let file): sync(file, hasFailed: false)
            case .syncFailed(let file), .syncAbandoned(let file, _): sync(file, hasFailed: true)
            case .mark(.note(let text)): judgeNote(text, number)
            default: break
            }
        }
        // Nobody asks for them any more, and they hold all bytes.
        dataFiles = [:]
        copies = CopyTrace()
    }

    /// Returns whether `rule` is broken.
    package func breaks(_ rule: Rule) -> Bool { breaches.contains { $0.rule == rule } }

    /// Whether `path` is that of a file of pages; the catalog's has its name when it is whole.
    static func isData(_ path: String) -> Bool { path.contains(".ibd") || path.hasSuffix("/catalog.new") }

    /// Whether `path` is that of a file of copies.
    static func isDoublewrite(_ path: String) -> Bool { path.contains("/doublewrite/") }

    private mutating func note(_ path: String, _ file: Int) {
        if Self.isDoublewrite(path) {
            doublewriteFiles[path] = file
            copies.add(file)
        } else if Self.isData(path) {
            dataFiles[file] = RecordedFile([])
        }
    }

    private mutating func report(_ rule: Rule, _ number: Int, _ text: String) {
        breaches.append(Breach(rule: rule, description: "event \(number): \(text)"))
    }

    private mutating func load(_ start: DiskImage) {
        for path in start.paths {
            guard let file = start.file(at: path), let bytes = start.bytes(of: path) else { continue }
            note(path, file)
            if path.contains("/redo/") {
                redo.load(file, bytes)
            } else if doublewriteFiles[path] == file {
                copies.add(file, bytes)
            } else if dataFiles[file] != nil {
                dataFiles[file] = RecordedFile(bytes)
                for (page, lsn) in Self.pages(bytes, at: 0).own {
                    images[page] = lsn
                    durable[page] = lsn
                }
            }
        }
        redo.begin()
    }

    // MARK: Events

    private mutating func write(
        _ file: Int,
        _ offset: UInt64,
        _ bytes: [UInt8],
        _ number: Int,
        isEnded: Bool,
        isAtomic: Bool = false
    ) {
        if let checkpoints = redo.write(file, offset, bytes, number: isEnded ? nil : number) {
            for lsn in checkpoints { judgeCheckpoint(lsn, number) }
            return
        }
        if doublewriteFiles.values.contains(file) {
            copies.write(file, offset, bytes, number: number, isEnded: isEnded)
            let ofSectors = RecordedBytes.sectorCopies(bytes)
            sectorCopyCount += ofSectors.count
            let found = Self.pages(bytes, at: offset)
            for copy in ofSectors + found.own + found.others {
                copyCount += 1
                judgeRedo(.redoBeforeCopy, copy, number)
            }
            return
        }
        guard dataFiles[file] != nil else { return }
        defer { dataFiles[file]?.write(Int(offset), bytes, number: number, isEnded: isEnded) }
        if let part = Self.part(bytes, at: offset) {
            tornCount += 1
            judgeRedo(.redoBeforePage, part, number)
            if !isAtomic { judgeCopy(part, bytes[...], in: file, number) }
            return
        }
        for (page, lsn) in Self.pages(bytes, at: offset).own {
            pageCount += 1
            judgeRedo(.redoBeforePage, (page, lsn), number)
            let start = Int(page.number.fileOffset - offset)
            if !isAtomic { judgeCopy((page, lsn), bytes[start..<start + pageByteCount], in: file, number) }
            judgeAge(page, number)
            images[page] = lsn
            if isEnded { unsynced[file, default: [:]][page] = lsn } else { underWay[number] = (file, page, lsn) }
        }
    }

    private mutating func finish(_ number: Int) {
        redo.finish(number)
        copies.finish(number)
        for file in dataFiles.keys { dataFiles[file]?.finish(number) }
        guard let write = underWay.removeValue(forKey: number) else { return }
        unsynced[write.file, default: [:]][write.page] = write.lsn
    }

    private mutating func sync(_ file: Int, hasFailed: Bool) {
        redo.sync(file, hasFailed: hasFailed)
        copies.sync(file, hasFailed: hasFailed)
        _ = dataFiles[file]?.sync(hasFailed: hasFailed)
        guard let written = unsynced.removeValue(forKey: file), !hasFailed else { return }
        durable.merge(written) { $1 }
    }

    // MARK: Rules

    private mutating func judgeRedo(_ rule: Rule, _ image: (page: PageID, lsn: UInt64), _ number: Int) {
        if image.lsn <= redo.durableLSN { return }
        let what = rule == .redoBeforeCopy ? "a copy of page" : "page"
        report(
            rule,
            number,
            "\(what) \(image.page) has changes up to \(image.lsn), but redo is durable up to \(redo.durableLSN)"
        )
    }

    /// Judges the write of `bytes`, which are `image`, or the first part of it, to a data file.
    private mutating func judgeCopy(_ image: Image, _ bytes: ArraySlice<UInt8>, in file: Int, _ number: Int) {
        guard doublewrite.map({ $0 != .off }) ?? copies.isUsed else { return }
        let place = Int(image.page.number.fileOffset)
        let wanted = CopyTrace.Wanted(
            image: image,
            bytes: bytes,
            versions: dataFiles[file]?.versions(of: place..<place + pageByteCount) ?? [],
            database: redo.database,
            isNameEnough: doublewrite == nil || doublewrite == .detectOnly
        )
        if copies.holds(wanted) { return }
        let changes = redo.changes[image.page, default: []]
        // What no file holds yet and no redo from the checkpoint on changes is a page of a file that is being made.
        if changes.isEmpty && durable[image.page] == nil { return }
        // Page 0 is read before redo is applied.
        let isMadeAnew = changes.contains { $0.makesAnew && $0.end <= redo.durableLSN }
        if isMadeAnew && image.page.number.rawValue > 0 { return }
        report(.copyBeforePage, number, "page \(image.page) as of \(image.lsn) is written without a durable copy")
    }

    private mutating func judgeCheckpoint(_ lsn: UInt64, _ number: Int) {
        checkpointCount += 1
        if lsn > redo.durableLSN {
            report(
                .redoBeforeCheckpoint,
                number,
                "checkpoint \(lsn), but redo is durable up to \(redo.durableLSN)"
            )
        }
        if lsn > redo.readLSN {
            // What this judge did not read it cannot judge.
            report(.redoBeforeCheckpoint, number, "checkpoint \(lsn), but groups end at \(redo.readLSN)")
        }
        for (page, list) in redo.changes.sorted(by: { $0.key < $1.key }) {
            guard let last = list.last(where: { $0.start < lsn }), durable[page] ?? 0 < last.end else { continue }
            if let end = redo.dropped[page.space], end <= redo.durableLSN { continue }
            // Recovery begins with it, and never looks at the file.
            if list.contains(where: { $0.start >= lsn && $0.makesAnew && $0.end <= redo.durableLSN }) { continue }
            report(
                .pagesBeforeCheckpoint,
                number,
                "checkpoint \(lsn), but page \(page) was changed up to \(last.end) and is durable up to "
                    + "\(durable[page] ?? 0)"
            )
        }
        redo.prune(below: lsn)
    }

    private mutating func judgeNote(_ text: String, _ number: Int) {
        // The lists of another process are other lists.
        if text == Self.killed {
            scans = [:]
            handed = [:]
        }
        guard text.hasPrefix(Self.note) else { return }
        let words = text.dropFirst(Self.note.count).split(separator: " ")
        guard let instance = words.first.flatMap({ Int($0) }),
            let colon = words.firstIndex(where: { $0.hasSuffix(":") }),
            let window = UInt64(words[colon].dropLast())
        else {
            report(.note, number, "\"\(text)\" is no note of a flush list")
            return
        }
        if words[1].hasPrefix("begins") { scans[instance] = nil }
        for word in words[(colon + 1)...] {
            let parts = word.split { ":@".contains($0) }.compactMap { UInt64($0) }
            guard parts.count == 3 else {
                report(.note, number, "\"\(word)\" is no page and no age")
                continue
            }
            let page = PageID(
                space: SpaceID(rawValue: UInt32(parts[0])),
                number: PageNumber(rawValue: UInt32(parts[1]))
            )
            let oldest = parts[2]
            choiceCount += 1
            let greatest = scans[instance] ?? 0
            if greatest > window && oldest < greatest - window {
                report(
                    .order,
                    number,
                    "page \(page) of flush list \(instance) is handed over as of \(oldest), behind one of "
                        + "\(greatest); the window is \(window)"
                )
            }
            scans[instance] = max(greatest, oldest)
            handed[page] = oldest
        }
    }

    /// Compares what a flush list said about a page with the redo, which is known by the time of the write.
    private mutating func judgeAge(_ page: PageID, _ number: Int) {
        guard let oldest = handed.removeValue(forKey: page) else { return }
        let changes = redo.changes[page, default: []]
        let missing = changes.first { $0.start >= images[page] ?? 0 }
        // Recovery begins with the last record that makes a page anew, whatever the file holds.
        if missing?.start == oldest || changes.contains(where: { $0.start == oldest && $0.makesAnew }) { return }
        let first = missing.map { "starts at \($0.start)" } ?? "is unknown"
        report(
            .age,
            number,
            "page \(page) was handed over as of \(oldest), but the first change that is not in its file \(first)"
        )
    }
}
