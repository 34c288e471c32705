extension DeviceModel {
    /// The devices that come with the laboratory: the text of each, to be read, copied and changed.
    package static let shippedTexts: [(name: String, text: String)] = [
        ("disk7200", disk7200), ("sataSSD", sataSSD), ("nvme", nvme), ("nvmeConsumer", nvmeConsumer),
        ("cloudVolume", cloudVolume), ("cloudBurst", cloudBurst),
    ]

    /// The devices that come with the laboratory.
    package static let shipped: [DeviceModel] = shippedTexts.map { shipped in
        do throws(ScenarioProblem) {
            return try DeviceModel(name: shipped.name, text: shipped.text)
        } catch {
            preconditionFailure("a shipped device cannot be read: \(error)")
        }
    }

    /// Returns the shipped device called `name`.
    package static func shipped(named name: String) -> DeviceModel? { shipped.first { $0.name == name } }

    private static let disk7200 = """
        # A disk of the 7200 rpm class, 4 TB, write cache off, native command queueing on.
        #
        # Data sheets of the class (such as those of Ultrastar 7K4000 or Exos 7E8): average seek about 8.2 ms, track to
        # track 0.5 to 1 ms, latency 4.16 ms (half a rotation), 170 to 230 MB/s in order. Full strokes are rarely given;
        # 16 ms is typical, and makes a third of the stroke 9.7 ms by the square root of the distance.

        title = 7200 rpm disk, write cache off
        longestSeek = 16 ms
        shortestSeek = 1 ms
        # 60 s / 7200
        rotation = 8333 us
        # In order, the middle of the platter.
        bandwidth = 180 MB/s
        # With the cache off this is the journal of the file system: a seek there, most of a rotation. Typical.
        flushTime = 15 ms
        size = 4 TB

        """

    private static let sataSSD = """
        # A consumer SSD at SATA 6 Gb/s, 1 TB, TLC, without power-loss protection. Typical figures.
        #
        # 16 KiB take 30 us on the wire. Data sheets of the class: 90,000 to 100,000 reads of 4 KiB a second with 32 at
        # once, 560 MB/s reading and 530 MB/s writing in order; 600 TB of writes in its life.

        title = SATA SSD without power-loss protection
        # Effective: of the 32 that SATA takes, so many proceed at these times. Assumed.
        channels = 8
        readTime = 120 us
        # Into the DRAM of the device.
        writeTime = 60 us
        # Out of it: tests of fsync on the class give 1 to 5 ms.
        flushTime = 3 ms
        spread = 0.25
        bandwidth = 500 MB/s
        # Random writes for minutes on end, when the fast part of the flash is used up: about 200 MB/s.
        writeRate = 12000 /s
        # The device moves data about: now and then something takes tens of milliseconds. Assumed.
        stallEvery = 20000
        stallTime = 25 ms
        endurance = 600 TB
        size = 1 TB

        """

    private static let nvme = """
        # A datacenter NVMe SSD, 1.92 TB, TLC, with power-loss protection, one drive write a day. Typical figures.
        #
        # Data sheets of the class (such as those of PM9A3 or D7-P5520): 80 us reading and 15 to 25 us writing 4 KiB,
        # 3.2 GB/s and more reading, 0.6 to 1 GB/s writing at random, 1 drive write a day for 5 years.

        title = datacenter NVMe SSD with power-loss protection
        channels = 32
        readTime = 90 us
        writeTime = 25 us
        # Memory that a capacitor keeps counts as durable: tests of fsync on the class give 10 to 60 us.
        flushTime = 40 us
        spread = 0.15
        bandwidth = 3 GB/s
        # Random writes at steady state, about 700 MB/s.
        writeRate = 42000 /s
        # One in 10,000 (99.99 %) is allowed 0.3 to 0.5 ms.
        stallEvery = 10000
        stallTime = 400 us
        endurance = 3500 TB
        size = 1920 GB

        """

    private static let nvmeConsumer = """
        # A consumer NVMe SSD, 1 TB, TLC, without power-loss protection. Typical figures.
        #
        # Fast while it can be, slow when asked to make something durable; data sheets say nothing of that, and tests of
        # fsync on the class give 0.9 to 5 ms. 600 TB of writes in its life.

        title = consumer NVMe SSD without power-loss protection
        channels = 16
        readTime = 70 us
        # Into the DRAM of the device.
        writeTime = 20 us
        flushTime = 1500 us
        spread = 0.25
        bandwidth = 3 GB/s
        # Random writes for minutes on end, when the fast part of the flash is used up: about 500 MB/s. Assumed.
        writeRate = 30000 /s
        # The device moves data about. Assumed.
        stallEvery = 20000
        stallTime = 30 ms
        endurance = 600 TB
        size = 1 TB

        """

    private static let cloudVolume = """
        # A general-purpose network volume of a cloud, 500 GB, at its base price. Typical figures.
        #
        # The base of the class (such as gp3): 3000 operations a second and 125 MB/s, latencies below 1 ms, whatever the
        # size.

        title = cloud volume, 3000 operations and 125 MB a second
        channels = 64
        readTime = 700 us
        writeTime = 700 us
        # A write counts as durable when it is acknowledged, so a flush is one way to the volume and back.
        flushTime = 500 us
        spread = 0.3
        bandwidth = 125 MB/s
        operationRate = 3000 /s
        # Half a second of operations may come at once before they are counted out. Assumed.
        burst = 1500
        burstRate = 6000 /s
        # The network. Assumed.
        stallEvery = 50000
        stallTime = 20 ms
        size = 500 GB

        """

    private static let cloudBurst = """
        # A small network volume with burst credits, 33 GiB. Typical figures.
        #
        # The class (such as gp2): 3 operations a second for each GiB, at least 100; 5.4 million credits at the
        # beginning and at most, spent at up to 3000 a second, which is half an hour; 128 MiB/s up to 170 GiB.

        title = small cloud volume with burst credits
        channels = 64
        readTime = 800 us
        writeTime = 800 us
        # As cloudVolume.
        flushTime = 500 us
        spread = 0.3
        bandwidth = 128 MiB/s
        operationRate = 100 /s
        burst = 5_400_000
        burstRate = 3000 /s
        # The network. Assumed.
        stallEvery = 50000
        stallTime = 20 ms
        size = 33 GiB

        """
}
