/// Files and directories of a simulated disk at one moment; copying shares everything until it is changed.
public struct DiskImage: Sendable {
    /// Contents by file number; a file keeps its number through renames.
    private var contents: [SparseBytes] = []
    private var entries: [String: Int] = [:]
    private var directories: Set<String> = ["/", ""]
    // By file number, as far as kept: what the content adds to the hash while it has a name, and how many it has.
    private var contentHashes: [UInt64] = []
    private var nameCounts: [Int] = []
    /// A hash of everything that ``apply(_:)`` changed and that a path leads to; images of one trace with equal paths
    /// and contents have equal hashes.
    public private(set) var hash: UInt64 = 0
    /// Whether ``hash`` is kept; costs a checksum of every sector that changes.
    package var keepsHash = false {
        didSet { if keepsHash && !oldValue { countNames() } }
    }

    /// Creates an empty disk: no file, and only the root directory.
    public init() {}

    /// The paths of all files, sorted.
    public var paths: [String] { entries.keys.sorted() }

    /// The sum of all file sizes in bytes.
    public var byteCount: UInt64 {
        entries.values.reduce(0) { $0 + contents[$1].size }
    }

    /// Returns the size of the file at `path`, or nil if there is none.
    public func size(of path: String) -> UInt64? {
        file(at: path).map { contents[$0].size }
    }

    /// Returns the bytes of the file at `path`, or nil if there is none.
    public func bytes(of path: String) -> [UInt8]? {
        guard let file = file(at: path) else { return nil }
        var result = [UInt8](repeating: 0, count: Int(contents[file].size))
        _ = unsafe result.withUnsafeMutableBytes { unsafe contents[file].read(into: $0, at: 0) }
        return result
    }

    /// Replaces the byte at `offset` of the file at `path` by itself xor `mask`; for tests of damage.
    public mutating func flip(_ path: String, at offset: UInt64, mask: UInt8) {
        guard let file = file(at: path), offset < contents[file].size else {
            preconditionFailure("byte \(offset) of \(path) does not exist")
        }
        var byte: UInt8 = 0
        _ = unsafe withUnsafeMutableBytes(of: &byte) { unsafe contents[file].read(into: $0, at: offset) }
        apply(.write(file: file, offset: offset, bytes: [byte ^ mask]))
    }

