/// How far the buffer pool has followed a change of `memory`.
///
/// More memory counts at once, so there is something to follow only while memory is being given back.
public struct PoolResizeStatus: Sendable, Hashable {
    /// The stages of giving memory back.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// The pool has the size that was asked for.
        case none
        /// Changes under way were promised more frames than will be left; when they have ended, frames leave.
        case waitingForCredit
        /// Frames leave: dirty pages are written, those in use are waited for.
        case withdrawing
    }

    /// The stage.
    public var phase = Phase.none
    /// The frames that hold pages, or may.
    public var frameCount = 0
    /// The frames that `memory` allows.
    public var targetFrameCount = 0

    /// Creates the status of a pool without frames.
    public init() {}
}
