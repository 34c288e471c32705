import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtLog

/// Goal: a torn tail is told from damage in the middle at every position of a log of 4 MiB: no tail is refused, and no
/// middle is taken for the end. Method: the log goes round its files; at several moments of that every block of what a
/// scan reads is destroyed in turn, in three ways.
///
/// The middle is what lies below the greatest durable position that is recorded: in a block written later, or in the
/// checkpoint. What was made durable after the newest block was written is recorded nowhere: the remaining window.
@Suite(.timeLimit(.minutes(10))) struct TornTailTests {
    private enum Damage: CaseIterable {
        case zeros, flippedBit, oldBlock
    }

    /// What the rule made of the damage, and what it should have made.
    private struct Matrix: CustomStringConvertible {
        var tailsAccepted = 0
        var tailsRefused = 0
        var middlesRefused = 0
        var middlesAccepted = 0
        var positions: Set<UInt64> = []

        var description: String {
            "\(positions.count) positions; tails: \(tailsAccepted) taken for the end, \(tailsRefused) refused; "
                + "middles: \(middlesRefused) refused, \(middlesAccepted) taken for the end"
        }
    }

    private static var configuration: Configuration.RedoLog {
        var configuration = LogFixture.smallest
        configuration.capacity = .mebibytes(4)
        return configuration
    }

    @Test func `every block of a log is destroyed in turn`() throws {
        let fixture = try LogFixture(Self.configuration)
        var number: UInt64 = 0
        var matrix = Matrix()
        for moment in 0..<6 {
            // As far as writers may go without a checkpoint.
            while fixture.log.tryAcquireCapacity(bytes: 2000) {
                fixture.append(number, byteCount: 2000)
                fixture.log.releaseCapacity(bytes: 2000)
                number += 1
            }
            try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
            let durable = fixture.log.flushedLSN
            // The tail: written, and never synced. Its blocks tell what was durable.
            for _ in 0..<60 {
                fixture.append(number, byteCount: 300 + moment)
                number += 1
            }
            try fixture.log.waitUntilWritten(fixture.log.currentLSN)
            try destroy(fixture, durable: durable, &matrix)
            try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
            try fixture.log.writeCheckpoint(fixture.log.currentLSN)
        }
        print("tail totals so far: \(matrix)")
        #expect(matrix.tailsRefused == 0 && matrix.middlesAccepted == 0)
        #expect(matrix.tailsAccepted > 6 * 3 * 30 && matrix.middlesRefused > 6 * 3 * 1000)
        // The files hold 8192 blocks with their headers, of which each file has 24.
        #expect(matrix.positions.count == 8192 - 4 * 24)
    }

    private func destroy(_ fixture: LogFixture, durable: LogSequenceNumber, _ matrix: inout Matrix) throws {
        let image = fixture.storage.image
        let first = fixture.log.checkpointLSN.rawValue / 512
        let last = fixture.log.currentLSN.rawValue / 512
        for block in first...last {
            guard let file = fixture.log.files.file(containing: block * 512) else { continue }
            let offset = file.offset(of: block * 512)
            let isMiddle = block * 512 + 12 < durable.rawValue
            matrix.positions.insert(UInt64(file.slot) << 32 | offset)
            for damage in Damage.allCases {
                var damaged = image
                switch damage {
                case .zeros: damaged.overwrite(file.file.path, at: offset, with: [UInt8](repeating: 0, count: 512))
                case .flippedBit: damaged.flip(file.file.path, at: offset + (block &* 37) % 512, mask: 1 << (block % 8))
                case .oldBlock:
                    let old = try oldBlock(fixture, image, instead: block)
                    damaged.overwrite(file.file.path, at: offset, with: old)
                }
                judge(damaged, block, isMiddle, durable, &matrix, "block \(block), \(damage), durable up to \(durable)")
            }
        }
    }

    /// A sound block of another position, as a write that was lost or went astray leaves it.
    private func oldBlock(_ fixture: LogFixture, _ image: DiskImage, instead block: UInt64) throws -> [UInt8] {
        let first = fixture.log.checkpointLSN.rawValue / 512
        let other = block > first + 40 ? block - 40 : block + 40
        let file = try #require(fixture.log.files.file(containing: other * 512))
        let bytes = try #require(fixture.storage.image.bytes(of: file.file.path))
        let offset = Int(file.offset(of: other * 512))
        return Array(bytes[offset..<offset + 512])
    }

    private func judge(
        _ image: DiskImage,
        _ block: UInt64,
        _ isMiddle: Bool,
        _ durable: LogSequenceNumber,
        _ matrix: inout Matrix,
        _ place: String
    ) {
        do {
            let found = try LogFixture.scan(SimulatedStorage(image, options: .judging), checksContent: false)
            if isMiddle {
                matrix.middlesAccepted += 1
                Issue.record("a middle was taken for the end: \(place)")
            } else {
                matrix.tailsAccepted += 1
                #expect(found.end >= durable && found.end.rawValue <= block * 512 + 12, "\(place)")
            }
        } catch {
            if isMiddle { matrix.middlesRefused += 1 } else { matrix.tailsRefused += 1 }
            #expect(isMiddle && (error as? RedoubtError)?.code == .corruptLog, "\(place): \(error)")
        }
    }
}
