package import RedoubtCore

/// What stands where on pages, for people: the tables of ``PageDescription`` and of the manual.
package enum PageLayouts {
    /// What the first and the last bytes of every page say.
    package static let header = StructureLayout(
        "page header",
        "The first 38 bytes of every page.",
        [
            (
                "checksum", PageBytes.Offset.checksum, 4, .hexadecimal,
                "CRC-32C of bytes 4-25 XOR that of bytes 38-16375"
            ),
            ("number", PageBytes.Offset.number, 4, .number, "the number of the page: its place in the file"),
            ("previous", PageBytes.Offset.previous, 4, .page, "the left sibling in the tree"),
            ("next", PageBytes.Offset.next, 4, .page, "the right sibling in the tree"),
            ("lsn", PageBytes.Offset.lsn, 8, .number, "the end of the redo of the last change"),
            ("type", PageBytes.Offset.type, 2, .named(typeNames), "what the page holds"),
            ("reserved", PageBytes.Offset.reserved, 8, .number, "always 0"),
            ("space", PageBytes.Offset.space, 4, .number, "the tablespace"),
        ]
    )

    /// What the last 8 bytes of every page say.
    package static let trailer = StructureLayout(
        "page trailer",
        "The last 8 bytes of every page.",
        [
            ("checksum", PageBytes.Offset.trailer, 4, .hexadecimal, "the checksum again"),
            ("lsn low", PageBytes.Offset.trailer + 4, 4, .number, "the low half of the LSN: tells a torn page"),
        ]
    )

    /// What an index page says about itself.
    package static let index = StructureLayout(
        "index header",
        "Bytes 38-93 of a page of a B+-tree.",
        [
            ("slots", IndexPage.Offset.slotCount, 2, .number, "the slots of the directory"),
            ("heap top", IndexPage.Offset.heapTop, 2, .number, "the first byte behind the heap"),
            (
                "heap records", IndexPage.Offset.heapCount, 2, .hexadecimal,
                "records in the heap, 2 fixed ones among them; bit 15 is set"
            ),
            ("free", IndexPage.Offset.freeHead, 2, .number, "the origin of the first freed record; 0 is none"),
            ("garbage", IndexPage.Offset.garbage, 2, .number, "the bytes of the heap that no record uses"),
            ("last insert", IndexPage.Offset.lastInsert, 2, .number, "the origin of the record inserted last"),
            (
                "direction", IndexPage.Offset.direction, 2, .named([0: "none yet", 1: "left", 2: "right", 5: "none"]),
                "where the last inserts went"
            ),
            ("run", IndexPage.Offset.directionCount, 2, .number, "how many went there"),
            ("records", IndexPage.Offset.recordCount, 2, .number, "the records in the order of keys"),
            ("max transaction", IndexPage.Offset.maximumTransaction, 8, .number, "always 0 in our files"),
            ("level", IndexPage.Offset.level, 2, .number, "0 is a leaf"),
            ("index", IndexPage.Offset.indexID, 8, .number, "the id of the tree: 256 x space + 1"),
        ]
    )

    /// What a root says about its segments.
    package static let root = StructureLayout(
        "root",
        "Bytes 74-93 of the root: where the inodes of its two segments are.",
        [
            ("leaf space", IndexPage.Offset.leafSegment, 4, .number, "the tablespace"),
            ("leaf inode", IndexPage.Offset.leafSegment + 4, 6, .address, "the segment of leaves and long values"),
            ("node space", IndexPage.Offset.nodeSegment, 4, .number, "the tablespace"),
            ("node inode", IndexPage.Offset.nodeSegment + 4, 6, .address, "the segment of the other levels"),
        ]
    )

    /// What stands before the key of a record.
    ///
    /// Offsets count from the origin.
    package static let record = StructureLayout(
        "record",
        "A record is named by its origin, the offset of its key. Behind the key stand, on a leaf, 13 bytes for a "
            + "transaction and the value, else the number of the child page.",
        [
            (
                "value length", -8, 2, .number,
                "leaf: 1 byte below 128, else 2, of which bit 14 says that the value is elsewhere"
            ),
            (
                "key length", -6, 1, .number,
                "1 byte below 128, else 2; behind it in the order of offsets, before it in that of reading"
            ),
            (
                "marks, owned", -5, 1, .number,
                "0x10 first of its level, 0x20 deleted; low 4 bits: the records of its group"
            ),
            (
                "heap, status", -4, 2, .number,
                "13 bits: number in the heap; 3 bits: 0 leaf, 1 node, 2 infimum, 3 supremum"
            ),
            ("next", -2, 2, .number, "the distance to the next origin, modulo 65536"),
        ]
    )

    /// The names of the types of pages, those of other programs included.
    package static let typeNames: [UInt64: String] = [
        0: "allocated", 2: "undo log", 3: "segment inodes", 4: "change buffer free list", 5: "change buffer bitmap",
        6: "system", 7: "transaction system", 8: "space header", 9: "extent descriptors", 10: "part of a long value",
        18: "index, instant", 22: "index of a long value of MySQL", 23: "part of a long value of MySQL",
        24: "first of a long value of MySQL", 17853: "dictionary of MySQL", 17854: "spatial index", 17855: "index",
    ]
}
