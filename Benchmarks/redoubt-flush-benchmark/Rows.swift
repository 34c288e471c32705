import Redoubt
import RedoubtCore

/// The rows: 8-byte keys spread evenly, and values of 100 to 200 bytes, each row's always of the same length.
struct Rows: Sendable {
    /// The bytes of a key.
    static let keySize = 8
    /// The bytes of the longest value.
    static let valueSizeMaximum = 200
    /// The bytes of file that a row takes, about: key, mean value, 20 of header and hidden columns, page overhead.
    static let bytesPerRow = 190

    /// How many there are.
    let count: Int

    /// The bytes of the value of row `index`.
    @inline(__always)
    func valueSize(_ index: Int) -> Int {
        100 + Int(truncatingIfNeeded: (UInt64(index) &* 0x9E37_79B9_7F4A_7C15) >> 40) % 101
    }

    /// Writes the key of row `index`, whose order is that of the index.
    @inline(__always)
    func setKey(_ key: inout [UInt8], _ index: Int) {
        let number = (UInt64(index) &* (UInt64.max / UInt64(count + 1)) &+ 12345).bigEndian
        unsafe key.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number, as: UInt64.self) }
    }

    /// Writes content that no two updates share into the first bytes of `value`.
    @inline(__always)
    func setValue(_ value: inout [UInt8], _ content: UInt64) {
        unsafe value.withUnsafeMutableBytes { bytes in
            for offset in stride(from: 0, to: 96, by: 8) {
                unsafe bytes.storeBytes(of: content &+ UInt64(offset), toByteOffset: offset, as: UInt64.self)
            }
        }
    }

    /// Makes the database of `setup` with all rows in it, durably.
    func create(_ setup: LoadSetup) throws {
        var configuration = setup.configuration
        configuration.memory = .mebibytes(max(setup.memory, 256))
        configuration.redoLog.capacity = .mebibytes(512)
        let database = try Database.open(at: setup.path, configuration: configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        var key = [UInt8](repeating: 0, count: Self.keySize)
        var values = (100...Self.valueSizeMaximum).map { [UInt8](repeating: 7, count: $0) }
        var load = keyspace.sortedLoad()
        for index in 0..<count {
            setKey(&key, index)
            let size = valueSize(index) - 100
            setValue(&values[size], UInt64(index))
            try load.add(key, values[size])
        }
        try load.finish(durability: .flushed)
        try database.close()
    }
}
