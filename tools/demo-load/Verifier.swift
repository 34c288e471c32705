import Redoubt
import RedoubtCore

/// Compares what a database holds with what was acknowledged.
struct Verifier {
    /// The database, after recovery.
    let database: Database

    /// Throws unless the rows of `workload` are those of its first `acknowledged` operations, or of one more: the one
    /// that was under way when the process died.
    ///
    /// Returns the rows compared.
    func verify(_ workload: Workload, acknowledged: Int) throws -> Int {
        let found = try rows(of: workload)
        var state = workload.state(after: acknowledged)
        if let difference = difference(found, state, workload) {
            state.apply(workload.changes(acknowledged))
            if self.difference(found, state, workload) != nil {
                throw Failure("thread \(workload.thread), \(acknowledged) acknowledged: \(difference)")
            }
        }
        return found.reduce(0) { $0 + $1.count }
    }

    /// Throws unless the keyspace of `source` holds its rows and no others.
    func verify(_ source: Corpus.Source) throws {
        let keyspace = try database.keyspace(named: source.name)
        var index = 0
        try keyspace.scan { (key, value) throws(RedoubtError) in
            guard index < source.rows.count, source.rows[index].key == key, source.rows[index].value == value else {
                return false
            }
            index += 1
            return true
        }
        let count = try keyspace.count()
        guard index == source.rows.count, count == index else {
            throw Failure("\(source.name): \(index) of \(source.rows.count) rows are right, \(count) are there")
        }
    }

    /// Throws unless every structure is sound.
    func check() throws {
        let findings = try database.check()
        if let first = findings.first { throw Failure("check: \(findings.count) findings, the first: \(first)") }
    }

    private func rows(of workload: Workload) throws -> [[[UInt8]: [UInt8]]] {
        var result: [[[UInt8]: [UInt8]]] = []
        for name in Workload.keyspaces {
            var rows: [[UInt8]: [UInt8]] = [:]
            let keyspace = try database.keyspace(named: name)
            try keyspace.scan(KeyRange(prefix: workload.prefix)) { (key, value) throws(RedoubtError) in
                rows[key] = value
                return true
            }
            result.append(rows)
        }
        return result
    }

    /// Says how `found` differs from `state`, or nil.
    private func difference(
        _ found: [[[UInt8]: [UInt8]]],
        _ state: Workload.State,
        _ workload: Workload
    ) -> String? {
        for (keyspace, expected) in state.rows.enumerated() {
            let name = Workload.keyspaces[keyspace]
            for (key, operation) in expected {
                let keyText = String(decoding: workload.key(key), as: UTF8.self)
                guard let value = found[keyspace][workload.key(key)] else {
                    return "\(name)/\(keyText) of operation \(operation) is missing"
                }
                if value != workload.value(operation, key: key, keyspace: keyspace) {
                    return "\(name)/\(keyText) should be of operation \(operation), but is \(text(value))"
                }
            }
            if found[keyspace].count != expected.count {
                return "\(name) has \(found[keyspace].count) rows of the thread instead of \(expected.count)"
            }
        }
        return nil
    }

    private func text(_ value: [UInt8]) -> String { String(decoding: value.prefix(40), as: UTF8.self) }
}
