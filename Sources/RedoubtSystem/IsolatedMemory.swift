/// Memory that shares no cache line, nor the line that the processor fetches along with it, with anything else.
@safe
@usableFromInline
package enum IsolatedMemory {
    /// The bytes that threads disturb each other within: two lines, because processors fetch them in pairs.
    @inlinable package static var granule: Int { 128 }

    /// Allocates uninitialised memory for `count` values, given back by ``free(_:)``.
    package static func allocate<Value: ~Copyable>(_: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
        let size = (count * MemoryLayout<Value>.stride + granule - 1) / granule * granule
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: granule)
        return unsafe memory.bindMemory(to: Value.self, capacity: count)
    }

    /// Gives back what ``allocate(_:count:)`` returned; its values must have been deinitialised.
    package static func free<Value: ~Copyable>(_ pointer: UnsafeMutablePointer<Value>) {
        unsafe UnsafeMutableRawPointer(pointer).deallocate()
    }
}
