import Glibc
import RedoubtCore

/// What was said to the kernel about huge pages.
package enum HugePageWish {
    /// Whether the kernel has transparent huge pages.
    package static var isSupported: Bool { unsafe access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0 }

    /// What the kernel says of the memory at `address`: "hg" if huge pages are wanted, "nh" if not, else nothing.
    package static func flag(at address: UInt) throws -> String? {
        guard let file = unsafe fopen("/proc/self/smaps", "r") else { throw RedoubtError(.systemLimit, "no smaps") }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var isInside = false
        while unsafe fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let ends = text.prefix { $0 != " " }.split(separator: "-").compactMap { UInt(String($0), radix: 16) }
            if ends.count == 2 { isInside = ends[0]..<ends[1] ~= address }
            guard isInside, text.hasPrefix("VmFlags:") else { continue }
            return text.split(whereSeparator: \.isWhitespace).map(String.init).first { $0 == "hg" || $0 == "nh" }
        }
        throw RedoubtError(.systemLimit, "no mapping holds the address")
    }
}
