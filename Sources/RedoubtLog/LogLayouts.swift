package import RedoubtCore

/// What stands where in redo files, for people.
package enum LogLayouts {
    /// The first block of a redo file.
    package static let header = StructureLayout(
        "redo file header",
        "The first 512 bytes of a redo file.",
        [
            ("magic", 0, 8, .bytes, "\"REDOUBTL\""),
            ("format version", 8, 4, .number, "1"),
            ("flags", 12, 4, .hexadecimal, "none yet"),
            ("database", 16, 16, .hexadecimal, "the identity of the database"),
            ("start", 32, 8, .number, "the LSN of the first redo block"),
            ("number", 40, 8, .number, "grows each time a file is taken into use"),
            ("size", 48, 8, .number, "the bytes of the file"),
            ("configuration", 56, 4, .hexadecimal, "a hash of capacity and number of files"),
            ("creator", 64, 32, .bytes, "the program that made it"),
            ("checksum", 508, 4, .hexadecimal, "CRC-32C of bytes 0-507"),
        ]
    )

    /// A checkpoint.
    package static let checkpoint = StructureLayout(
        "checkpoint",
        "512 bytes at 4096 and at 8192 of a redo file; recovery starts at the valid one with the greatest number.",
        [
            ("magic", 0, 4, .bytes, "\"CKPT\""),
            ("files", 4, 4, .number, "the redo files"),
            ("lsn", 8, 8, .number, "where recovery starts"),
            ("durable", 16, 8, .number, "the LSN that was durable then"),
            ("number", 24, 8, .number, "grows with each checkpoint"),
            ("clean shutdown", 32, 8, .number, "the same as lsn after an orderly close, else 0"),
            ("database", 40, 16, .hexadecimal, "the identity of the database"),
            ("replay rate", 56, 8, .number, "bytes of redo that a recovery replays in a second; 0 is not known"),
            ("checksum", 508, 4, .hexadecimal, "CRC-32C of bytes 0-507"),
        ]
    )

    /// A redo block.
    package static let block = StructureLayout(
        "redo block",
        "512 bytes from byte 12288 of a redo file on. The payload of the blocks is one stream of groups: a length of 4 "
            + "bytes that counts itself, then records: kind 1, space and page (0: the last ones), length, body.",
        [
            ("number", 0, 4, .number, "1 + (LSN / 512) modulo 2^30"),
            ("data end", 4, 2, .number, "where its data end; 512 when it is full"),
            ("first group", 6, 2, .number, "where the first group begins; 0 if none does"),
            ("epoch", 8, 1, .number, "low 8 bits of 1 + (LSN / 512) / 2^30"),
            ("durable distance", 9, 3, .number, "blocks from the durable end known then; 16777215 is unknown"),
            ("payload", 12, 496, .bytes, "a piece of the stream"),
            ("checksum", 508, 4, .hexadecimal, "CRC-32C of bytes 0-507"),
        ]
    )
}
