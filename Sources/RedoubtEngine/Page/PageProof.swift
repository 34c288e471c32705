package import RedoubtCore

/// Whether bytes prove that they are a page; for laboratories that damage them.
package enum PageProof {
    /// The name of the kind of the page at `base`, 16384 bytes with 16 more behind them; nil if its type is unknown.
    package static func kind(of base: UnsafeMutableRawPointer) -> String? {
        let page = unsafe PageBytes(base)
        guard let type = PageType(rawValue: page.u16(at: PageBytes.Offset.type)) else { return nil }
        guard type == .index else { return "\(type)" }
        return IndexPage(page).level == 0 ? "index, leaf" : "index, node"
    }

    /// The kinds of pages that data files can hold.
    package static let kinds: Set<String> = {
        var kinds = Set(PageType.allCases.map { "\($0)" })
        kinds.remove("\(PageType.index)")
        return kinds.union(["index, leaf", "index, node"])
    }()

    /// Whether the bytes at `base` are page `id` as it was written.
    package static func isSound(_ base: UnsafeMutableRawPointer, page id: PageID) -> Bool {
        unsafe PageSeal.fault(PageBytes(base), expected: id) == nil
    }

    /// Makes the page at `base` a sound page `id` of extent descriptors: only files of 256 MiB have one.
    package static func makeDescriptors(_ base: UnsafeMutableRawPointer, page id: PageID) {
        let page = unsafe PageBytes(base)
        page.store(PageType.extentDescriptors.rawValue, at: PageBytes.Offset.type)
        page.store(id.number.rawValue, at: PageBytes.Offset.number)
        PageSeal.seal(page)
    }
}
