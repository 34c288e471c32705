import RedoubtCore
extension IndexPage {
    func search(_ key: UnsafeRawBufferPointer, _ index: SearchIndex) -> SearchResult { fatalError() }
    func child(for key: UnsafeRawBufferPointer, _ index: SearchIndex) -> ChildSearchResult { fatalError() }
}
extension SearchIndex {
    /// Builds the index of `page`; returns false, and leaves it invalid, if the block is too small.
    @discardableResult
    func build(from page: IndexPage) -> Bool { fatalError() }
    func childFrame(at rank: Int) -> UInt32 { fatalError() }
    func setChildFrame(_ frame: UInt32, at rank: Int) { fatalError() }
}
extension PageOperation {
    var bodyByteCount: Int { fatalError() }
    func encode(into buffer: UnsafeMutableRawBufferPointer) -> Int { fatalError() }
    static func decode(kind: UInt8, body: UnsafeRawBufferPointer) throws(RedoubtError) -> PageOperation { fatalError() }
    func apply(to page: PageBytes, id: PageID, index: SearchIndex = .none) throws(RedoubtError) { fatalError() }
}
extension RecordImage {
    var packedByteCount: Int { fatalError() }
    func pack(to: UnsafeMutableRawPointer) -> Int { fatalError() }
}
struct IndexPageCheck {
    struct Finding: Equatable, Sendable, CustomStringConvertible {
        var page: PageID
        var offset: Int
        var text: String
        var description: String { "page \(page), offset \(offset): \(text)" }
    }
    static func findings(_ page: IndexPage, id: PageID, level: Int? = nil, indexID: UInt64? = nil) -> [Finding] { fatalError() }
}
