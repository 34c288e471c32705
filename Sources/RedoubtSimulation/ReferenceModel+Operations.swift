// What the operations of a workload do to the content.
extension ReferenceModel {
    /// Returns whether `operation` makes sense for the content: its keyspaces are there, or not there yet.
    ///
    /// Those that a workload draws do; what is left of them when some were taken out need not.
    public func fits(_ operation: Workload.Operation) -> Bool {
        switch operation {
        case .checkpoint: true
        case .deleteRange(let name, _, _): keyspaces[name] != nil
        case .write(let changes):
            changes.allSatisfy { change in
                switch change {
                case .put(let name, _, _), .delete(let name, _): keyspaces[name] != nil
                case .createKeyspace, .dropKeyspace, .renameKeyspace: false
                }
            }
        case .structure(let change):
            switch change {
            case .createKeyspace(let name): keyspaces[name] == nil
            case .dropKeyspace(let name): keyspaces[name] != nil
            case .renameKeyspace(let name, let newName): keyspaces[name] != nil && keyspaces[newName] == nil
            case .put, .delete: false
            }
        }
    }

    /// Does what `operation` does: a commit, none for a checkpoint, one a row for a range.
    ///
    /// - Precondition: it fits the content.
    public mutating func perform(_ operation: Workload.Operation) {
        switch operation {
        case .checkpoint: break
        case .write(let changes): commit(changes)
        case .structure(let change): commit([change])
        case .deleteRange(let name, let from, let to):
            for key in keys(in: name) {
                let isInside = !key.lexicographicallyPrecedes(from) && key.lexicographicallyPrecedes(to)
                if isInside { commit([.delete(keyspace: name, key: key)]) }
            }
        }
    }

    /// Does those of `operations` that fit, in their order, and returns them.
    public mutating func performFitting(_ operations: [Workload.Operation]) -> [Workload.Operation] {
        operations.filter { operation in
            guard fits(operation) else { return false }
            perform(operation)
            return true
        }
    }
}
