/// What a write does while writers are being slowed down because the redo log or the pool nears its limit.
public enum Slowdown: Sendable, Hashable {
    /// Takes its turn: the call lasts longer.
    case wait
    /// Throws `.busy` and has changed nothing, so that the caller can do something else, or pass the pressure on.
    ///
    /// Other waits, such as for a page to be read or for durability, stay.
    case refuse
}
