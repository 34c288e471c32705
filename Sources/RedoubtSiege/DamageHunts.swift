import Redoubt
import RedoubtSimulation
import RedoubtSystem

/// Hunts in which the device spoils bytes: an opening must end with an error or with the right content.
extension Hunt {
    /// A bit is flipped in a page of a database that was closed.
    static let flippedPages = damage("bit flips in pages") { limit in
        let sound = try SoundDatabase(.close)
        let pages = sound.writtenPages
        return try sound.judge(limit) { image, random in
            let page = pages[random.below(pages.count)]
            image.flip(page.path, at: page.offset + UInt64(random.below(16384)), mask: 1 << UInt8(random.below(8)))
        }
    }

    /// A bit is flipped in a redo block that was durable, with durable ones behind it.
    static let flippedBlocks = damage("bit flips in redo") { limit in
        let sound = try SoundDatabase(.kill)
        return try sound.judge(limit) { image, random in
            let place = sound.redoPlace(&random)
            image.flip(place.path, at: place.offset + 12 + UInt64(random.below(490)), mask: 1 << UInt8(random.below(8)))
        }
    }

    /// A redo block that was durable, with durable ones behind it, is gone.
    static let lostBlocks = damage("lost redo blocks") { limit in
        let sound = try SoundDatabase(.kill)
        return try sound.judge(limit) { image, random in
            let place = sound.redoPlace(&random)
            image.overwrite(place.path, at: place.offset, with: [UInt8](repeating: 0, count: 512))
        }
    }

    /// The sector with a checkpoint is spoiled by the power cut that comes while it is written.
    static let spoiledCheckpoints = damage("spoiled checkpoints") { limit in
        let profile = CrashProfile("checkpoints", share: 0, preparationCount: 20, operationCount: 30) {
            $0.checkpoint = 60
        }
        let run = try CrashRun(profile, seed: seed, judgesFlushing: false)
        let trace = run.storage.trace
        var state = DurabilityState(run.storage.startImage)
        var count = 0
        for event in trace {
            state.record(event)
            guard case .change(.write(let file, let offset, let bytes)) = event,
                [4096, 8192].contains(offset), bytes.starts(with: Array("CKPT".utf8))
            else { continue }
            var image = state.image(after: .all)
            guard let path = image.paths.first(where: { image.file(at: $0) == file }), count < limit else { continue }
            count += 1
            image.overwrite(path, at: offset, with: [UInt8](repeating: 0xA5, count: 512))
            do {
                let hash = try SoundDatabase.content(of: image, seed: UInt64(count))
                let numbers = run.model.commitNumbers(with: hash)
                let allowed = state.acknowledged...max(state.acknowledged, state.issued)
                if numbers.contains(where: allowed.contains) { continue }
                return Outcome(count: count, finding: "the content is that after \(numbers) commits, not \(allowed)")
            } catch {
                return Outcome(count: count, finding: "\(error)")
            }
        }
        return Outcome(count: count, finding: nil)
    }

    private static func damage(_ name: String, _ body: @escaping @Sendable (Int) throws -> Outcome) -> Hunt {
        Hunt(name: name, unit: "states") { limit, _ in try body(limit) }
    }
}
