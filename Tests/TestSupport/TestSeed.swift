import Foundation
public import RedoubtCore

/// Returns the seed of a test: `REDOUBT_SEED` if that is set, else a new one. Prints it, so that a failure can be
/// repeated.
package func testSeed(_ name: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["REDOUBT_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 0...UInt64(Int64.max))
    print("seed=\(seed) in \(name); REDOUBT_SEED=\(seed) repeats it")
    return seed
}

extension LogSequenceNumber: ExpressibleByIntegerLiteral {
    /// Creates the position that `value` bytes precede; in tests only.
    public init(integerLiteral value: UInt64) {
        self.init(rawValue: value)
    }
}
