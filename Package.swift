// swift-tools-version:6.2
import PackageDescription

/// The settings of every Swift target: strict memory safety, warnings as errors, nothing implicit.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Lets tests enumerate the interleavings of latches, locks and events; nothing in release builds.
    .define("REDOUBT_INTERLEAVING", .when(configuration: .debug)),
]

/// A target of the engine, with its README beside the code.
func engine(_ name: String, dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        exclude: ["README.md"] + exclude,
        swiftSettings: strict,
    )
}

/// A command under `tools/`.
func tool(_ name: String, target: String, dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: target,
        dependencies: dependencies,
        path: "tools/\(name)",
        swiftSettings: strict,
    )
}

/// A suite under `Tests/`.
func tests(_ name: String, dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: ["TestSupport"] + dependencies,
        exclude: exclude,
        swiftSettings: strict,
    )
}

let folders = [
    "Page", "Buffer", "MiniTransaction", "Space", "Tree", "Doublewrite", "Flushing", "Recovery", "Backup",
    "Salvage", "Interchange",
]

let package = Package(
    name: "redoubt",
    products: [
        .library(name: "Redoubt", targets: ["Redoubt"]),
        // What tools/build-c makes libredoubt.so of.
        .library(name: "CRedoubt", type: .static, targets: ["CRedoubt"]),
        .library(name: "RedoubtSimulation", targets: ["RedoubtSimulation"]),
        // With the modules that its declarations speak of: those who use it import them.
        .library(name: "SiegeKit", targets: ["SiegeKit", "RedoubtSimulation", "RedoubtSystem", "RedoubtCore"]),
        .executable(name: "redoubt", targets: ["redoubt-cli"]),
        .executable(name: "siege", targets: ["siege-cli"]),
        .executable(name: "flushlab", targets: ["flushlab-cli"]),
    ],
    targets: [
        // Bottom first: a target knows only what stands above it in this list.
        .systemLibrary(name: "CLinuxAIO", providers: [.apt(["libaio-dev"])]),
        .target(name: "CRedoubtShims"),
        engine("RedoubtCore", dependencies: ["CRedoubtShims"]),
        engine("RedoubtSystem", dependencies: ["RedoubtCore", "CRedoubtShims", "CLinuxAIO"]),
        engine("RedoubtLog", dependencies: ["RedoubtCore", "RedoubtSystem"]),
        engine("RedoubtPolicy", dependencies: ["RedoubtCore"]),
        engine(
            "RedoubtEngine",
            dependencies: ["CRedoubtShims", "RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtPolicy"],
            exclude: folders.map { "\($0)/README.md" },
        ),
        engine(
            "Redoubt",
            dependencies: ["CRedoubtShims", "RedoubtCore", "RedoubtSystem", "RedoubtEngine", "RedoubtLog"],
        ),
        .target(name: "CRedoubtHeader", path: "Sources/CRedoubt/Header"),
        engine(
            "CRedoubt",
            dependencies: [
                "CRedoubtHeader", "CRedoubtShims", "Redoubt", "RedoubtCore", "RedoubtEngine", "RedoubtSystem",
            ],
            exclude: ["Header", "Python", "redoubt.pc.in"],
        ),
        engine("RedoubtSimulation", dependencies: ["CRedoubtShims", "RedoubtCore", "RedoubtSystem"]),
        engine("SiegeKit", dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtSimulation"]),
        // What the laboratory knows of this engine.
        engine(
            "RedoubtSiege",
            dependencies: [
                "Redoubt", "RedoubtCore", "RedoubtEngine", "RedoubtLog", "RedoubtSimulation", "RedoubtSystem",
                "SiegeKit",
            ]
        ),
        engine("RedoubtCommands", dependencies: ["RedoubtCore"]),
        // Flushing in virtual time: the policies decide over a model of everything else.
        engine(
            "FlushLab",
            dependencies: ["RedoubtCommands", "RedoubtCore", "RedoubtLog", "RedoubtPolicy", "RedoubtSystem"],
            exclude: ["SCENARIOS.md"]
        ),
        tool(
            "redoubt",
            target: "redoubt-cli",
            dependencies: ["Redoubt", "RedoubtCommands", "RedoubtCore", "RedoubtEngine", "RedoubtLog"]
        ),
        tool("demo-load", target: "redoubt-demo", dependencies: ["Redoubt", "RedoubtCore", "RedoubtSystem"]),
        .target(
            name: "RedoubtFuzz",
            dependencies: [
                "Redoubt", "RedoubtCommands", "RedoubtCore", "RedoubtEngine", "RedoubtLog", "RedoubtSimulation",
                "RedoubtSystem",
            ],
            path: "tools/fuzz/RedoubtFuzz",
            swiftSettings: strict,
        ),
        // Fuzzes only when it is built by tools/fuzz-run; else it takes inputs that are at hand.
        tool("fuzz/redoubt-fuzz", target: "redoubt-fuzz", dependencies: ["RedoubtFuzz"]),
        // Plants mistakes in a copy of the sources; built by tools/mutants-run.
        tool("mutants/redoubt-mutants", target: "redoubt-mutants", dependencies: []),
        .target(
            name: "SiegeDisks",
            dependencies: ["Redoubt", "RedoubtCore", "RedoubtSimulation", "RedoubtSystem"],
            path: "tools/siege/SiegeDisks",
            exclude: ["README.md"],
            swiftSettings: strict,
        ),
        tool(
            "siege/siege",
            target: "siege-cli",
            dependencies: [
                "RedoubtCommands", "RedoubtCore", "RedoubtSiege", "RedoubtSimulation", "SiegeDisks", "SiegeKit",
            ]
        ),
        tool(
            "flushlab",
            target: "flushlab-cli",
            dependencies: [
                "CRedoubtShims", "FlushLab", "Redoubt", "RedoubtCommands", "RedoubtCore", "RedoubtSimulation",
                "RedoubtSystem",
            ]
        ),
        .target(name: "CBinarySearch", path: "Benchmarks/CBinarySearch"),
        .executableTarget(
            name: "redoubt-benchmarks",
            dependencies: ["Redoubt", "RedoubtCore", "RedoubtSystem", "CBinarySearch"],
            path: "Benchmarks/redoubt-benchmarks",
            swiftSettings: strict,
        ),
        .executableTarget(
            name: "redoubt-flush-benchmark",
            dependencies: ["Redoubt", "RedoubtCore", "RedoubtSystem"],
            path: "Benchmarks/redoubt-flush-benchmark",
            swiftSettings: strict,
        ),
        .target(
            name: "TestSupport",
            dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtSimulation"],
            path: "Tests/TestSupport",
            swiftSettings: strict,
        ),
        tests("RedoubtCoreTests", dependencies: ["RedoubtCore"]),
        tests("CRedoubtTests", dependencies: ["CRedoubt", "CRedoubtHeader", "RedoubtCore"]),
        tests("RedoubtSystemTests", dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtSimulation"]),
        tests(
            "RedoubtBufferTests",
            dependencies: [
                "RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtEngine", "RedoubtSiege", "RedoubtSimulation",
            ]
        ),
        tests(
            "RedoubtRecoveryTests",
            dependencies: [
                "RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtEngine", "RedoubtSiege", "RedoubtSimulation",
            ],
            exclude: ["Golden"]
        ),
        tests(
            "RedoubtSpaceTests",
            dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtEngine", "RedoubtSimulation"]
        ),
        tests("RedoubtPageTests", dependencies: ["CRedoubtShims", "RedoubtCore", "RedoubtSystem", "RedoubtEngine"]),
        tests(
            "RedoubtLogTests",
            dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtSimulation"]
        ),
        tests("RedoubtPolicyTests", dependencies: ["RedoubtCore", "RedoubtPolicy"]),
        tests(
            "RedoubtTreeTests",
            dependencies: ["RedoubtCore", "RedoubtEngine", "RedoubtLog", "RedoubtSimulation", "RedoubtSystem"]
        ),
        .testTarget(
            name: "RedoubtTests",
            dependencies: [
                "TestSupport", "Redoubt", "RedoubtCore", "RedoubtEngine", "RedoubtLog", "RedoubtSystem", "redoubt-demo",
            ],
            exclude: ["ibdread.py"],
            swiftSettings: strict,
        ),
        tests(
            "ObservationTests",
            dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtEngine", "Redoubt"]
        ),
        tests(
            "BackupTests",
            dependencies: [
                "Redoubt", "RedoubtCore", "RedoubtEngine", "RedoubtSimulation", "RedoubtSystem",
            ]
        ),
        tests("CommandLineTests", dependencies: ["RedoubtCommands", "RedoubtCore", "redoubt-cli"]),
        .testTarget(
            name: "FuzzTests",
            dependencies: ["TestSupport", "RedoubtCore", "RedoubtEngine", "RedoubtFuzz", "RedoubtSimulation"],
            exclude: ["Corpus"],
            swiftSettings: strict,
        ),
        tests(
            "RedoubtInterchangeTests",
            dependencies: ["Redoubt", "RedoubtCore", "RedoubtEngine", "RedoubtSimulation", "RedoubtSystem"]
        ),
        tests("FlushLabTests", dependencies: ["FlushLab", "RedoubtCore", "RedoubtPolicy"]),
        tests("TidyTests", dependencies: []),
        tests(
            "SiegeKitTests",
            dependencies: [
                "RedoubtCore", "RedoubtSystem", "RedoubtEngine", "Redoubt", "RedoubtSiege", "RedoubtSimulation",
                "SiegeKit",
            ]
        ),
        tests(
            "SiegeDisksTests",
            dependencies: ["RedoubtCore", "RedoubtSimulation", "RedoubtSystem", "SiegeDisks", "siege-cli"]
        ),
        tests("RedoubtSimulationTests", dependencies: ["RedoubtCore", "RedoubtSystem", "RedoubtSimulation"]),
        tests(
            "RedoubtCrashTests",
            dependencies: [
                "RedoubtCore", "RedoubtSystem", "RedoubtLog", "RedoubtEngine", "Redoubt", "RedoubtSiege",
                "RedoubtSimulation", "SiegeKit",
            ]
        ),
    ],
    swiftLanguageModes: [.v6],
)
