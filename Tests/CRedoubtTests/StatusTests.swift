import CRedoubtHeader
import Foundation
import RedoubtCore
import Testing

/// Goal: no error of the engine reaches a C program without a number of its own.
///
/// Method: the codes are read from the source that declares them, the numbers from the header.
@Suite(.timeLimit(.minutes(20))) struct StatusTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func name(_ status: redoubt_status) -> String {
        unsafe CRedoubtHeader.redoubt_status_name(status).map { unsafe String(cString: $0) } ?? ""
    }

    @Test func `every code of an error has a number, and the number has the name of the code`() throws {
        let source = try Self.text("Sources/RedoubtCore/RedoubtError.swift")
        let codes = source.matches(of: /Code\(rawValue: "([A-Za-z]+)"\)/).map { String($0.output.1) }
        #expect(codes.count > 25)
        let names = Set((0..<90).map { Self.name(redoubt_status($0)) })
        for code in codes { #expect(names.contains(code), "no status is called \(code)") }
    }

    @Test func `every number of the header has a name, and no two share one`() throws {
        let header = try Self.text("Sources/CRedoubt/Header/include/redoubt.h")
        let list = try #require(header.split(separator: "enum {").dropFirst().first?.split(separator: "};").first)
        let numbers = list.matches(of: /REDOUBT_[A-Z_]+ = (\d+)/).compactMap { redoubt_status($0.output.1) }
        #expect(numbers.count > 30)
        #expect(Set(numbers).count == numbers.count)
        let names = numbers.map(Self.name)
        #expect(!names.contains("unknown"))
        #expect(Set(names).count == names.count)
    }
}
