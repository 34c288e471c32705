extension Validation {
    /// What model and engine are compared by: bound by processors, by redo, by a rate, by memory, and in bursts.
    static let scenarios = [
        Entry(
            name: "in-memory",
            text: """
                # Everything is in memory and the redo is large: the processors are the limit.
                policies = mysql80
                [data]
                size = 128 MiB
                pool = 512 MiB
                [redo]
                capacity = 4 GiB
                [phase load]
                seconds = 20
                threads = 2
                """
        ),
        Entry(
            name: "redo-bound",
            text: """
                # Everything is in memory and the redo is small: pages have to be written for it.
                policies = mysql80, redoubt
                [data]
                size = 256 MiB
                pool = 512 MiB
                [redo]
                capacity = 96 MiB
                [phase load]
                seconds = 30
                """
        ),
        Entry(
            name: "steady-rate",
            text: """
                # A rate that the machine bears: pages are written at the pace at which they become old.
                policies = mysql80, redoubt
                [data]
                size = 256 MiB
                pool = 512 MiB
                [redo]
                capacity = 128 MiB
                [phase load]
                seconds = 40
                rate = 20000
                """
        ),
        Entry(
            name: "memory-bound",
            text: """
                # Data four times the pool: every second update reads a page and pushes another one out.
                policies = perconaLRU, redoubt
                [data]
                size = 1 GiB
                pool = 256 MiB
                freeFrames = 512
                [redo]
                capacity = 1 GiB
                [phase load]
                seconds = 30
                """
        ),
        Entry(
            name: "bursts",
            text: """
                # Bursts and pauses: what is left is written while nothing happens.
                policies = mysql80
                [data]
                size = 128 MiB
                pool = 512 MiB
                [redo]
                capacity = 512 MiB
                [phase burst 1]
                seconds = 8
                rate = 20000
                [phase pause 1]
                seconds = 6
                threads = 0
                [phase burst 2]
                seconds = 8
                rate = 20000
                [phase pause 2]
                seconds = 6
                threads = 0
                """
        ),
    ]
}
