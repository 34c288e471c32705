import RedoubtSimulation
import Testing

/// Goal: the model knows its content after every commit, and a workload is its seed.
/// Method: histories with known content, and workloads run twice.
@Suite struct ReferenceModelTests {
    @Test func `the hash of a dump is that of the commits that made it`() {
        var model = ReferenceModel()
        model.commit([.createKeyspace("a")])
        model.commit([.put(keyspace: "a", key: [1], value: [1, 2])])
        model.commit([.put(keyspace: "a", key: [2], value: [3]), .put(keyspace: "a", key: [1], value: [9])])
        model.commit([.delete(keyspace: "a", key: [2])])
        model.commit([.renameKeyspace("a", to: "b")])
        var dump = ContentHash()
        dump.add(key: [1], value: [9])
        dump.finish(keyspace: "b")
        #expect(model.commitNumbers(with: dump.value) == [5])
        var earlier = ContentHash()
        earlier.add(key: [2], value: [3])
        earlier.add(key: [1], value: [9])
        earlier.finish(keyspace: "a")
        #expect(model.commitNumbers(with: earlier.value) == [3])
        #expect(model.commitNumbers(with: ContentHash().value) == [0])
        #expect(model.replayed(count: 3).keys(in: "a") == [[1], [2]])
    }

    @Test func `commits that undo each other leave the content of both numbers`() {
        var model = ReferenceModel()
        model.commit([.createKeyspace("a")])
        model.commit([.put(keyspace: "a", key: [1], value: [1])])
        model.commit([.delete(keyspace: "a", key: [1])])
        #expect(model.commitNumbers(with: model.hashes[1]) == [1, 3])
    }

    @Test func `differences name what is missing, extra and changed`() {
        var model = ReferenceModel()
        model.commit([.createKeyspace("a")])
        model.commit([.put(keyspace: "a", key: Array("x".utf8), value: [1])])
        #expect(model.differences(from: ["a": [Array("x".utf8): [1]]]).isEmpty)
        let text = model.differences(from: ["a": [Array("y".utf8): [1]], "b": [:]])
        #expect(text == "row a/x is missing; row a/y should not exist; keyspace b should not exist")
    }

    @Test func `the same seed gives the same operations and all kinds of them`() {
        func operations() -> [Workload.Operation] {
            var workload = Workload(seed: 11)
            var model = ReferenceModel()
            return (0..<400).map { _ in
                let operation = workload.next(model)
                switch operation {
                case .write(let changes): model.commit(changes)
                case .structure(let change): model.commit([change])
                case .deleteRange(let name, let from, let to):
                    for key in model.keys(in: name) {
                        let isInside = !key.lexicographicallyPrecedes(from) && key.lexicographicallyPrecedes(to)
                        if isInside { model.commit([.delete(keyspace: name, key: key)]) }
                    }
                case .checkpoint: break
                }
                return operation
            }
        }
        let first = operations()
        #expect(first == operations())
        #expect(first.contains(.checkpoint))
        let kinds = Set(first.map { String(describing: $0).prefix(while: { $0 != "(" }) })
        #expect(kinds == ["write", "deleteRange", "structure", "checkpoint"])
        #expect(first.contains { if case .structure(.dropKeyspace) = $0 { true } else { false } })
        #expect(first.contains { if case .structure(.renameKeyspace) = $0 { true } else { false } })
    }
}
