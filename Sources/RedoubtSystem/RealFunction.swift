import Glibc

/// Functions of real numbers that the standard library lacks, from the C library.
///
/// Correct to about one unit in the last place; the same machine gives the same results.
package enum RealFunction {
    /// Returns e to the power of `exponent`.
    package static func exp(_ exponent: Double) -> Double { Glibc.exp(exponent) }

    /// Returns the natural logarithm of `value`.
    package static func log(_ value: Double) -> Double { Glibc.log(value) }

    /// Returns `base` to the power of `exponent`.
    package static func pow(_ base: Double, _ exponent: Double) -> Double { Glibc.pow(base, exponent) }
}
