import Foundation
import Testing

/// Goal: a full disk loses nothing and stops nothing but writes. Method: a file system of 64 MiB is filled until puts
/// are refused, rows are compared, most are deleted, and it begins again: 20 rounds with a reopening each.
@Suite(.serialized) struct DiskFullTests {
    @Test("20 rounds of filling and freeing lose nothing", .timeLimit(.minutes(20)), arguments: ["ext4", "tmpfs"])
    func fillAndFree(_ kind: String) throws {
        guard getuid() == 0 else {
            print("SKIPPED: DiskFullTests needs root to mount a small file system")
            return
        }
        let fixture = Fixture()
        let mount = fixture.folder + "/mount"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        let command =
            kind == "tmpfs"
            ? "mount -t tmpfs -o size=64m tmpfs '\(mount)'"
            : "truncate -s 64M '\(fixture.folder)/image' && mkfs.ext4 -q -F '\(fixture.folder)/image' "
                + "&& mount -o loop '\(fixture.folder)/image' '\(mount)'"
        let mounted = try runCommand(["sh", "-c", command])
        guard mounted.code == 0 else {
            print("SKIPPED: \(kind) of 64 MiB cannot be mounted here: \(mounted.complaints)")
            return
        }
        defer {
            do { _ = try runCommand(["umount", "-l", mount]) } catch { Issue.record("umount: \(error)") }
        }
        let result = try runCommand([demoProgram, "--fill", mount, "--rounds", "20"], seconds: 500)
        #expect(result.code == 0, "\(result.output)\(result.complaints)")
        print(kind, result.output)
    }
}
