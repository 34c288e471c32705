package import RedoubtCore

/// Pages that a scan of a flush list finds before it lets go of the lock, and hands to a writer in this order.
///
/// For tests, which compare it with what reaches the files; see ``EngineOptions/flushListObserver``.
package struct FlushListChoice: Sendable, CustomStringConvertible {
    /// A page, and the start of its oldest change that is in no file, as an LSN.
    package typealias Entry = (page: PageID, oldest: UInt64)

    /// The number of the pool instance.
    package let instance: Int
    /// Whether the scan begins with these pages.
    package let isFirst: Bool
    /// How much younger, in bytes of redo, a page may be than one behind it; the largest number in recovery, where
    /// pages enter in no order.
    package let window: UInt64
    /// The pages.
    package let entries: [Entry]

    /// One line: instance, beginning or not, window, and page@oldest for each page.
    package var description: String {
        "flush list \(instance) \(isFirst ? "begins" : "goes on"), window \(window): "
            + entries.map { "\($0.page)@\($0.oldest)" }.joined(separator: " ")
    }
}
