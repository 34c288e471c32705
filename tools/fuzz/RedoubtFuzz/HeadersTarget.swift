import Redoubt
import RedoubtCore
import RedoubtSimulation

/// Opens a database in which fields of headers and checkpoints have other values, mostly under right checksums.
enum HeadersTarget {
    /// A number in a file.
    private struct Field: Sendable {
        let offset: Int
        let byteCount: Int

        static func list(_ byteCount: Int, at start: Int = 0, _ offsets: [Int]) -> [Field] {
            offsets.map { Field(offset: start + $0, byteCount: byteCount) }
        }
    }

    /// The header, both checkpoints, and the first block of a redo file.
    private static let redoFields: [Field] = {
        var fields = Field.list(8, [0, 16, 24, 32, 40, 48]) + Field.list(4, [8, 12, 56])
        for slot in [4096, 8192] {
            fields += Field.list(4, at: slot, [0, 4])
            fields += Field.list(8, at: slot, [8, 16, 24, 32, 40, 48, 56])
        }
        return fields + Field.list(4, at: 12288, [0, 8, 12]) + Field.list(2, at: 12288, [4, 6])
    }()
    /// What every page has, the space header, some extent descriptors, the record and the pending chains of page 0; the
    /// inodes; where the root says that they are.
    private static let spaceFields: [Field] = {
        var fields = Field.list(4, [4, 8, 12, 34]) + Field.list(8, [16, 26, 110]) + Field.list(2, [24])
        fields += Field.list(4, Array(stride(from: 38, to: 150, by: 4)))
        fields += Field.list(4, at: 150, [0, 8, 12, 14, 20, 24, 40, 48, 60, 64])
        fields += Field.list(4, at: 12288, [0, 8, 12, 16, 20, 24, 40, 128, 132, 136, 144])
        fields += Field.list(8, at: 12288, [24, 64, 72])
        fields += Field.list(4, at: 2 * pageByteCount, [50, 54, 58, 62, 66, 78, 94, 110, 114, 118, 242, 246, 250, 270])
        return fields + Field.list(4, at: 3 * pageByteCount, [38, 42, 64, 74, 78, 82, 84, 88, 92])
    }()
    /// Values where arithmetic is likely to go wrong.
    private static let values: [UInt64] = [
        0, 1, 2, 63, 64, 255, 256, 4096, 8192, 12288, 65535, 65536, 1 << 31, 0xFFFF_FFFE, 0xFFFF_FFFF, 1 << 32,
        1 << 40, 1 << 61, (1 << 62) - 1, (1 << 62) - 4096, 1 << 63, .max,
    ]

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let choice = feed.byte()
        let database = [BuiltInDatabase.closed, .killed][choice % 2]
        let files = database.files.filter { $0.isData || $0.isRedo }
        var patches = Patches(database, files, mends: .asked)
        var count = 0
        while !feed.isAtEnd && count < 12 {
            change(&feed, files, &patches)
            count += 1
        }
        let answer = FuzzWorld.answer(patches.disk) { database in
            do throws(RedoubtError) {
                for name in ["a", "c"] {
                    try database.keyspace(named: name, createIfMissing: true).put("row 1", "a value")
                }
                try database.checkpoint()
            } catch {}
        }
        try patches.judge(answer, of: database)
        // Deep are headers that are forged and believed.
        return patches.isForged && answer.isClean && count > 1 ? .deep : .shallow
    }

    private static func change(_ feed: inout ByteFeed, _ files: [BuiltInDatabase.File], _ patches: inout Patches) {
        let file = files[feed.byte() % files.count]
        let fields = file.isRedo ? redoFields : spaceFields
        let field = fields[feed.byte() % fields.count]
        let mode = feed.byte()
        let operand: UInt64
        switch mode & 3 {
        case 0: operand = values[feed.byte() % values.count]
        case 1: operand = UInt64(feed.byte())
        default: operand = feed.take(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
        patches.setField(
            file,
            at: field.offset,
            byteCount: field.byteCount,
            to: { before in
                switch mode >> 2 & 3 {
                case 0, 1: operand
                case 2: before &+ operand
                default: before &- operand
                }
            },
            isMended: mode & 128 == 0
        )
    }
}
