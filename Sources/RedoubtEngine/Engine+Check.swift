package import RedoubtCore
import RedoubtSystem

extension Engine {
    /// Checks every structure of every keyspace and returns what is wrong: nothing, in a sound database.
    ///
    /// Waits.
    ///
    /// Each space is checked while its structure stands still; rows may change meanwhile.
    /// - Throws: what keeps the check itself from going on, such as `.fenced`, or `.busy` while a keyspace is exported.
    package func check() throws(RedoubtError) -> [CheckFinding] {
        try requireOpen()
        var findings: [CheckFinding] = []
        for space in spaces.all {
            do throws(RedoubtError) {
                try space.enter(kernel)
            } catch {
                // It was dropped meanwhile. Everything else would be a space that nobody has checked.
                if error.code == .keyspaceNotFound { continue }
                throw error
            }
            defer { space.leave() }
            do throws(RedoubtError) {
                findings += try check(space)
            } catch {
                // A page that cannot be read is a finding; the other spaces may be sound.
                findings.append(CheckFinding(page: error.page, message: "\(error.code): \(error.message)"))
            }
        }
        return findings
    }

    /// Checks one space.
    ///
    /// Waits.
    package func check(_ space: Space) throws(RedoubtError) -> [CheckFinding] {
        space.treeLock.lock(.treeLock, in: kernel.waits)
        defer { space.treeLock.unlock() }
        let (findings, pages) = try Tree(kernel: kernel, space: space).checkStructure()
        return findings + (try SpaceCheck.run(kernel: kernel, space: space, reached: pages))
    }
}
