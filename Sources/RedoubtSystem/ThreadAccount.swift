import CRedoubtShims
package import RedoubtCore

/// Where the time of a thread went: waits by reason, work, and being ready to run while others did.
///
///     let account = try ThreadAccount.measure { for key in keys { try orders.put(key, value) } }
///     print(account.coverage)
///
/// At the price of two more system calls a wait while it is kept: what a wait contains of running and of being queued
/// counts as wait and as nothing else. The parts are off by the microsecond or two between the readings of three clocks
/// at each end of a wait, and so may cover a little more than the whole.
package final class ThreadAccount {
    /// The time from beginning to end.
    package private(set) var total = ThreadTime()
    /// The time within waits.
    package private(set) var waiting = ThreadTime()
    /// The nanoseconds of waits, by ``WaitReason/index``.
    package private(set) var nanoseconds = [UInt64](repeating: 0, count: WaitReason.allCases.count)
    /// The number of waits.
    package private(set) var waitCount = 0

    private let clocks: ThreadClocks
    private var waitStart = ThreadTime()

    private init() throws(RedoubtError) {
        clocks = try ThreadClocks()
    }

    /// Runs `body` and returns where the time of the calling thread went meanwhile.
    ///
    /// - Throws: What `body` throws; `.systemCallFailed` if the kernel keeps no such figures.
    /// - Precondition: The thread is not being measured yet.
    package static func measure(_ body: () throws(RedoubtError) -> Void) throws(RedoubtError) -> ThreadAccount {
        let account = try ThreadAccount()
        let thread = unsafe redoubt_thread_waits().unsafelyUnwrapped
        unsafe precondition(thread.pointee.account == nil, "a thread is measured twice at once")
        let start = account.clocks.read()
        unsafe thread.pointee.account = Unmanaged.passUnretained(account).toOpaque()
        defer { unsafe thread.pointee.account = nil }
        try withExtendedLifetime(account) { () throws(RedoubtError) in try body() }
        account.total = account.clocks.read() - start
        return account
    }

    /// The nanoseconds of waits for `reason`.
    package subscript(_ reason: WaitReason) -> UInt64 { nanoseconds[reason.index] }

    /// The nanoseconds on a processor outside of waits.
    package var work: UInt64 { total.onCPU &- waiting.onCPU }

    /// The nanoseconds outside of waits that the thread could have run, but others did.
    package var queued: UInt64 { total.queued &- waiting.queued }

    /// The share of the time that waits, work and being queued account for; the rest the thread slept unattributed.
    package var coverage: Double {
        total.wall == 0 ? 1 : Double(waiting.wall &+ work &+ queued) / Double(total.wall)
    }

    // MARK: For the ledger

    /// The account of the calling thread, whose waits are `thread`.
    static func current(_ thread: UnsafeMutablePointer<redoubt_thread_waits_t>) -> ThreadAccount? {
        guard let pointer = unsafe thread.pointee.account else { return nil }
        return unsafe Unmanaged<ThreadAccount>.fromOpaque(pointer).takeUnretainedValue()
    }

    func beginWait() {
        waitStart = clocks.read()
    }

    func endWait(_ reason: WaitReason) {
        // From one reading of the clocks to the other, like all that is taken from the thread's work: what the readings
        // take would else belong to nothing.
        let span = clocks.read() - waitStart
        waiting = waiting + span
        nanoseconds[reason.index] += span.wall
        waitCount += 1
    }
}
