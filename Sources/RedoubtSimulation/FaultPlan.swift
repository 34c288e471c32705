import RedoubtCore
import RedoubtSystem

/// The faults of a world, and how often each kind of call was made.
struct FaultPlan: Sendable {
    /// What happens to a call.
    struct Hit: Sendable {
        let effect: SimulatedFault.Effect
        let aftermath: SyncAftermath
        /// What the effect draws from.
        let seed: UInt64
    }

    private var faults: [SimulatedFault] = []
    private var callCounts = [Int](repeating: 0, count: SimulatedFault.Operation.allCases.count)
    private(set) var firedCount = 0

    mutating func inject(_ fault: SimulatedFault) {
        faults.append(fault)
    }

    mutating func removeAll() {
        faults.removeAll()
    }

    func callCount(_ operation: SimulatedFault.Operation) -> Int {
        callCounts[Self.index(operation)]
    }

    /// Counts a call, and returns what happens to it.
    mutating func next(_ operation: SimulatedFault.Operation, role: FileRole?) -> Hit? {
        callCounts[Self.index(operation)] += 1
        var hit: Hit?
        for index in faults.indices.reversed() {
            let fault = faults[index]
            guard fault.operation == operation, fault.role == nil || role == nil || fault.role == role else { continue }
            if fault.skipCount > 0 {
                faults[index].skipCount -= 1
                continue
            }
            let seed = mix(fault.seed ^ mix(UInt64(firedCount)))
            hit = Hit(effect: fault.effect, aftermath: fault.aftermath, seed: seed)
            if !fault.isPermanent { faults.remove(at: index) }
        }
        if hit != nil { firedCount += 1 }
        return hit
    }

    private static func index(_ operation: SimulatedFault.Operation) -> Int {
        SimulatedFault.Operation.allCases.firstIndex(of: operation) ?? 0
    }
}

extension FaultPlan.Hit {
    /// Returns where a transfer of `count` bytes at `offset` of a file of `size` bytes ends up instead, or nil if there
    /// is no other place.
    ///
    /// - Parameter alignment: What the place is a multiple of, at least.
    func place(insteadOf offset: UInt64, count: Int, size: UInt64, alignment: Int) -> UInt64? {
        var random = SeededRandom(seed: seed)
        let isWholeTransfers = random.below(2) == 0 && count % max(1, alignment) == 0
        let grain = UInt64(max(1, isWholeTransfers ? count : alignment))
        guard count > 0, size >= UInt64(count) else { return nil }
        let places = (size - UInt64(count)) / grain + 1
        let place = UInt64(random.below(Int(places))) * grain
        if place != offset { return place }
        return places > 1 ? (place + grain) % (places * grain) : nil
    }

    /// Turns one bit of `bytes` round.
    func flip(_ bytes: UnsafeMutableRawBufferPointer) {
        guard unsafe !bytes.isEmpty else { return }
        var random = SeededRandom(seed: seed)
        let bit = random.below(bytes.count * 8)
        unsafe bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
}
