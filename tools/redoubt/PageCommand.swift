import Redoubt
import RedoubtCommands
import RedoubtCore
import RedoubtEngine

/// The command `page`, and the part of `check` that looks at one page.
extension Command {
    /// `page`.
    static let page = Command(
        name: "page",
        summary: "show what is on a page, or a map of all pages; reads the file without opening the database",
        operands: [
            Operand(name: "PATH", text: "the folder of a database, or a file of pages"),
            Operand(name: "KEYSPACE", text: "the keyspace, or \"catalog\"; left out for a file", isOptional: true),
            Operand(name: "N", text: "the number of the page, from 0; left out with --map", isOptional: true),
        ],
        options: [
            Option(name: "map", value: nil, text: "draw how full and how old every page is, instead of one page"),
            Option(name: "full", value: nil, text: "print keys and values whole"),
            Option(
                name: "bytes",
                value: nil,
                text: "print the bytes of the page in hexadecimal, instead of what they mean"
            ),
            json,
        ],
        examples: ["redoubt page /var/lib/shop orders 3", "redoubt page /var/lib/shop/orders-1024.ibd --map"]
    ) { (arguments) throws(CommandFailure) in
        try refuseContradictions(arguments)
        let isFile = fileKind(arguments.operand("PATH")) == .file
        var words = ["KEYSPACE", "N"].filter { arguments.has(operand: $0) }.map { arguments.operand($0) }
        let keyspace = isFile || words.isEmpty ? nil : words.removeFirst()
        guard isFile || keyspace != nil else {
            throw .usage("page needs a KEYSPACE of the database, and N or --map; see `redoubt page --help`")
        }
        guard words.count == (arguments.has("map") ? 0 : 1) else {
            if words.count > 1 { throw .usage("page of a file takes no KEYSPACE; write the file and N") }
            throw .usage(
                arguments.has("map")
                    ? "--map shows all pages; leave N out" : "page needs N, the number of a page from 0 on, or --map"
            )
        }
        let file = try explaining { () throws(RedoubtError) in
            let inspection = Inspection(of: arguments.operand("PATH"))
            return if let keyspace { try inspection.file(of: keyspace) } else { try inspection.asFile() }
        }
        if arguments.has("map") {
            var map = PageMap(file, isJSON: arguments.has("json"))
            try map.run()
            return .success
        }
        let number = try pageNumber(words[0], of: file)
        if arguments.has("bytes") {
            try printBytes(explaining { () throws(RedoubtError) in try file.bytes(of: number) })
            return .success
        }
        let page = try explaining { () throws(RedoubtError) in try file.page(number) }
        if arguments.has("json") { printJSON(page, file) } else { print(page, file, full: arguments.has("full")) }
        return page.fault == nil && page.findings.isEmpty ? .success : .negative
    }

    /// The part of `check` that looks at one page, which stands in the file of a keyspace.
    static func checkPage(_ arguments: Arguments) throws(CommandFailure) -> ExitCode {
        let file = try explaining { () throws(RedoubtError) in
            try Inspection(of: arguments.operand("PATH")).file(of: arguments.option("keyspace") ?? "default")
        }
        let number = try pageNumber(arguments.option("page") ?? "", of: file)
        let page = try explaining { () throws(RedoubtError) in try file.page(number) }
        let findings = (page.fault.map { [$0] } ?? []) + page.findings
        if arguments.has("json") {
            var object = JSONObject()
            object.add("ok", findings.isEmpty)
            object.add("page", number)
            object.add("type", page.type)
            object.add("findings", findings)
            Output.print(object.text)
        } else {
            for finding in findings { Output.print("page \(page.id): \(finding)") }
            let verdict = findings.isEmpty ? "ok" : "\(findings.count) findings"
            Output.print("page \(page.id) (\(page.type)) checked: \(verdict)")
        }
        return findings.isEmpty ? .success : .negative
    }

    /// Refuses options of `page` of which one would be ignored.
    private static func refuseContradictions(_ arguments: Arguments) throws(CommandFailure) {
        if arguments.has("map") {
            guard !arguments.has("bytes") else { throw .usage("--bytes shows one page; leave --map out, and write N") }
            guard !arguments.has("full") else { throw .usage("--map prints no keys and values; leave --full out") }
        }
        if arguments.has("bytes") {
            guard !arguments.has("json") else { throw .usage("--bytes prints text; leave --json out") }
            guard !arguments.has("full") else { throw .usage("--bytes prints the whole page; leave --full out") }
        }
    }

    private static func pageNumber(_ text: String, of file: PageFileView) throws(CommandFailure) -> UInt64 {
        guard let number = UInt64(text), number < file.pageCount else {
            throw .usage("the page is \"\(text)\"; it must be a number from 0 to \(file.pageCount - 1), as the file is")
        }
        return number
    }

    private static func print(_ page: InspectedPage, _ file: PageFileView, full: Bool) {
        Output.print("page \(page.id.number) of \(file.path), space \(file.space): \(page.type)")
        if let fault = page.fault { Output.print("DAMAGED: \(fault)") }
        for finding in page.findings { Output.print("WRONG: \(finding)") }
        for table in page.tables { Tables.print(table, full: full) }
    }

    private static func printJSON(_ page: InspectedPage, _ file: PageFileView) {
        var object = JSONObject()
        object.add("file", file.path)
        object.add("space", file.space.rawValue)
        object.add("page", page.id.number.rawValue)
        object.add("type", page.type)
        if let fault = page.fault { object.add("fault", fault) }
        object.add("findings", page.findings)
        for table in page.tables { Tables.add(table, to: &object) }
        Output.print(object.text)
    }

    private static func printBytes(_ bytes: [UInt8]) {
        for start in stride(from: 0, to: bytes.count, by: 16) {
            let row = Array(bytes[start..<min(bytes.count, start + 16)])
            let digits = row.map { Hexadecimal.text([$0]) }.joined(separator: " ")
            let letters = row.map { (32...126).contains($0) ? Character(Unicode.Scalar($0)) : "." }
            Output.print(PlainText.right("\(start)", 5) + "  " + PlainText.left(digits, 47) + "  " + String(letters))
        }
    }
}
