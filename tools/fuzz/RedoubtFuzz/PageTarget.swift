import RedoubtCore
import RedoubtEngine
import RedoubtSimulation

/// Reads a page of any bytes, searches it, and applies redo records to it.
enum PageTarget {
    /// A page of the built-in database.
    private struct Template: Sendable {
        let id: PageID
        let bytes: [UInt8]
    }

    private static let kinds: [UInt8] = [1, 2, 3, 4, 5, 6, 16, 16, 17, 18, 19, 20, 21, 32, 33, 34, 35, 62, 63, 99]

    /// Every page that is not all zeros.
    private static let templates: [Template] = {
        let database = BuiltInDatabase.closed
        var templates: [Template] = []
        for file in database.files where file.isData {
            let bytes = database.disk.bytes(of: file.path) ?? []
            for number in 0..<file.pageCount {
                let page = Array(bytes[number * pageByteCount..<(number + 1) * pageByteCount])
                guard page.contains(where: { $0 != 0 }) else { continue }
                let space = page[34..<38].reduce(0) { $0 << 8 | UInt32($1) }
                let id = PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: UInt32(number)))
                templates.append(Template(id: id, bytes: page))
            }
        }
        return templates
    }()

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let template = templates[feed.byte() % templates.count]
        let mode = feed.byte()
        var bytes = template.bytes
        for _ in 0..<(mode & 7) {
            let offset = feed.word() % pageByteCount
            let patch = feed.take(1 + feed.byte() % 16)
            let end = min(pageByteCount, offset + patch.count)
            bytes.replaceSubrange(offset..<end, with: patch.prefix(end - offset))
        }
        if mode & 128 != 0 { bytes = feed.rest() }
        let page = PageTrial(bytes, id: template.id)
        let isChanged = bytes != template.bytes
        let fault = page.fault
        if let fault, !isChanged { throw FuzzFinding("page \(template.id) is sound, but its \(fault)") }
        // Under the old checksum every change is seen.
        if isChanged && fault == nil && bytes.prefix(4) == template.bytes.prefix(4) {
            throw FuzzFinding("a change of page \(template.id) is not noticed")
        }
        page.seal()
        if let text = page.contradiction(looking: feed.take(feed.byte() % 32)) { throw FuzzFinding(text) }
        let applied = try apply(&feed, to: page)
        // Deep are records of several kinds that all fit, on a page that stays in order.
        return applied.count > 2 && page.isSound ? .deep : .shallow
    }

    /// Applies redo records; returns the kinds of those that the page took.
    private static func apply(_ feed: inout ByteFeed, to page: PageTrial) throws(FuzzFinding) -> Set<UInt8> {
        var applied: Set<UInt8> = []
        for _ in 0..<32 where !feed.isAtEnd {
            let choice = feed.byte()
            let kind = kinds[choice % kinds.count]
            var body = feed.take(feed.byte() % 64)
            if choice >= 128, body.count > 1 {
                // The origin of a record that is there, as a rule.
                let origin = page.origin(ofRecord: Int(body[1] & 63))
                body[0] = UInt8(truncatingIfNeeded: origin >> 8)
                body[1] = UInt8(truncatingIfNeeded: origin)
            }
            switch page.apply(kind: kind, body: body) {
            case .refused: break
            case .applied: applied.insert(kind)
            case .contradiction(let text): throw FuzzFinding(text)
            }
        }
        return applied
    }
}
