import RedoubtCore
import Testing

@testable import RedoubtLog

/// Goal: the limits are InnoDB's for 32 files, and usable for every other size.
/// Method: golden values; then all file counts at sizes from the smallest on.
@Suite struct LogLimitsTests {
    @Test(arguments: [
        [
            8, 262_144, 26624, 7_643_136, 7_260_672, 6_806_528, 6_352_896, 7_033_344, 1_022_464, 1_055_452, 6_204_928,
            5_297_152,
        ],
        [
            100, 3_276_800, 327_680, 97_781_760, 92_892_672, 87_086_592, 81_281_024, 89_989_632, 5_303_808, 5_474_908,
            87_417_344, 75_805_696,
        ],
        [
            1024, 33_554_432, 3_355_648, 1_003_082_752, 952_928_256, 893_369_856, 833_811_968, 923_148_800, 48_305_664,
            49_863_916, 903_064_064, 783_947_776,
        ],
        [
            4096, 134_217_728, 13_422_080, 4_012_915_200, 3_812_269_056, 3_574_002_176, 3_335_735_296, 3_693_135_360,
            191_272_448, 197_442_524, 3_614_826_496, 3_138_292_736,
        ],
    ])
    func `limits of 32 files follow the golden values`(_ golden: [Int]) {
        let limits = LogLimits(capacity: .mebibytes(golden[0]), fileCount: 32)
        let found = [
            golden[0], limits.fileSize, limits.nextFileEarlier, limits.hard, limits.soft, limits.syncFlushAge,
            limits.asyncFlushAge, limits.aggressiveCheckpointAge, limits.marginPayload, limits.margin,
            limits.freeCheckCapacity, limits.dirtyPageAge,
        ]
        #expect(found == golden)
    }

    @Test func `limits are in order for every size and number of files`() {
        for fileCount in 4...32 {
            for capacity in [2 << 20, 3 << 20, 5_000_000, 8 << 20, 128 << 20, 128 << 30] {
                let limits = LogLimits(capacity: .bytes(capacity), fileCount: fileCount)
                let place = Comment(rawValue: "\(capacity) bytes in \(fileCount) files: \(limits)")
                #expect(limits.freeCheckCapacity > 256 << 10, place)
                #expect(limits.dirtyPageAge > 128 << 10, place)
                #expect(limits.dirtyPageAge < limits.freeCheckCapacity, place)
                #expect(limits.asyncFlushAge < limits.syncFlushAge && limits.syncFlushAge < limits.soft, place)
                // The files hold the hard limit wherever in a file the checkpoint lies.
                let data = limits.fileSize - LogFileHeader.dataOffset
                #expect(limits.hard <= (fileCount - 1) * data, place)
            }
        }
    }
}
