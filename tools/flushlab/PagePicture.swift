import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore
import RedoubtSimulation

/// A page as a picture, made by the browser that Debian packages.
enum PagePicture {
    private static let browser = "chromium"
    private static let byteCountMaximum = 64 << 20
    private static let width = 1280
    /// The seconds that a browser may take.
    private static let patience = 60

    /// The option of commands that write pages.
    static let option = Command.Option(
        name: "png",
        value: "FILE",
        text: "write the page as a picture to FILE, for reports; needs Debian's chromium"
    )

    /// Says before anything is run that there is no browser, if `arguments` want a picture.
    static func check(_ arguments: Arguments) throws(CommandFailure) {
        if !arguments.has("png") || ChildProcess.path(of: browser) != nil { return }
        throw CommandFailure(
            code: .failure,
            message: "--png needs \(browser), which is not installed; --html needs nothing"
        )
    }

    /// Writes `page` as a picture, 1280 pixels wide, to the file at `path`.
    ///
    /// Waits for the browser, some seconds, at most a minute.
    static func write(_ page: LabPage, to path: String) throws(CommandFailure) {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        let own = try explaining { () throws(RedoubtError) in try OwnFolder(in: absolute(parent)) }
        defer { own.remove() }
        try LabFiles.write(page.html, to: "\(own.path)/page.html")
        var words = [
            browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--user-data-dir=\(own.path)/profile", "--window-size=\(width),\(page.height)",
            "--screenshot=\(own.path)/page.png",
        ]
        // A browser refuses to keep pages in a sandbox for an administrator; this one is our own.
        if getuid() == 0 { words.append("--no-sandbox") }
        let child = try ChildProcess(words + ["file://\(escaped(own.path))/page.html"], output: "\(own.path)/browser")
        let status = child.wait(seconds: patience)
        let picture = status == 0 ? try LabFiles.bytes(of: "\(own.path)/page.png", most: byteCountMaximum) : []
        guard !picture.isEmpty else {
            let end = ChildProcess.lastWords(of: "\(own.path)/browser.error")
            let what = status.map { "its status is \($0)" } ?? "it took more than \(patience) s"
            throw CommandFailure(code: .failure, message: "\(browser) made no picture; \(what)\n\(end)")
        }
        try explaining { () throws(RedoubtError) in try WholeFile.write(picture, to: path) }
        if page.height == LabPage.highest {
            Screen.complain("the picture ends after \(page.height) pixels; --html writes all of the page")
        }
    }

    /// The path from the root.
    private static func absolute(_ path: String) -> String {
        guard let found = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }

    /// The path as a part of an address.
    private static func escaped(_ path: String) -> String {
        let plain = Set("/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        return path.utf8.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return plain.contains(byte) ? String(UnicodeScalar(byte)) : "%\(digits.count < 2 ? "0" : "")\(digits)"
        }.joined()
    }
}
