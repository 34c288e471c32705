import Glibc
import RedoubtSystem

/// Serves a ``FUSEFolder`` to the kernel through /dev/fuse, on a thread of its own.
///
/// The descriptor has to be mounted by a process that does not serve it: whoever waits for a file system and has to
/// serve it as well can never be killed.
final class FUSEServer: Sendable {
    /// The open /dev/fuse, to be mounted.
    let descriptor: Int32
    /// Closing one end ends the thread.
    private let stopEnd: Int32
    private let waitingEnd: Int32
    private let thread: EngineThread

    /// Begins to serve `disk`.
    init(_ disk: BlockDisk) throws {
        let device = unsafe open("/dev/fuse", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { throw DiskFailure.ofCall("open of /dev/fuse") }
        let ends: (Int32, Int32)
        do {
            descriptor = try ChildProcess.raised(device)
            ends = try ChildProcess.socketPair()
        } catch {
            close(device)
            throw error
        }
        (stopEnd, waitingEnd) = ends
        let (folder, descriptor) = (FUSEFolder(disk: disk), descriptor)
        thread = try Scheduling.startOnSystem("fuse server") {
            Self.serve(folder, on: descriptor, until: ends.1)
        }
    }

    /// Ends the thread and with it the file system: calls that wait for it fail.
    func stop() {
        close(stopEnd)
        Scheduling.joinOnSystem(thread)
        close(descriptor)
        close(waitingEnd)
    }

    private static func serve(_ folder: FUSEFolder, on descriptor: Int32, until stop: Int32) {
        var buffer = [UInt8](repeating: 0, count: FUSEFolder.writeLimit + 65536)
        var waiting = [pollfd](repeating: pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), count: 2)
        waiting[1].fd = stop
        while true {
            let ready = unsafe poll(&waiting, 2, -1)
            if ready < 0 && errno != EINTR || waiting[1].revents != 0 { return }
            if ready <= 0 { continue }
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                // Interrupted, or the request was taken back; ENODEV says that it was unmounted.
                if count < 0 && errno != ENODEV { continue }
                return
            }
            guard let request = FUSERequest(buffer, count: count), let answer = folder.answer(request) else { continue }
            // It fails only for a request that nobody waits for any more.
            _ = unsafe answer.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        }
    }
}
