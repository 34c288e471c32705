import Glibc
import Testing

@testable import RedoubtSystem

/// Goal: transfers go on, pause and end as the rules say, whatever the kernel returns. Method: the state machine fed
/// with results by hand.
@Suite struct TransferTests {
    private func withTransfer(
        isWrite: Bool,
        count: Int = 16384,
        alignment: Int = 512,
        _ body: (inout Transfer) -> Void
    ) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 512)
        defer { unsafe memory.deallocate() }
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
        var transfer = unsafe Transfer(isWrite: isWrite, bytes: bytes, offset: 4096, alignment: alignment)
        body(&transfer)
    }

    @Test("a whole transfer ends", arguments: [true, false])
    func whole(isWrite: Bool) {
        withTransfer(isWrite: isWrite) { transfer in
            #expect(transfer.advance(16384) == .end)
            #expect(transfer.done == 16384 && transfer.failure == 0 && transfer.isEnded)
        }
    }

    @Test("an empty transfer has ended", arguments: [true, false])
    func empty(isWrite: Bool) {
        withTransfer(isWrite: isWrite, count: 0) { #expect($0.isEnded && $0.done == 0 && $0.failure == 0) }
    }

    @Test("a short transfer goes on where it stopped", arguments: [true, false])
    func short(isWrite: Bool) {
        withTransfer(isWrite: isWrite) { transfer in
            #expect(transfer.advance(4096) == .goOn)
            #expect(transfer.restOffset == 8192)
            #expect(unsafe transfer.rest.count == 12288)
            #expect(transfer.advance(12288) == .end)
            #expect(transfer.done == 16384)
        }
    }

    @Test("a read ends with the file: at nothing, and at part of a unit")
    func endOfFile() {
        withTransfer(isWrite: false) { transfer in
            #expect(transfer.advance(4096) == .goOn)
            #expect(transfer.advance(0) == .end)
            #expect(transfer.done == 4096 && transfer.failure == 0)
        }
        withTransfer(isWrite: false) { transfer in
            #expect(transfer.advance(700) == .end)
            #expect(transfer.done == 700 && transfer.failure == 0)
        }
    }

    @Test("a write that stopped within a unit starts that unit again")
    func unalignedWrite() {
        withTransfer(isWrite: true) { transfer in
            #expect(transfer.advance(1000) == .goOn)
            #expect(transfer.done == 512 && transfer.restOffset == 4608)
        }
        withTransfer(isWrite: true, alignment: 1) { transfer in
            #expect(transfer.advance(1000) == .goOn)
            #expect(transfer.done == 1000)
        }
    }

    @Test("an error ends it, with what was done before", arguments: [true, false])
    func errors(isWrite: Bool) {
        withTransfer(isWrite: isWrite) { transfer in
            #expect(transfer.advance(512) == .goOn)
            #expect(transfer.advance(-Int(EIO)) == .end)
            #expect(transfer.done == 512 && transfer.failure == EIO && transfer.isEnded)
        }
    }

    @Test("a call that moves nothing is repeated, but not for ever")
    func fruitless() {
        for (result, failure) in [(-Int(EAGAIN), EAGAIN), (-Int(EINTR), EAGAIN), (0, EIO), (100, EIO)] {
            withTransfer(isWrite: true) { transfer in
                var count = 0
                while transfer.advance(result) == .retryLater { count += 1 }
                #expect(count == 10_000)
                #expect(transfer.failure == failure && transfer.done == 0)
            }
        }
    }

    @Test("an atomic write that came out short has failed, and is not continued")
    func shortAtomicWrite() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 512)
        defer { unsafe memory.deallocate() }
        for (result, failure) in [(16384, 0), (4096, EIO), (0, EIO)] {
            var transfer = unsafe Transfer(isWrite: true, bytes: memory, offset: 0, alignment: 512, isAtomic: true)
            #expect(transfer.advance(result) == .end)
            #expect(transfer.failure == failure)
        }
    }
}
