import RedoubtCore
import TestSupport
import Testing

@testable import FlushLab

/// Goal: a device is what its text says, and a text that leaves out or contradicts something is refused.
///
/// Method: the shipped ones, and changes of one line.
@Suite(.timeLimit(.minutes(20))) struct DeviceTextTests {
    private static let good = """
        # Mine.
        title = My device
        channels = 4
        readTime = 0.1 ms
        writeTime = 50 us
        flushTime = 2 ms
        bandwidth = 500 MiB/s
        operationRate = 1_000 /s
        burst = 5.4e6
        burstRate = 3000

        """

    private func complaint(_ text: String) -> ScenarioProblem? {
        do throws(ScenarioProblem) {
            _ = try DeviceModel(name: "mine", text: text)
            return nil
        } catch {
            return error
        }
    }

    private func changed(_ old: String, to new: String) -> String {
        Self.good.split(separator: "\n").map { $0 == old ? new : String($0) }.joined(separator: "\n")
    }

    @Test func `every shipped device reads, says what it is, and reads back from its text`() throws {
        #expect(DeviceModel.shipped.map(\.name) == DeviceModel.shippedTexts.map(\.name))
        #expect(Set(DeviceModel.shipped.map(\.name)).count == 6)
        for device in DeviceModel.shipped {
            #expect(!device.title.isEmpty)
            #expect(try DeviceModel(name: device.name, text: device.text) == device)
            #expect(device.hasHeads == (device.name == "disk7200"))
        }
        #expect(DeviceModel.shipped(named: "disk7200")?.rotation == 8_333_000)
        #expect(DeviceModel.shipped(named: "cloudBurst")?.burst == 5_400_000)
        #expect(DeviceModel.shipped(named: "floppy") == nil)
    }

    @Test func `every key has its value, and what is not said is as usual`() throws {
        var device = DeviceModel()
        device.name = "mine"
        device.title = "My device"
        device.channels = 4
        device.readTime = 100_000
        device.writeTime = 50_000
        device.flushTime = 2_000_000
        device.bandwidth = 524_288_000
        device.operationRate = 1000
        device.burst = 5_400_000
        device.burstRate = 3000
        #expect(try DeviceModel(name: "mine", text: Self.good) == device)
    }

    @Test func `numbers that were measured read back exactly`() throws {
        var random = SeededRandom(seed: testSeed())
        for _ in 0..<500 {
            var device = DeviceModel()
            func number(_ limits: ClosedRange<Double>) -> Double { Double.random(in: limits, using: &random) }
            device.readTime = number(1000...1e7)
            device.writeTime = number(1000...1e7)
            device.flushTime = number(0...1e8)
            device.spread = number(0...2)
            device.bandwidth = number(1e6...1e10)
            device.writeRate = number(1...1e6)
            device.endurance = number(1e9...1e15)
            device.size = number(1e9...1e15)
            #expect(try DeviceModel(name: device.name, text: device.text) == device)
        }
    }

    @Test func `a wrong text is refused, with what is right`() throws {
        for (old, new, remedy) in Self.wrong {
            let problem = try #require(complaint(changed(old, to: new)), "\(new) in the place of \(old) was taken")
            #expect(problem.message.contains(remedy), "\(problem)")
            #expect(problem.file == "mine")
        }
    }

    /// Lines of the good text, what replaces them, and what the message must say.
    private static let wrong: [(old: String, new: String, remedy: String)] = [
        ("readTime = 0.1 ms", "readTime = 100", "a time such as 90 us"),
        ("readTime = 0.1 ms", "readTime = 0 ms", "in 100 ns...10 s"),
        ("channels = 4", "channels = 4.5", "must be a whole number"),
        ("channels = 4", "channels = 0", "in 1...1024"),
        ("channels = 4", "channel = 4", "\"channel\" is no key of the top; there is channels"),
        ("bandwidth = 500 MiB/s", "bandwidth = 1 B/s", "0 or in 100 kB/s...1 TB/s"),
        ("burst = 5.4e6", "burst = -1", "must be a number"),
        ("operationRate = 1_000 /s", "operationRate = 4000", "needs a burstRate above operationRate"),
        ("operationRate = 1_000 /s", "", "burst is set without operationRate"),
        ("burst = 5.4e6", "", "burstRate is set without burst"),
        ("burstRate = 3000", "", "needs a burstRate above"),
        ("burst = 5.4e6", "burst = 1\nstallEvery = 7", "stallEvery is set without stallTime"),
        ("burst = 5.4e6", "burst = 1\nstallTime = 7 ms", "stallTime is set without stallEvery"),
        ("burst = 5.4e6", "burst = 1\nrotation = 8 ms", "rotation is set without longestSeek"),
        ("burst = 5.4e6", "burst = 1\nlongestSeek = 8 ms", "shortestSeek is missing; a device with heads must"),
        ("flushTime = 2 ms", "", "flushTime is missing; a device without heads must say it"),
        ("bandwidth = 500 MiB/s", "", "bandwidth is missing"),
        ("title = My device", "[device]", "there is no section called \"device\"; write keys only"),
    ]

    @Test func `with heads, seeks have an order and reading in order a speed`() throws {
        let disk = try #require(DeviceModel.shippedTexts.first { $0.name == "disk7200" }?.text)
        let faster = disk.split(separator: "\n").map { $0 == "shortestSeek = 1 ms" ? "shortestSeek = 17 ms" : $0 }
        #expect(complaint(faster.joined(separator: "\n"))?.message.contains("it must be at most that") == true)
        let uncapped = disk.split(separator: "\n").map { $0 == "bandwidth = 180 MB/s" ? "bandwidth = 0" : $0 }
        #expect(complaint(uncapped.joined(separator: "\n"))?.key == "bandwidth")
    }

    @Test func `text changed at random never traps`() throws {
        var random = SeededRandom(seed: testSeed())
        for _ in 0..<3000 {
            let source = DeviceModel.shippedTexts[random.below(DeviceModel.shippedTexts.count)].text
            var bytes = Array(source.utf8)
            for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            guard let device = try? DeviceModel(name: "mine", text: String(decoding: bytes, as: UTF8.self)) else {
                continue
            }
            let again = try DeviceModel(name: "mine", text: device.text)
            #expect(again == device)
        }
    }
}
