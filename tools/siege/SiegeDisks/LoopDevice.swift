import Glibc

/// A block device over a file; it goes with the last that has it open.
final class LoopDevice {
    /// The path of the device.
    let path: String
    private let descriptor: Int32

    private static let getFree: UInt = 0x4C82
    private static let configure: UInt = 0x4C0A
    private static let flushBuffers: UInt = 0x1261
    private static let autoClear: UInt32 = 4
    private static let directIO: UInt32 = 16

    /// Takes a free device and puts it over `file`, past the page cache.
    init(over file: Int32) throws {
        let control = unsafe open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        guard control >= 0 else { throw DiskFailure.ofCall("open of /dev/loop-control") }
        defer { close(control) }
        // Others may take the one that was free.
        for _ in 0..<20 {
            let number = ioctl(control, Self.getFree)
            guard number >= 0 else { throw DiskFailure.ofCall("LOOP_CTL_GET_FREE") }
            let path = "/dev/loop\(number)"
            let device = unsafe open(path, O_RDWR | O_CLOEXEC)
            guard device >= 0 else { throw DiskFailure.ofCall("open of \(path)") }
            var configuration = Self.configuration(file)
            let result = unsafe configuration.withUnsafeMutableBytes { bytes in
                // The type that the call takes is never empty.
                guard let base = bytes.baseAddress else { return Int32(-1) }
                return unsafe ioctl(device, Self.configure, base)
            }
            if result == 0 {
                self.path = path
                descriptor = device
                return
            }
            let failure = DiskFailure.ofCall("LOOP_CONFIGURE of \(path)")
            let isTaken = errno == EBUSY
            close(device)
            if !isTaken { throw failure }
        }
        throw DiskFailure("every loop device was taken by others")
    }

    /// Forgets what the kernel keeps of the device, whose content may have changed.
    func forget() throws {
        guard ioctl(descriptor, Self.flushBuffers, 0) == 0 else { throw DiskFailure.ofCall("BLKFLSBUF of \(path)") }
    }

    /// Gives the device back.
    func detach() { close(descriptor) }

    /// struct loop_config of <linux/loop.h>.
    static func configuration(_ file: Int32) -> [UInt8] {
        var fields = ByteFields()
        fields.add(UInt32(bitPattern: file))
        // The block size: the kernel's choice, 512.
        fields.add(UInt32(0))
        // struct loop_info64, of which only the flags say something.
        fields.addZeros(52)
        fields.add(autoClear | directIO)
        fields.addZeros(232 - 56)
        fields.addZeros(64)
        return fields.bytes
    }
}
