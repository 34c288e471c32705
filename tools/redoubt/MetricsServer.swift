import Glibc
import RedoubtCommands
import RedoubtCore

/// A server for one page, to whoever is on this machine: HTTP/1.1, GET and HEAD of "/metrics", one answer a connection.
///
/// One thread serves all connections with `poll`. Requests are limited in size, connections in number and time, so a
/// client that is slow or means no good holds up nobody else for long.
final class MetricsServer {
    /// The port it listens on.
    let port: Int

    private let listener: Int32
    private let page: () -> Result<String, RedoubtError>
    private var connections: [Connection] = []

    /// More connections than this wait to be accepted.
    static let connectionCountMaximum = 32
    /// How long a connection may take for everything.
    static let connectionSeconds = 5.0

    /// Listens on `port` of 127.0.0.1; `page` makes the page for each request.
    init(port: Int, _ page: @escaping () -> Result<String, RedoubtError>) throws(CommandFailure) {
        self.page = page
        let descriptor = socket(
            AF_INET,
            Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { throw Self.failure("no socket") }
        listener = descriptor
        var reuse: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        if !isBound { throw Self.failure("127.0.0.1:\(port) cannot be listened on") }
    }

    deinit { close(listener) }

    private static func failure(_ what: String) -> CommandFailure {
        CommandFailure(code: .failure, message: "\(what): \(unsafe String(cString: strerror(errno)))")
    }

    /// Serves for ever.
    func run() throws(CommandFailure) -> Never {
        while true {
            var polled = connections.map {
                pollfd(fd: $0.descriptor, events: $0.isSending ? wanted.out : wanted.in, revents: 0)
            }
            let isOpen = connections.count < Self.connectionCountMaximum
            polled.append(pollfd(fd: isOpen ? listener : -1, events: wanted.in, revents: 0))
            let count = unsafe poll(&polled, nfds_t(polled.count), connections.isEmpty ? -1 : 250)
            if count < 0 && errno != EINTR { throw Self.failure("poll") }
            let now = Self.seconds()
            for (connection, state) in zip(connections, polled) where state.revents != 0 { connection.goOn(page) }
            connections.removeAll { $0.isOver || now - $0.start > Self.connectionSeconds }
            if polled[polled.count - 1].revents != 0 { accept() }
        }
    }

    private let wanted = (in: Int16(POLLIN), out: Int16(POLLOUT))

    private func accept() {
        let descriptor = Glibc.accept(listener, nil, nil)
        // A client that is gone already, or no descriptor left: nothing to do about either.
        guard descriptor >= 0 else { return }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        connections.append(Connection(descriptor, start: Self.seconds()))
    }

    private static func seconds() -> Double {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// One client of a ``MetricsServer``: reads a request, sends the answer, and is over.
private final class Connection {
    let descriptor: Int32
    let start: Double
    private(set) var isSending = false
    private(set) var isOver = false
    private var isDraining = false
    private var request: [UInt8] = []
    private var answer: [UInt8] = []
    private var sent = 0

    /// The longest request line and header together.
    static let requestByteCountMaximum = 8192

    init(_ descriptor: Int32, start: Double) {
        self.descriptor = descriptor
        self.start = start
    }

    deinit { close(descriptor) }

    /// Reads or sends what can be without waiting.
    func goOn(_ page: () -> Result<String, RedoubtError>) {
        if !isSending { read(page) }
        if isSending { send() }
    }

    private func read(_ page: () -> Result<String, RedoubtError>) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            isOver = count == 0 || (errno != EAGAIN && errno != EINTR)
            return
        }
        if isDraining { return }
        request += buffer[..<count]
        if let end = HTTPRequest.end(of: request) {
            answer = HTTPRequest.answer(to: String(decoding: request[..<end], as: UTF8.self), page)
            isSending = true
        } else if request.count > Self.requestByteCountMaximum {
            answer = HTTPRequest.response(431, "Request Header Fields Too Large", "the request is too long\n")
            isSending = true
        }
    }

    private func send() {
        while sent < answer.count {
            let count = unsafe answer[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN { return }
            if count <= 0 { break }
            sent += count
        }
        // What is left of the request is read away first: a close before that would take the answer back.
        shutdown(descriptor, Int32(SHUT_WR))
        isSending = false
        isDraining = true
    }
}

/// What little HTTP there is to it.
enum HTTPRequest {
    /// The end of the header in `bytes`, nil if it is not all there.
    static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        let blank: [UInt8] = [13, 10, 13, 10]
        return (0...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual(blank) }
    }

    /// The answer to the request whose line and header are `header`.
    static func answer(to header: String, _ page: () -> Result<String, RedoubtError>) -> [UInt8] {
        let line = header.prefix { $0 != "\r\n" && $0 != "\r" && $0 != "\n" }
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", words[1].hasPrefix("/") else {
            return response(400, "Bad Request", "this is not HTTP/1.1\n")
        }
        guard words[0] == "GET" || words[0] == "HEAD" else {
            return response(405, "Method Not Allowed", "GET or HEAD\n", header: "Allow: GET, HEAD\r\n")
        }
        let isHead = words[0] == "HEAD"
        guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else {
            return response(404, "Not Found", "the page is /metrics\n", isHead: isHead)
        }
        switch page() {
        case .success(let text):
            return response(200, "OK", text, type: "text/plain; version=0.0.4; charset=utf-8", isHead: isHead)
        case .failure(let error):
            return response(500, "Internal Server Error", "\(error)\n", isHead: isHead)
        }
    }

    /// A whole answer.
    static func response(
        _ code: Int,
        _ reason: String,
        _ body: String,
        type: String = "text/plain; charset=utf-8",
        header: String = "",
        isHead: Bool = false
    ) -> [UInt8] {
        let bytes = Array(body.utf8)
        let head =
            "HTTP/1.1 \(code) \(reason)\r\nContent-Type: \(type)\r\nContent-Length: \(bytes.count)\r\n"
            + "Cache-Control: no-store\r\n\(header)Connection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : bytes)
    }
}
