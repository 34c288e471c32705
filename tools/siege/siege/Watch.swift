import Glibc
import RedoubtSiege

/// Names what was under judgement when a recovery traps, does not end, or takes memory without bound.
enum Watch {
    /// The most seconds that the judgement of one disk may take, or one run: thousands of times what it does take.
    private static let secondCount: UInt64 = 60
    /// The most address space of the process, in bytes.
    private static let memoryLimit: rlim_t = 16 << 30

    /// Begins to watch; the process ends when something is wrong.
    static func begin() {
        var limit = rlimit(rlim_cur: memoryLimit, rlim_max: memoryLimit)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            _ = signal(number) { number in
                // What follows may need a lock that the trap was met with.
                _ = alarm(5)
                _ = signal(number, SIG_DFL)
                Watch.tell("ended with signal \(number)", UnderJudgement.runs())
                _ = raise(number)
            }
        }
        var thread = pthread_t()
        _ = unsafe pthread_create(&thread, nil, { _ in Watch.look() }, nil)
    }

    private static func look() -> Never {
        while true {
            _ = sleep(1)
            UnderJudgement.tick()
            let runs = UnderJudgement.runs(olderThan: secondCount)
            guard !runs.isEmpty else { continue }
            tell("no end in \(secondCount) s", runs)
            exit(1)
        }
    }

    private static func tell(_ what: String, _ runs: [String]) {
        Lines.complain("\(what); under way, and repeated by:")
        for run in runs { Lines.complain("  \(run)") }
    }
}
