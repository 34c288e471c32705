package import RedoubtCore

/// What stands where on the pages that manage a tablespace, for people.
package enum SpaceLayouts {
    /// Page 0 behind its page header.
    package static let header = StructureLayout(
        "space header",
        "Page 0 of a file, bytes 38-149.",
        [
            ("space", SpaceFormat.Header.spaceID, 4, .number, "the tablespace, again"),
            ("size", SpaceFormat.Header.pageCount, 4, .number, "the pages of the file"),
            ("free limit", SpaceFormat.Header.freeLimit, 4, .number, "the pages whose descriptors are initialised"),
            ("flags", SpaceFormat.Header.flags, 4, .hexadecimal, "0x21: DYNAMIC rows, pages of 16 KiB"),
            (
                "fragment pages", SpaceFormat.Header.fragmentUsedCount, 4, .number,
                "used pages of the extents in free fragment"
            ),
            ("free", SpaceFormat.Header.free, 16, .list, "extents in which no page is used"),
            ("free fragment", SpaceFormat.Header.freeFragment, 16, .list, "extents of single pages with room"),
            ("full fragment", SpaceFormat.Header.fullFragment, 16, .list, "full extents of single pages"),
            ("next segment", SpaceFormat.Header.nextSegmentID, 8, .number, "the id that a new segment would get"),
            ("inode pages full", SpaceFormat.Header.inodePagesFull, 16, .list, "pages of inodes without room"),
            ("inode pages free", SpaceFormat.Header.inodePagesFree, 16, .list, "pages of inodes with room"),
        ]
    )

    /// What Redoubt notes in the tail of page 0.
    package static let metadata = StructureLayout(
        "record of Redoubt",
        "Page 0 of a file, bytes 12288-12367, which servers leave alone.",
        [
            ("magic", SpaceMetadata.offset, 8, .bytes, "\"Redoubt\" and 0x01"),
            ("format version", SpaceMetadata.offset + 8, 4, .number, "1"),
            ("compatible features", SpaceMetadata.offset + 12, 4, .hexadecimal, "an older version may ignore them"),
            ("read-compatible features", SpaceMetadata.offset + 16, 4, .hexadecimal, "the same, when it only reads"),
            ("incompatible features", SpaceMetadata.offset + 20, 4, .hexadecimal, "a version must know them"),
            ("database", SpaceMetadata.offset + 24, 16, .hexadecimal, "the identity of the database"),
            ("space", SpaceMetadata.offset + 40, 4, .number, "the space id at creation"),
            ("checksum", SpaceMetadata.offset + 60, 4, .hexadecimal, "CRC-32C of bytes 12288-12347"),
            ("next space", SpaceMetadata.nextSpaceID, 8, .number, "catalog: the next space id to hand out"),
            ("next transaction", SpaceMetadata.nextTransactionID, 8, .number, "catalog: the next transaction id"),
        ]
    )

    /// A descriptor of an extent.
    package static let descriptor = StructureLayout(
        "extent descriptor",
        "40 bytes for each extent of 64 pages, from byte 150 of page 0 and of every 16384th page.",
        [
            ("segment", SpaceFormat.Descriptor.segmentID, 8, .number, "the segment that owns the extent"),
            ("previous", SpaceFormat.Descriptor.node, 6, .address, "the extent before in its list"),
            ("next", SpaceFormat.Descriptor.node + 6, 6, .address, "the extent behind in its list"),
            ("state", SpaceFormat.Descriptor.state, 4, .named(states), "which list it is in"),
            ("bitmap", SpaceFormat.Descriptor.bitmap, 16, .bytes, "2 bits a page, low bits first: free, and always 1"),
        ]
    )

    /// An inode.
    package static let inode = StructureLayout(
        "segment inode",
        "192 bytes for each segment, from byte 50 of page 2: 1 is for the root and other nodes, 2 for leaves and long "
            + "values.",
        [
            ("segment", SpaceFormat.Inode.segmentID, 8, .number, "the id; 0 is an unused inode"),
            ("pages in not full", SpaceFormat.Inode.notFullUsedCount, 4, .number, "used pages of those extents"),
            ("free", SpaceFormat.Inode.free, 16, .list, "its extents in which no page is used"),
            ("not full", SpaceFormat.Inode.notFull, 16, .list, "its extents with room"),
            ("full", SpaceFormat.Inode.full, 16, .list, "its full extents"),
            ("magic", SpaceFormat.Inode.magic, 4, .number, "97937874"),
            ("fragments", SpaceFormat.Inode.fragments, 128, .bytes, "32 single pages; 0xFFFFFFFF is none"),
        ]
    )

    /// A part of a value that stands outside its row.
    package static let blob = StructureLayout(
        "part of a long value",
        "A value of a row of 8126 bytes or more stands on pages of its own; the row keeps 20 bytes: space 4, first "
            + "page 4, offset 4, length 8.",
        [
            ("bytes", SpaceFormat.Blob.partByteCount, 4, .number, "the bytes of the value on this page, at most 16330"),
            ("next", SpaceFormat.Blob.next, 4, .page, "the page that goes on with it"),
        ]
    )

    /// The names of the states of an extent.
    package static let states: [UInt64: String] = [
        0: "not initialised", 1: "free", 2: "free fragment", 3: "full fragment", 4: "segment",
    ]
}
