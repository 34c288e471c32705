import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import TestSupport
import Testing

/// Goal: the page says what was lost and why, loads nothing, and takes no text of the run for markup.
///
/// Method: failures of small stores with known causes; pages are searched for what a reader needs, and walked by tags.
@Suite(.timeLimit(.minutes(20))) struct HTMLReportTests {
    @Test func `a lost commit is told in the first lines`() throws {
        let trace = try RecordedWorlds.failedStore(.missingSync)
        let page = HTMLReport(trace, replay: ["siege show run.trace"]).html
        try KeptPages.keep(page, "store")
        let scene = try #require(trace.scene)
        let lost = try #require(scene.changes.last { $0.lostCount > 0 })
        #expect(page.contains("acknowledged, and a power cut loses"))
        #expect(page.contains("no sync of /log came after it"))
        #expect(page.contains("Event \(lost.event), the write of 1 KiB to /log"))
        #expect(page.contains("siege show run.trace"))
        #expect(page.contains("crash \(scene.cut)"))
        Self.expectSound(page)
    }

    @Test func `a torn write and a lost name are told as what they are`() throws {
        let torn = HTMLReport(try RecordedWorlds.failedStore(.missingChecksum)).html
        #expect(torn.contains("is there in part") && torn.contains("recovery has to notice it"))
        Self.expectSound(torn)
        try KeptPages.keep(torn, "torn")
        let name = HTMLReport(try RecordedWorlds.failedStore(.missingDirectorySync)).html
        #expect(name.contains("no sync of directory / came after it"))
        Self.expectSound(name)
        try KeptPages.keep(name, "name")
    }

    @Test func `every square of the sectors is there`() throws {
        let trace = try RecordedWorlds.failedStore(.missingSync)
        let page = HTMLReport(trace).html
        let parts = try #require(trace.scene).changes.flatMap(\.parts)
        for fate in CrashScene.Fate.allCases {
            let count = parts.count { $0.fate == fate && $0.bytes != nil }
            let shown = page.components("<i class=\"\(fate.rawValue)\" title=").count - 1
            #expect(shown == count, "\(fate)")
        }
    }

    @Test func `no text of a run becomes markup`() throws {
        let evil = "</pre><script>alert('x & y')</script>\u{7}"
        let storage = SimulatedStorage()
        let file = try storage.open("/<i>'&\"", role: .control, creating: true, readOnly: false)
        storage.mark(.note(evil))
        try file.extend(to: 512)
        let crash = TraceFile.Crash(cut: CrashCut(point: 3), finding: evil, allowed: 0...0)
        let trace = TraceFile(storage, seed: 1, text: evil, crash: crash)
        let reproducer = Reproducer(program: evil, operations: [], seed: 1, cut: crash.cut, finding: evil)
        let page = HTMLReport(trace, reproducer: reproducer, replay: [evil]) { _, _, _ in evil }.html
        #expect(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;x &amp; y&#39;)"))
        Self.expectSound(page)
    }

    @Test func `a run without a crash, and one without events, have pages too`() throws {
        Self.expectSound(HTMLReport(TraceFile(try RecordedWorlds.store(.none), seed: 1)).html)
        Self.expectSound(HTMLReport(TraceFile(seed: 1, start: DiskImage(), events: [])).html)
        // A crash that does not fit the events.
        let crash = TraceFile.Crash(cut: CrashCut(point: 7), finding: "none", allowed: 0...0)
        Self.expectSound(HTMLReport(TraceFile(seed: 1, start: DiskImage(), events: [], crash: crash)).html)
    }

    @Test func `a long run is cut down to what tells most`() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("/f", role: .control, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        for number in 1...2000 {
            storage.mark(.issued(number))
            try unsafe [UInt8](repeating: 1, count: 600).withUnsafeBytes {
                try unsafe file.write($0, at: UInt64(number * 1024))
            }
            if number != 2000 { try file.sync() }
            storage.mark(.acknowledged(number))
        }
        let cut = CrashCut(point: storage.trace.count)
        let crash = TraceFile.Crash(cut: cut, finding: "the content is that after [1999] commits", allowed: 2000...2000)
        let page = HTMLReport(TraceFile(storage, seed: 1, crash: crash)).html
        try KeptPages.keep(page, "long")
        #expect(page.contains("Commit 2000 was acknowledged, and a power cut loses it"))
        #expect(page.utf8.count < 200_000)
        Self.expectSound(page)
    }

    @Test func `the crash line stands before what is left out after it`() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("/f", role: .control, creating: true, readOnly: false)
        for number in 1...200 { try file.extend(to: UInt64(number * 512)) }
        let crash = TraceFile.Crash(cut: CrashCut(point: 100), finding: "wrong", allowed: 0...0)
        let page = HTMLReport(TraceFile(storage, seed: 1, crash: crash)).html
        func x(_ name: String) -> Double? {
            page.components("class=\"\(name)\" x1=\"").last.flatMap { Double($0.prefix { $0 != "\"" }) }
        }
        #expect(try #require(x("crash")) < #require(x("gap")))
    }

    @Test func `a page goes to a file`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("report.html")
        try HTMLReport(try RecordedWorlds.failedStore(.missingSync)).write(to: path)
        #expect(try WholeFile.read(path, limit: 1 << 20)?.count ?? 0 > 5000)
    }

    /// Expects tags that open and close in order, and nothing that a browser would fetch.
    private static func expectSound(_ page: String) {
        for word in ["http:", "https:", "src=", "href=", "@import", "url(h", "url(\"", "<script", "<link"] {
            #expect(!page.contains(word), "\(word)")
        }
        var open: [String] = []
        for piece in page.components("<").dropFirst() {
            guard let end = piece.firstIndex(of: ">") else {
                Issue.record("a tag without an end: \(piece.prefix(40))")
                return
            }
            let tag = piece[..<end]
            let name = String(tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber })
            if tag.hasPrefix("!") || tag.hasSuffix("/") || ["meta", "br"].contains(name) { continue }
            if !tag.hasPrefix("/") {
                open.append(name)
            } else if open.popLast() != name {
                Issue.record("</\(name)> closes nothing")
                return
            }
        }
        #expect(open.isEmpty, "\(open)")
    }
}

extension String {
    /// The parts between occurrences of `separator`.
    fileprivate func components(_ separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}
