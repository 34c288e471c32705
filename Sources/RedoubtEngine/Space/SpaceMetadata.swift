import RedoubtCore

/// What Redoubt notes about a tablespace in the unused tail of page 0; import into a server and export from it keep it.
///
///     offset  bytes  field
///     12288   8      magic "Redoubt" 0x01
///     12296   4      format version, 1
///     12300   4      feature flags that an older version may ignore
///     12304   4      feature flags that an older version may ignore when it only reads
///     12308   4      feature flags that a version must know
///     12312   16     id of the database
///     12328   4      space id at creation
///     12332   16     0
///     12348   4      CRC-32C of bytes 12288...12347
///     12352   8      catalog only: next space id to hand out
///     12360   8      catalog only: next transaction id to hand out
///     12416   512    pending chains, see ``PendingChains``
///
/// Big-endian. The first 64 bytes never change after creation.
struct SpaceMetadata: Sendable, Hashable {
    /// The version of the format that the file was written in.
    var formatVersion: UInt32 = SpaceMetadata.currentVersion
    /// Features that an older version may ignore.
    var compatibleFeatures: UInt32 = 0
    /// Features that an older version may ignore when it only reads.
    var readCompatibleFeatures: UInt32 = 0
    /// Features that a version must know.
    var incompatibleFeatures: UInt32 = 0
    /// The database that the file belongs to.
    var database: DatabaseID
    /// The space id that the file was created with.
    var space: SpaceID

    /// The version that this code writes.
    static let currentVersion: UInt32 = 1
    /// The features that this code knows.
    static let knownReadCompatibleFeatures: UInt32 = 0
    static let knownIncompatibleFeatures: UInt32 = 0

    static let offset = 12288
    /// The bytes of the record, its checksum included.
    static let byteCount = 64
    static let nextSpaceID = 12352
    static let nextTransactionID = 12360
    private static let magic: UInt64 = 0x5265_646F_7562_7401
    private static let checksum = 60

    /// Writes the record to `page`.
    func encode(to page: PageBytes) {
        let at = SpaceMetadata.offset
        page.store(SpaceMetadata.magic, at: at)
        page.store(formatVersion, at: at + 8)
        page.store(compatibleFeatures, at: at + 12)
        page.store(readCompatibleFeatures, at: at + 16)
        page.store(incompatibleFeatures, at: at + 20)
        page.store(database.high, at: at + 24)
        page.store(database.low, at: at + 32)
        page.store(space.rawValue, at: at + 40)
        page.store(SpaceMetadata.checksum(of: page), at: at + SpaceMetadata.checksum)
    }

    /// Whether a page 0 has the record's magic number.
    static func isPresent(_ page: PageBytes) -> Bool { page.u64(at: offset) == magic }

    /// Reads and checks the record of a page 0.
    ///
    /// - Throws: `.notADatabase` if there is none, `.unsupportedFormat` if it is of a newer version or needs a feature
    ///   that is not known.
    static func decode(_ page: PageBytes, path: String, readOnly: Bool = false) throws(RedoubtError) -> SpaceMetadata {
        let at = offset
        guard page.u64(at: at) == magic else {
            throw RedoubtError(
                .notADatabase,
                "the file carries no Redoubt record; it belongs to something else",
                path: path
            )
        }
        let version = page.u32(at: at + 8)
        guard version == currentVersion else {
            let isOlder = version < currentVersion
            throw RedoubtError(
                .unsupportedFormat,
                isOlder
                    ? "format version is \(version), this is version \(currentVersion); run `redoubt upgrade` first"
                    : "format version is \(version), but only \(currentVersion) is known; use a newer Redoubt",
                path: path
            )
        }
        guard page.u32(at: at + checksum) == checksum(of: page) else {
            throw RedoubtError(.corruptPage, "the Redoubt record of page 0 does not match its checksum", path: path)
        }
        let metadata = SpaceMetadata(
            formatVersion: version,
            compatibleFeatures: page.u32(at: at + 12),
            readCompatibleFeatures: page.u32(at: at + 16),
            incompatibleFeatures: page.u32(at: at + 20),
            database: DatabaseID(high: page.u64(at: at + 24), low: page.u64(at: at + 32)),
            space: SpaceID(rawValue: page.u32(at: at + 40))
        )
        let unknown = metadata.incompatibleFeatures & ~knownIncompatibleFeatures
        let unknownForWriting = metadata.readCompatibleFeatures & ~knownReadCompatibleFeatures
        guard unknown == 0, readOnly || unknownForWriting == 0 else {
            throw RedoubtError(
                .unsupportedFormat,
                "the file needs features \(unknown) and, for writing, \(unknownForWriting) that are not known; "
                    + "use a newer Redoubt",
                path: path
            )
        }
        return metadata
    }

    /// The version that the record of a page 0 says; nil without a record.
    static func version(_ page: PageBytes) -> UInt32? { isPresent(page) ? page.u32(at: offset + 8) : nil }

    /// Stores another version in the record of a page 0, whose first 60 bytes it covers.
    static func store(version: UInt32, in page: PageBytes) {
        page.store(version, at: offset + 8)
        page.store(checksum(of: page), at: offset + checksum)
    }

    private static func checksum(of page: PageBytes) -> UInt32 {
        unsafe Checksum.crc32c(page.bytes(at: offset, count: checksum))
    }
}
