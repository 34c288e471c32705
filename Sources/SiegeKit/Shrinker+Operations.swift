public import RedoubtSimulation

extension Shrinker {
    /// Returns what is simpler than `operation`, the simplest first: fewer changes in a batch, shorter values, values
    /// that can be told in few words.
    public static func variants(of operation: Workload.Operation) -> [Workload.Operation] {
        guard case .write(let changes) = operation else { return [] }
        var result: [Workload.Operation] = []
        if changes.count > 1 {
            for index in changes.indices {
                var fewer = changes
                fewer.remove(at: index)
                result.append(.write(fewer))
            }
        }
        for index in changes.indices {
            guard case .put(let keyspace, let key, let value) = changes[index] else { continue }
            for shorter in variants(of: value) {
                var simpler = changes
                simpler[index] = .put(keyspace: keyspace, key: key, value: shorter)
                result.append(.write(simpler))
            }
        }
        return result
    }

    /// The bytes that a value begins with and keeps, so that it stays another than all others.
    private static let headCount = 10

    private static func variants(of value: [UInt8]) -> [[UInt8]] {
        guard value.count > headCount else { return [] }
        let head = Array(value.prefix(headCount))
        var counts = [headCount]
        // Sizes at which an engine may take another way, then half.
        for count in [64, 600, 1200, 4096, value.count / 2] where count < value.count { counts.append(count) }
        func plain(_ count: Int) -> [UInt8] { head + [UInt8](repeating: 0x2E, count: count - headCount) }
        let same = plain(value.count)
        return Set(counts).filter { $0 >= headCount }.sorted().map(plain) + (same == value ? [] : [same])
    }

    /// Returns a reproducer of a failure of `subject` with `operations`, or nil if none is found.
    ///
    /// Takes operations out, simplifies those that are left, and brings back what the crash need not lose. Waits; each
    /// question is a run with up to `stateLimit` recoveries.
    ///
    /// - Parameters:
    ///   - seed: The seed of the schedule and of the order of the states.
    ///   - stateLimit: The most crash states of a run that are judged.
    public mutating func reproducer(
        of subject: Subject,
        _ operations: [Workload.Operation],
        seed: UInt64,
        stateLimit: Int = 400
    ) -> Reproducer? {
        func fails(_ operations: [Workload.Operation]) -> Bool {
            subject.failure(operations, seed: seed, stateLimit: stateLimit) != nil
        }
        guard fails(operations) else { return nil }
        var left = shrink(operations, fails: fails)
        left = simplify(left, variants: Self.variants, fails: fails)
        // A shorter value may have made another operation superfluous.
        left = shrink(left, fails: fails)
        guard let found = subject.failure(left, seed: seed, stateLimit: stateLimit) else { return nil }
        var reproducer = Reproducer(program: subject.name, operations: left, seed: seed)
        switch found {
        case .run(let message): reproducer.finding = message
        case .crash(let trace, let failure):
            let cut = shrink(failure.cut, of: trace) { subject.finding(trace, left, $0) != nil }
            reproducer.cut = cut
            reproducer.finding = subject.finding(trace, left, cut) ?? failure.message
        }
        return reproducer
    }
}
