#if REDOUBT_FUZZ
import Glibc
import RedoubtFuzz
import Synchronization

/// What is being fuzzed, and whether an input that gets as far as one can stops the process: the canary.
private let chosen = Mutex<(target: FuzzTarget?, hasCanary: Bool)>((nil, false))

/// What the `main` that libFuzzer brings calls first: takes the words that are not for libFuzzer out of the command
/// line.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let code = FuzzCommand.run(arguments) { exit(code) }
    guard let name = arguments.first, let target = FuzzTarget.named(name) else {
        exit(FuzzCommand.complain("usage: redoubt-fuzz TARGET [OPTIONS] FOLDER, of \(FuzzTarget.all.map(\.name))"))
    }
    let hasCanary = arguments.dropFirst().first == "--canary"
    chosen.withLock { $0 = (target, hasCanary) }
    // What is built in is built before the clock of the first input runs.
    do throws(FuzzFinding) { _ = try target.run([]) } catch { fatalError("FOUND: \(error)") }
    let taken = hasCanary ? 2 : 1
    for index in 1..<max(1, Int(unsafe count.pointee) - taken) {
        unsafe words.pointee[index] = unsafe words.pointee[index + taken]
    }
    unsafe count.pointee -= CInt(taken)
    return 0
}

/// Takes an input.
@_cdecl("LLVMFuzzerTestOneInput")
public func take(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let (target, hasCanary) = chosen.withLock { $0 }
    guard let target else { fatalError("no target was chosen") }
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    do throws(FuzzFinding) {
        let depth = try target.run(input)
        if hasCanary && depth == .deep { fatalError("CANARY of \(target.name)") }
    } catch {
        fatalError("FOUND: \(error)")
    }
    return 0
}
#endif
