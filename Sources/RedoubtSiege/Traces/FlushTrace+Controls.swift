import RedoubtCore
package import RedoubtSimulation

// Traces that were tampered with, to prove that each rule would notice.
extension FlushTrace {
    /// How to tamper with a trace.
    package enum Control: String, Sendable {
        /// Those that find something to tamper with in any trace.
        package static var all: [Control] {
            [.redoIsNotSynced, .dataIsNotSynced, .handedOverBackwards, .agesAreWrong, .notesAreCut]
        }

        /// The redo is never synced.
        case redoIsNotSynced
        /// The data files are never synced.
        case dataIsNotSynced
        /// What scans of flush lists handed over first comes last, and the window is none.
        case handedOverBackwards
        /// What was handed over is said to be younger than it is.
        case agesAreWrong
        /// Notes about flush lists lack the ages.
        case notesAreCut
        /// The redo is never synced, and of pages only those are written of which a part is.
        case onlyPartsWritten
        /// The doublewrite files are never synced.
        case copiesAreNotSynced
    }

    /// Returns what `trace`, recorded on a disk that held `start`, is when `control` is done to it.
    package static func tampered(
        _ trace: [SimulatedEvent],
        start: DiskImage,
        _ control: Control
    ) -> [SimulatedEvent] {
        var redo = Set(start.paths.filter { $0.contains("/redo/") }.compactMap { start.file(at: $0) })
        var data = Set(start.paths.filter { isData($0) }.compactMap { start.file(at: $0) })
        var copies = Set(start.paths.filter { isDoublewrite($0) }.compactMap { start.file(at: $0) })
        return trace.compactMap { event in
            switch event {
            case .change(.create(let path, let file)):
                if path.contains("/redo/") { redo.insert(file) }
                if isData(path) { data.insert(file) }
                if isDoublewrite(path) { copies.insert(file) }
            case .change(.write(let file, _, let bytes)):
                let isWhole = data.contains(file) && bytes.count == pageByteCount
                if control == .onlyPartsWritten && isWhole { return nil }
            case .sync(let file):
                if [.redoIsNotSynced, .onlyPartsWritten].contains(control) && redo.contains(file) { return nil }
                if control == .dataIsNotSynced && data.contains(file) { return nil }
                if control == .copiesAreNotSynced && copies.contains(file) { return nil }
            case .mark(.note(let text)):
                if let changed = tampered(text, control) { return .mark(.note(changed)) }
            default: break
            }
            return event
        }
    }

    private static func tampered(_ note: String, _ control: Control) -> String? {
        guard note.hasPrefix("flush list "), let end = note.firstRange(of: ": ") else { return nil }
        let entries = note[end.upperBound...].split(separator: " ")
        switch control {
        case .handedOverBackwards:
            let head = note[..<end.lowerBound].split(separator: " ").dropLast().joined(separator: " ")
            return "\(head) 0: " + entries.reversed().joined(separator: " ")
        case .agesAreWrong: return String(note[..<end.upperBound]) + entries.map(younger).joined(separator: " ")
        case .notesAreCut:
            let pages = entries.map { $0.prefix { $0 != "@" } }
            return String(note[..<end.upperBound]) + pages.joined(separator: " ")
        case .redoIsNotSynced, .dataIsNotSynced, .onlyPartsWritten, .copiesAreNotSynced: return nil
        }
    }

    private static func younger(_ entry: Substring) -> String {
        let parts = entry.split(separator: "@")
        guard parts.count == 2, let oldest = UInt64(parts[1]) else { return String(entry) }
        return "\(parts[0])@\(oldest + 1)"
    }

    /// The rules that `control` must be seen to break.
    package static func rules(_ control: Control) -> [Rule] {
        switch control {
        case .redoIsNotSynced: [.redoBeforePage, .redoBeforeCopy, .redoBeforeCheckpoint]
        case .dataIsNotSynced: [.pagesBeforeCheckpoint]
        case .handedOverBackwards: [.order]
        case .agesAreWrong: [.age]
        case .notesAreCut: [.note]
        case .onlyPartsWritten: [.redoBeforePage]
        case .copiesAreNotSynced: [.copyBeforePage]
        }
    }

    /// Returns whether all rules that `control` breaks are found broken.
    package func notices(_ control: Control) -> Bool { Self.rules(control).allSatisfy { breaks($0) } }
}
