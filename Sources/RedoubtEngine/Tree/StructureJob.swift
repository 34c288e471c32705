import RedoubtCore

/// What a change of structure is for.
@safe
enum StructureJob {
    /// A row whose leaf has no room.
    case row(LeafChange)
    /// The leaf of the key is cut in two halves, if it has two records.
    case halve(UnsafeRawBufferPointer)
    /// A whole leaf of rows above every other, packed; the first key is given too.
    case append(PackedRecords, firstKey: UnsafeRawBufferPointer)

    /// The leaf that it is about.
    var target: DescentTarget {
        switch self {
        case .row(let change): unsafe .covering(change.key)
        case .halve(let key): unsafe .covering(key)
        case .append: .last
        }
    }
}

/// How a change of structure ended.
enum StructureOutcome {
    /// It is done.
    case done(Tree.FinishedWrite)
    /// Something was in the way: begin again.
    case retry
    /// The rows to append do not stand above every other.
    case refused
}

/// The memory of one change of structure: two separators and the records of a page.
@safe
struct StructureMemory: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    init() {
        unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * 4096 + 2 * pageByteCount, alignment: 16)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Copies `key` into place 0 or 1 and returns the copy.
    func keep(_ key: UnsafeRawBufferPointer, at place: Int) -> UnsafeRawBufferPointer {
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[4096 * place..<4096 * place + key.count])
        unsafe target.copyMemory(from: key)
        return UnsafeRawBufferPointer(target)
    }

    /// An empty list of records.
    func records() -> PackedRecords {
        unsafe PackedRecords(UnsafeMutableRawBufferPointer(rebasing: memory[8192...]))
    }
}
