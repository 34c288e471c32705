public import RedoubtCore
import RedoubtEngine

/// Something that ``Database/check()`` found wrong.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// The page, if one can be named.
    public let page: PageID?
    /// What is wrong: found and expected.
    public let message: String

    init(_ finding: CheckFinding) {
        page = finding.page
        message = finding.message
    }

    /// Message and page in one line.
    public var description: String { page.map { "page \($0): \(message)" } ?? message }
}
