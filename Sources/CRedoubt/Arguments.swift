import CRedoubtHeader
import Redoubt
import RedoubtCore
import RedoubtEngine

/// What callers pass, as the engine takes it.
enum Arguments {
    /// The error for an argument that is not what it must be.
    static func invalid(_ reason: String) -> RedoubtError { RedoubtError(.invalidArgument, reason) }

    /// The bytes at `pointer`.
    @inline(__always)
    static func bytes(
        _ pointer: UnsafeRawPointer?,
        _ count: Int,
        _ what: StaticString
    ) throws(RedoubtError) -> UnsafeRawBufferPointer {
        if unsafe count < 0 || (count > 0 && pointer == nil) { throw wrong(what, count) }
        return unsafe UnsafeRawBufferPointer(start: pointer, count: count)
    }

    /// The memory at `pointer` to write to.
    @inline(__always)
    static func memory(
        _ pointer: UnsafeMutableRawPointer?,
        _ count: Int,
        _ what: StaticString
    ) throws(RedoubtError) -> UnsafeMutableRawBufferPointer {
        if unsafe count < 0 || (count > 0 && pointer == nil) { throw wrong(what, count) }
        return unsafe UnsafeMutableRawBufferPointer(start: pointer, count: count)
    }

    private static func wrong(_ what: StaticString, _ count: Int) -> RedoubtError {
        // A size_t arrives as a signed number.
        if count < 0 { return invalid("the length of \(what) is \(UInt(bitPattern: count)); that is more than memory") }
        return invalid("\(what) is NULL, and its length is \(count)")
    }

    /// The bytes at `pointer`, or nil for NULL.
    static func optionalBytes(
        _ pointer: UnsafeRawPointer?,
        _ count: Int,
        _ what: StaticString
    ) throws(RedoubtError) -> UnsafeRawBufferPointer? {
        guard let pointer = unsafe pointer else {
            if count == 0 { return nil }
            throw wrong(what, count)
        }
        return unsafe try bytes(pointer, count, what)
    }

    /// The text at `pointer`.
    static func text(_ pointer: UnsafePointer<CChar>?, _ what: StaticString) throws(RedoubtError) -> String {
        guard let pointer = unsafe pointer else { throw invalid("\(what) is NULL") }
        guard let text = unsafe String(validatingCString: pointer) else { throw invalid("\(what) is not UTF-8") }
        return text
    }

    /// The place to store something in.
    static func place<Value>(
        _ pointer: UnsafeMutablePointer<Value>?,
        _ what: StaticString
    ) throws(RedoubtError) -> UnsafeMutablePointer<Value> {
        guard let pointer = unsafe pointer else { throw invalid("\(what) is NULL") }
        return unsafe pointer
    }

    /// What to wait for, and what to do when writers are held back.
    @inline(__always)
    static func how(_ how: redoubt_how) throws(RedoubtError) -> (durability: Durability?, slowdown: Slowdown) {
        let refuses = redoubt_how(REDOUBT_REFUSE_SLOWDOWN)
        let slowdown: Slowdown = how & refuses == 0 ? .wait : .refuse
        switch Int(how & ~refuses) {
        case REDOUBT_DEFAULT: return (nil, slowdown)
        case REDOUBT_FLUSHED: return (.flushed, slowdown)
        case REDOUBT_WRITTEN: return (.written, slowdown)
        case REDOUBT_DEFERRED: return (.deferred, slowdown)
        default: throw invalid("`how` is \(how); it must be a durability, and REDOUBT_REFUSE_SLOWDOWN or not")
        }
    }

    /// What to wait for, of a call that cannot refuse.
    static func durability(_ how: redoubt_how) throws(RedoubtError) -> Durability? {
        let (durability, slowdown) = try self.how(how)
        if slowdown == .refuse { throw invalid("this call does not take REDOUBT_REFUSE_SLOWDOWN") }
        return durability
    }

    /// The names and values in `options`, texts "name=value".
    static func settings(
        _ options: UnsafePointer<UnsafePointer<CChar>?>?,
        _ count: Int
    ) throws(RedoubtError) -> [(name: String, value: String)] {
        if unsafe count < 0 || (count > 0 && options == nil) { throw wrong("the list of options", count) }
        guard let options = unsafe options else { return [] }
        var settings: [(name: String, value: String)] = []
        for index in 0..<count {
            let text = unsafe try text(options[index], "an option")
            guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
                throw RedoubtError(.invalidConfiguration, "the option \"\(text)\" has no value; write name=value")
            }
            settings.append((String(text[..<equals]), String(text[text.utf8.index(after: equals)...])))
        }
        return settings
    }

    /// The bounds of a range, or nil if nothing can be in it.
    static func range(
        _ lower: UnsafeRawPointer?,
        _ lowerCount: Int,
        _ upper: UnsafeRawPointer?,
        _ upperCount: Int
    ) throws(RedoubtError) -> (lower: UnsafeRawBufferPointer?, upper: UnsafeRawBufferPointer?)? {
        var start = unsafe try optionalBytes(lower, lowerCount, "the lower bound")
        let end = unsafe try optionalBytes(upper, upperCount, "the upper bound")
        // Every key is at or after the empty one, and none before it.
        if let first = unsafe start, unsafe first.isEmpty { unsafe start = nil }
        if let end = unsafe end, unsafe end.isEmpty { return nil }
        if let start = unsafe start { try checkKey(start.count) }
        if let end = unsafe end { try checkKey(end.count) }
        return unsafe (start, end)
    }

    /// Throws `.keyTooLarge` unless a key can have `count` bytes.
    static func checkKey(_ count: Int) throws(RedoubtError) {
        guard count >= 1, count <= Tree.keyByteCountMaximum else {
            throw RedoubtError(
                .keyTooLarge,
                "a key has \(count) bytes; it must have 1 to \(Tree.keyByteCountMaximum)"
            )
        }
    }

    /// Throws `.valueTooLarge` unless a value can have `count` bytes.
    static func checkValue(_ count: Int) throws(RedoubtError) {
        guard count <= Tree.valueByteCountMaximum else {
            throw RedoubtError(
                .valueTooLarge,
                "a value has \(count) bytes; it must have at most \(Tree.valueByteCountMaximum)"
            )
        }
    }

    /// Lends `text` to the calling thread through `place`.
    static func answer(
        _ text: String,
        in place: UnsafeMutablePointer<UnsafePointer<CChar>?>
    ) throws(RedoubtError) {
        var text = text
        let kept = text.withUTF8 { utf8 in
            unsafe redoubt_keep_text(redoubt_text_kind(REDOUBT_TEXT_ANSWER), utf8.baseAddress, utf8.count)
        }
        guard let kept = unsafe kept else { throw RedoubtError(.systemLimit, "there is no memory for the text") }
        unsafe place.pointee = kept
    }
}

/// Texts that are valid as long as the process.
enum LastingText {
    /// Copies each of `texts`, with a NUL at its end, to memory that is never given back.
    static func make(_ texts: [String]) -> [UInt] {
        texts.map { text in
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count + 1)
            for (index, byte) in text.utf8.enumerated() { unsafe memory[index] = byte }
            unsafe memory[text.utf8.count] = 0
            return UInt(bitPattern: memory)
        }
    }

    /// Text number `index`, or nil.
    static func pointer(_ texts: [UInt], _ index: Int) -> UnsafePointer<CChar>? {
        guard texts.indices.contains(index) else { return nil }
        return unsafe UnsafePointer(bitPattern: texts[index])
    }
}
