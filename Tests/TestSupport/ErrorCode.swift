package import RedoubtCore

/// The code of the error that `body` throws, or nil.
package func code(_ body: () throws -> Void) -> RedoubtError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? RedoubtError)?.code
    }
}
