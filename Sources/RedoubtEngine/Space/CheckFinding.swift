package import RedoubtCore

/// Something that is wrong in a database, and where.
package struct CheckFinding: Sendable, Hashable, CustomStringConvertible {
    /// The page, if one can be named.
    package let page: PageID?
    /// What is wrong: found and expected.
    package let message: String

    /// Creates the finding `message` about `page`.
    package init(page: PageID?, message: String) {
        self.page = page
        self.message = message
    }

    /// Message and page in one line.
    package var description: String { page.map { "page \($0): \(message)" } ?? message }
}
