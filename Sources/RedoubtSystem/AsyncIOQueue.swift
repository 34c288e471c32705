import CLinuxAIO
import CRedoubtShims
import Glibc
import RedoubtCore

/// Asynchronous I/O by the kernel (libaio).
///
/// A request occupies a slot, which holds its control block, from submission until its last transfer ended. Used by one
/// thread at a time, so nothing here is locked.
@safe
final class AsyncIOQueue: StorageQueue, @unchecked Sendable {
    /// A request in flight.
    private struct Flight {
        let request: StorageRequest
        let file: LinuxFile
        let descriptor: Int32
        let start: UInt64
        var transfer: Transfer
    }

    private let depth: Int
    private let context: io_context_t
    private let blocks: UnsafeMutablePointer<iocb>
    private let events: UnsafeMutablePointer<io_event>
    private let batch: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>
    private var flights: [Flight?]
    private var freeSlots: [Int]
    // The slots to be handed to the kernel next.
    private var waiting: [Int] = []
    private var kernelCount = 0
    private var ended: [StorageCompletion] = []

    var inFlightCount: Int { depth - freeSlots.count + ended.count }

    /// Creates a queue for `depth` requests, or returns nil if the kernel grants none.
    init?(depth: Int) {
        var context: io_context_t?
        guard unsafe io_setup(Int32(clamping: depth), &context) == 0, let context = unsafe context else { return nil }
        self.depth = depth
        unsafe self.context = context
        unsafe blocks = .allocate(capacity: depth)
        unsafe blocks.initialize(repeating: iocb(), count: depth)
        unsafe events = .allocate(capacity: depth)
        unsafe events.initialize(repeating: io_event(), count: depth)
        unsafe batch = .allocate(capacity: depth)
        unsafe batch.initialize(repeating: nil, count: depth)
        flights = Array(repeating: nil, count: depth)
        freeSlots = Array((0..<depth).reversed())
    }

    deinit {
        // Waits for what is in flight: the kernel must not write into memory that was given back.
        _ = unsafe io_destroy(context)
        for case let flight? in flights {
            count(flight)
            flight.file.endUse()
        }
        unsafe blocks.deallocate()
        unsafe events.deallocate()
        unsafe batch.deallocate()
    }

    func submit(_ requests: [StorageRequest]) {
        for request in requests {
            guard let file = request.file as? LinuxFile else {
                ended.append(ThreadIOQueue.Core.perform(request))
                continue
            }
            while freeSlots.isEmpty {
                startWaiting()
                reap(atLeast: 1)
            }
            begin(request, file)
        }
        startWaiting()
    }

    func complete(minimum: Int) -> [StorageCompletion] {
        let goal = min(minimum, inFlightCount)
        while ended.count < goal {
            startWaiting()
            if ended.count < goal { reap(atLeast: min(goal - ended.count, kernelCount)) }
        }
        reap(atLeast: 0)
        startWaiting()
        let result = ended
        ended = []
        return result
    }

    /// Gives `request` a slot that waits to be handed to the kernel.
    private func begin(_ request: StorageRequest, _ file: LinuxFile) {
        do throws(RedoubtError) {
            if request.isWrite { try file.requireWritable() }
            let transfer = unsafe Transfer(
                isWrite: request.isWrite,
                bytes: request.buffer,
                offset: request.offset,
                alignment: file.alignment,
                isAtomic: request.isWrite && request.isAtomic
            )
            if transfer.isEnded {
                ended.append(StorageCompletion(tag: request.tag, byteCount: 0, error: nil))
                return
            }
            let descriptor = try file.beginUse()
            let slot = freeSlots.removeLast()
            let operation = request.isWrite ? StorageCounters.Operation.write : .read
            flights[slot] = Flight(
                request: request,
                file: file,
                descriptor: descriptor,
                start: file.counters.begin(operation, file.role),
                transfer: transfer
            )
            waiting.append(slot)
        } catch {
            ended.append(StorageCompletion(tag: request.tag, byteCount: 0, error: error))
        }
    }

    /// Hands all waiting slots to the kernel, in as few calls as it allows.
    private func startWaiting() {
        while !waiting.isEmpty {
            let slots = waiting
            for (index, slot) in slots.enumerated() { unsafe batch[index] = prepare(slot) }
            let result = Int(unsafe io_submit(context, slots.count, batch))
            if result > 0 {
                kernelCount += result
                waiting.removeFirst(result)
            } else if result == 0 || result == -Int(EAGAIN) || result == -Int(EINTR) {
                // No room in the kernel: there is some once one of ours ends, or else soon.
                if kernelCount > 0 { reap(atLeast: 1) } else { advance(waiting.removeFirst(), -Int(EAGAIN)) }
            } else {
                // The first block is the one refused; those behind it are tried without it.
                advance(waiting.removeFirst(), result)
            }
        }
    }

    /// Fills the control block of `slot` with what is left of its transfer.
    private func prepare(_ slot: Int) -> UnsafeMutablePointer<iocb> {
        let block = unsafe blocks + slot
        guard let flight = flights[slot] else { preconditionFailure("slot \(slot) is empty") }
        let rest = unsafe flight.transfer.rest
        let offset = Int64(flight.transfer.restOffset)
        if flight.transfer.isWrite {
            unsafe io_prep_pwrite(block, flight.descriptor, rest.baseAddress, rest.count, offset)
            if flight.transfer.isAtomic { unsafe block.pointee.aio_rw_flags = redoubt_rwf_atomic }
        } else {
            unsafe io_prep_pread(block, flight.descriptor, rest.baseAddress, rest.count, offset)
        }
        unsafe block.pointee.data = UnsafeMutableRawPointer(bitPattern: slot + 1)
        return unsafe block
    }

    /// Collects ended transfers, waiting for `minimum` of them.
    private func reap(atLeast minimum: Int) {
        guard kernelCount > 0 else { return }
        var result: Int32
        repeat { unsafe result = io_getevents(context, minimum, depth, events, nil) } while result == -EINTR
        precondition(result >= 0, "io_getevents failed: \(result)")
        kernelCount -= Int(result)
        for index in 0..<Int(result) {
            let event = unsafe events[index]
            advance(unsafe Int(bitPattern: event.data) - 1, Int(bitPattern: unsafe event.res))
        }
    }

    private func count(_ flight: Flight) {
        let operation = flight.request.isWrite ? StorageCounters.Operation.write : .read
        flight.file.counters.end(
            operation,
            flight.file.role,
            from: flight.start,
            byteCount: flight.transfer.done
        )
    }

    /// Takes note of the result of the transfer in `slot`: ends it, or lets the rest wait for its turn.
    private func advance(_ slot: Int, _ result: Int) {
        guard var flight = flights[slot] else { preconditionFailure("slot \(slot) is empty") }
        switch flight.transfer.advance(result) {
        case .end:
            let error = flight.transfer.failure == 0 ? nil : flight.file.error(of: flight.transfer)
            ended.append(
                StorageCompletion(tag: flight.request.tag, byteCount: flight.transfer.done, error: error)
            )
            count(flight)
            flight.file.endUse()
            flights[slot] = nil
            freeSlots.append(slot)
            return
        case .retryLater: Scheduling.sleep(microseconds: 100)
        case .goOn: break
        }
        flights[slot] = flight
        waiting.append(slot)
    }
}
