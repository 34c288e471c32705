/// Memory that grows, for one group at a time.
@safe
struct GroupMemory: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init() {
        unsafe memory = .allocate(byteCount: 4096, alignment: 16)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// What was appended.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    mutating func removeAll() { count = 0 }

    mutating func append(_ source: UnsafeRawPointer, byteCount: Int) {
        let capacity = unsafe memory.count
        if count + byteCount > capacity {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(capacity * 2, count + byteCount),
                alignment: 16
            )
            unsafe larger.copyMemory(from: UnsafeRawBufferPointer(memory))
            unsafe memory.deallocate()
            unsafe memory = larger
        }
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(
            from: UnsafeRawBufferPointer(start: source, count: byteCount)
        )
        count += byteCount
    }
}
