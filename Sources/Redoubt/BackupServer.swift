import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization

/// Answers requests of other processes, in the process that has the database open.
///
/// It knows the engine, not the database, which may be gone while a request is looked at. What fails is tried again at
/// the next look, five times a second: a request stays until its answer has a file, and an answer that cannot be
/// written is written later.
final class BackupServer: Sendable {
    /// How often an answer is tried before who waits is told, by the end of its lock, that none comes: for a minute.
    static let tryCountMaximum = 300

    /// An answer that could not be written yet.
    private struct LateAnswer {
        let answer: BackupAnswer
        let lines: [String]
        var tryCount = 1
    }

    private let engine: Engine
    private let gate: CallGate
    private let threads: CallThreads
    private let storage: any Storage
    private let isBusy = Atomic<Bool>(false)
    private let late = Mutex<[LateAnswer]>([])

    init(_ engine: Engine, _ gate: CallGate, _ threads: CallThreads, _ storage: any Storage) {
        self.engine = engine
        self.gate = gate
        self.threads = threads
        self.storage = storage
    }

    /// Looks for a request, and has it answered by a thread of the database; a second one is told to wait.
    ///
    /// Called by one thread at a time, so no request is answered twice.
    func look() {
        sendLate()
        // What it does not understand it leaves alone: whoever put it there finds out that nobody takes it.
        guard let found = try? BackupRequest.find(storage, engine.path) else { return }
        switch found {
        case .unknown(let token):
            guard let answer = take(token) else { return }
            let message = "the process that has the database open is of an older version; ask with that version"
            fail(RedoubtError(.unsupportedFormat, message, path: engine.path), answer)
        case .request(let request):
            guard let answer = take(request.token) else { return }
            serve(request, answer)
        }
    }

    /// Takes a request away, once there is a locked file for its answer; nil if that is not possible now.
    private func take(_ token: String) -> BackupAnswer? {
        guard let answer = try? BackupAnswer(storage, engine.path, token: token) else { return nil }
        do throws(RedoubtError) {
            try storage.remove(engine.path + BackupRequest.requestName)
            return answer
        } catch {
            answer.close()
            return nil
        }
    }

    private func serve(_ request: BackupRequest, _ answer: BackupAnswer) {
        guard !isBusy.exchange(true, ordering: .acquiringAndReleasing) else {
            // Of somebody who asked and is gone.
            return fail(RedoubtError(.busy, "a backup is being made; wait for its end", path: engine.path), answer)
        }
        do throws(RedoubtError) {
            let isTaken = try threads.run { [self] in
                makeBackup(request, answer)
                isBusy.store(false, ordering: .releasing)
            }
            if !isTaken { throw RedoubtError(.closed, "the database is being closed", path: engine.path) }
        } catch {
            isBusy.store(false, ordering: .releasing)
            fail(error, answer)
        }
    }

    private func makeBackup(_ request: BackupRequest, _ answer: BackupAnswer) {
        do throws(RedoubtError) {
            let line = try gate.enter()
            defer { gate.leave(line) }
            let manifest = try engine.backup(to: request.folder, verify: request.verify)
            let numbers = [
                manifest.checkpointLSN.rawValue, manifest.endLSN.rawValue, UInt64(manifest.files.count + 1),
                manifest.byteCount, manifest.isVerified ? 1 : 0,
            ]
            send(["made"] + numbers.map { "\($0)" }, answer)
        } catch {
            fail(error, answer)
        }
    }

    // MARK: Answers

    private func fail(_ error: RedoubtError, _ answer: BackupAnswer) {
        send(["failed", error.code.rawValue, error.message, error.path ?? ""], answer)
    }

    private func send(_ lines: [String], _ answer: BackupAnswer) {
        do throws(RedoubtError) {
            try answer.write(lines)
            answer.close()
        } catch {
            late.withLock { $0.append(LateAnswer(answer: answer, lines: lines)) }
        }
    }

    /// Writes the answers that could not be written before.
    private func sendLate() {
        let waiting = late.withLock { late in
            defer { late = [] }
            return late
        }
        for var entry in waiting {
            do throws(RedoubtError) {
                try entry.answer.write(entry.lines)
                entry.answer.close()
            } catch {
                entry.tryCount += 1
                if entry.tryCount < Self.tryCountMaximum {
                    late.withLock { $0.append(entry) }
                } else {
                    entry.answer.close()
                }
            }
        }
    }
}