    /// Replaces the bytes at `offset` of the file at `path`, which may grow; for tests of damage.
    public mutating func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) {
        guard let file = file(at: path) else { preconditionFailure("\(path) does not exist") }
        apply(.write(file: file, offset: offset, bytes: bytes))
    }

    /// Cuts or grows the file at `path` to `size` bytes; for tests of damage.
    public mutating func resize(_ path: String, to size: UInt64) {
        guard let file = file(at: path) else { preconditionFailure("\(path) does not exist") }
        let isGrowing = size > contents[file].size
        apply(isGrowing ? .extend(file: file, size: size) : .truncate(file: file, size: size))
    }

    /// Removes the file at `path`; for tests of damage.
    public mutating func remove(_ path: String) {
        apply(.remove(path: Self.normalized(path)))
    }

    /// Changes the disk.
    public mutating func apply(_ change: StorageChange) {
        switch change {
        case .write(let file, let offset, let bytes), .atomicWrite(let file, let offset, let bytes):
            guard !bytes.isEmpty else { return }
            apply(to: file, range: offset..<offset + UInt64(bytes.count)) { content in
                unsafe bytes.withUnsafeBytes { unsafe content.write($0, at: offset) }
            }
        case .extend(let file, let size):
            apply(to: file, range: 0..<0) { $0.grow(to: size) }
        case .truncate(let file, let size):
            ensure(file)
            let end = max(size, contents[file].size)
            apply(to: file, range: size..<end) { $0.truncate(to: size) }
        case .create(let path, let file):
            ensure(file)
            enter(path, file)
        case .remove(let path):
            enter(path, nil)
        case .rename(let source, let target, let file):
            ensure(file)
            if entries[source] == file { enter(source, nil) }
            enter(target, file)
        case .createDirectory(let path):
            if directories.insert(path).inserted { hash &+= Self.directoryHash(path) }
        }
    }

    /// Drops the files and directories that no durable directory leads to.
    package mutating func dropUnreachable() {
        for path in directories where path != "/" && path != "" && !isReachable(path) {
            directories.remove(path)
            hash &-= Self.directoryHash(path)
        }
        for path in entries.keys where !directories.contains(Self.parent(of: path)) { enter(path, nil) }
    }

    private func isReachable(_ path: String) -> Bool {
        var place = path
        while place != "/" && place != "" {
            guard directories.contains(place) else { return false }
            place = Self.parent(of: place)
        }
        return true
    }

    // Used by the simulated storage.

    /// The number of the file at `path`, as the events of a trace name it.
    package func file(at path: String) -> Int? { entries[Self.normalized(path)] }

    func isDirectory(_ path: String) -> Bool { directories.contains(Self.normalized(path)) }

    func contentSize(_ file: Int) -> UInt64 { file < contents.count ? contents[file].size : 0 }

    func read(_ file: Int, into target: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        file < contents.count ? unsafe contents[file].read(into: target, at: offset) : 0
    }

    /// Writes bytes of which those from `end` on stand for nothing: a last sector that the file holds in part.
    mutating func write(_ file: Int, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, upTo end: UInt64) {
        let count = min(bytes.count, Int(end - min(end, offset)))
        guard count > 0 else { return }
        apply(to: file, range: offset..<offset + UInt64(count)) { content in
            unsafe content.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
        }
    }

    /// The files that were ever made, those without a name included.
    var fileCount: Int { contents.count }

    /// The paths of all directories but the root, sorted.
    var directoryPaths: [String] { directories.filter { $0 != "/" && $0 != "" }.sorted() }

    /// The numbers of the files that have a name.
    var files: Set<Int> { Set(entries.values) }

    /// Returns what the size of a file adds to ``hash``.
    static func sizeHash(_ file: Int, _ size: UInt64) -> UInt64 { SparseBytes.sizeHash(size, file: file) }

    mutating func newFile() -> Int {
        ensure(contents.count)
        return contents.count - 1
    }

    func names(in directory: String) -> [String] {
        let parent = Self.normalized(directory)
        let paths =
            entries.keys.filter { Self.parent(of: $0) == parent }
            + directories.filter { $0 != parent && $0 != "/" && $0 != "" && Self.parent(of: $0) == parent }
        return paths.map { Self.name(of: $0) }.sorted()
    }

    /// Makes the content of a file what it is in `other`.
    mutating func restore(_ file: Int, from other: DiskImage) {
        precondition(!keepsHash, "an image that keeps its hash takes contents by changes only")
        ensure(file)
        contents[file] = file < other.contents.count ? other.contents[file] : SparseBytes()
    }

    private mutating func ensure(_ file: Int) {
        while contents.count <= file { contents.append(SparseBytes()) }
        guard keepsHash else { return }
        while nameCounts.count < contents.count { nameCounts.append(0) }
        while contentHashes.count < contents.count { contentHashes.append(0) }
    }

    private mutating func countNames() {
        nameCounts = [Int](repeating: 0, count: contents.count)
        contentHashes = [UInt64](repeating: 0, count: contents.count)
        for file in entries.values { nameCounts[file] += 1 }
    }

    private mutating func enter(_ path: String, _ file: Int?) {
        let before = entries[path]
        entries[path] = file
        guard keepsHash else { return }
        if let before {
            hash &-= mix(Self.nameHash(path) ^ mix(UInt64(before)))
            nameCounts[before] -= 1
            if nameCounts[before] == 0 { hash &-= contentHashes[before] }
        }
        if let file {
            hash &+= mix(Self.nameHash(path) ^ mix(UInt64(file)))
            if nameCounts[file] == 0 { hash &+= contentHashes[file] }
            nameCounts[file] += 1
        }
    }

    private mutating func apply(to file: Int, range: Range<UInt64>, _ body: (inout SparseBytes) -> Void) {
        ensure(file)
        guard keepsHash else { return body(&contents[file]) }
        let before = contents[file].sectorHash(file: file, range: range) &+ contents[file].sizeHash(file: file)
        body(&contents[file])
        let after = contents[file].sectorHash(file: file, range: range) &+ contents[file].sizeHash(file: file)
        contentHashes[file] &+= after &- before
        if nameCounts[file] > 0 { hash &+= after &- before }
    }

    /// Returns `path` without "." components and doubled or trailing slashes.
    static func normalized(_ path: String) -> String {
        if path == "." { return "" }
        if !path.contains("//") && !path.contains("./") && !path.hasSuffix("/") && !path.hasSuffix("/.") { return path }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    /// Returns the directory that holds `path`, which is normalized.
    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Returns the last component of `path`, which is normalized.
    static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    private static func directoryHash(_ path: String) -> UInt64 { mix(nameHash(path) ^ 0xD1) }

    static func nameHash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
