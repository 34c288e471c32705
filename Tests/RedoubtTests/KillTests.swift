import Foundation
import Testing

/// Goal: no acknowledged write is lost when the process is killed. Method: four threads write and note each
/// acknowledgement in a side file; SIGKILL at a random moment; recovery; every row compared, every structure checked.
/// 50 rounds on one database, so that each begins from what the last left behind.
@Suite(.serialized) struct KillTests {
    @Test("50 kills with 4 writer threads lose nothing", .timeLimit(.minutes(20)))
    func kills() throws {
        let fixture = Fixture()
        let rounds = ProcessInfo.processInfo.environment["REDOUBT_KILLS"] ?? "50"
        let words = [
            "--folder", fixture.folder, "--kills", rounds, "--threads", "4", "--milliseconds", "200", "--small",
        ]
        let result = try runCommand([demoProgram] + words, seconds: 500)
        #expect(result.code == 0, "\(result.output)\(result.complaints)")
        print(result.output)
    }
}

/// The program that writes and is killed: the release build if the environment names it.
var demoProgram: String {
    ProcessInfo.processInfo.environment["REDOUBT_DEMO"] ?? buildFolder + "/redoubt-demo"
}
