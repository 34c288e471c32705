import RedoubtSystem

/// Whether bytes of redo files prove themselves; for laboratories that damage them.
package enum LogProof {
    /// Whether the 512 bytes at `block` are the block `index` of a log.
    package static func isBlock(_ block: UnsafeRawPointer, index: UInt64) -> Bool {
        unsafe LogBlock.fields(block, index: index) != nil
    }

    /// The index of the block that starts at `offset` of the file whose first 512 bytes are at `header`; nil if they
    /// are no header.
    package static func blockIndex(at offset: UInt64, inFileWith header: UnsafeRawPointer) -> UInt64? {
        guard case .valid(let header) = unsafe LogFileHeader.decode(header) else { return nil }
        return (header.start + offset - UInt64(LogFileHeader.dataOffset)) / UInt64(LogBlock.byteCount)
    }

    /// Whether the 512 bytes at `block` are a checkpoint.
    package static func isCheckpoint(_ block: UnsafeRawPointer) -> Bool {
        unsafe CheckpointBlock.decode(block) != nil
    }
}

extension RedoLog {
    /// Where block `index` of the log is, by path and offset; nil if no file holds it.
    package func place(ofBlock index: UInt64) -> (path: String, offset: UInt64)? {
        let position = index * UInt64(LogBlock.byteCount)
        return files.file(containing: position).map { ($0.file.path, $0.offset(of: position)) }
    }
}
