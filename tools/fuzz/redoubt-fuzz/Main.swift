import Glibc
import RedoubtFuzz

/// The fuzzer's command.
///
///     redoubt-fuzz NAME [--canary] [libFuzzer's options] FOLDER    built with -DREDOUBT_FUZZ: fuzzes
///     redoubt-fuzz NAME FILE...                                    built without: takes these inputs
///     redoubt-fuzz list                                            names the targets
///     redoubt-fuzz unpack LISTING FOLDER                           makes a file of each input of a listing
///     redoubt-fuzz pack FILE...                                    prints a listing of these inputs
enum FuzzCommand {
    /// Runs the command line `words` if it is not about fuzzing; returns the exit code, or nil.
    static func run(_ words: [String]) -> Int32? {
        switch words.first {
        case "list" where words.count == 1:
            for target in FuzzTarget.all { print(target.name) }
            return 0
        case "unpack" where words.count == 3: return unpack(words[1], into: words[2])
        case "pack" where words.count > 1:
            for path in words.dropFirst() {
                guard let input = read(path) else { return complain("\(path) cannot be read") }
                print(Corpus.line(String(path.split(separator: "/").last ?? "input"), input))
            }
            return 0
        default: return nil
        }
    }

    /// Takes each file of `paths`; returns 1 if one is a finding.
    static func replay(_ target: FuzzTarget, _ paths: [String]) -> Int32 {
        var code: Int32 = 0
        for path in paths {
            guard let input = read(path) else { return complain("\(path) cannot be read") }
            do throws(FuzzFinding) {
                print("\(path): \(try target.run(input))")
            } catch {
                print("\(path): FOUND: \(error)")
                code = 1
            }
        }
        return code
    }

    static func complain(_ text: String) -> Int32 {
        print("redoubt-fuzz: \(text)")
        return 2
    }

    private static func unpack(_ listing: String, into folder: String) -> Int32 {
        guard let bytes = read(listing), let entries = Corpus.entries(String(decoding: bytes, as: UTF8.self)) else {
            return complain("\(listing) is no listing of inputs")
        }
        for entry in entries {
            guard let file = unsafe fopen(folder + "/" + entry.name, "w") else {
                return complain("\(folder)/\(entry.name) cannot be written")
            }
            _ = unsafe entry.input.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
            unsafe fclose(file)
        }
        return 0
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
            if count == 0 { return bytes }
            bytes += piece[0..<count]
        }
    }
}

#if !REDOUBT_FUZZ
@main
struct Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        if let code = FuzzCommand.run(words) { exit(code) }
        guard let name = words.first, let target = FuzzTarget.named(name), words.count > 1 else {
            exit(FuzzCommand.complain("usage: redoubt-fuzz TARGET FILE..., of \(FuzzTarget.all.map(\.name))"))
        }
        exit(FuzzCommand.replay(target, Array(words.dropFirst())))
    }
}
#endif
