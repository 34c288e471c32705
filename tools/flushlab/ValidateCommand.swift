import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore

extension Command {
    /// Measures this machine's device.
    static let measure = Command(
        name: "measure",
        summary: "measures a device of this machine with direct I/O and prints its parameters",
        operands: [Operand(name: "FOLDER", text: "a folder on the device; a file of 1 GiB is made there and removed")],
        options: [Option(name: "out", value: "FILE", text: "write them to FILE; call it NAME.device to use it by NAME")]
    ) { arguments throws(CommandFailure) in
        let device = try DeviceBench.measure(in: arguments.operand("FOLDER"))
        if let path = arguments.option("out") {
            try LabFiles.write(device.text, to: path)
        } else {
            Screen.tell(device.text)
        }
        return .success
    }

    /// Compares virtual and real runs.
    static let validate = Command(
        name: "validate",
        summary: "runs scenarios on the engine itself and in virtual time, and compares them",
        operands: [
            Operand(name: "FOLDER", text: "a folder on the device to use; databases are made there and removed")
        ],
        options: [
            Option(
                name: "only",
                value: "NAME",
                text: "only this one of " + Validation.scenarios.map(\.name).joined(separator: ", ")
            ),
            Option(name: "policies", value: "NAME,...", text: "other policies than those of the scenarios"),
            Option(name: "rounds", value: "N", text: "real runs of each, whose median counts; 3 if not given"),
            Option(name: "html", value: "FOLDER", text: "write a page with both runs of each to FOLDER"),
            Option(
                name: "mariadb",
                value: nil,
                text: "compare a MariaDB server with the policy mariadb instead (six minutes)"
            ),
        ]
    ) { arguments throws(CommandFailure) in
        if arguments.has("mariadb") {
            return try MariaDBValidation(in: arguments.operand("FOLDER"), pages: arguments.option("html")).run()
        }
        return try Validation(arguments).run()
    }
}
