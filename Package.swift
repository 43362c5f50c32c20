// swift-tools-version: 6.2
// The floor plan of Apus. Each target is a room; a room may use only the rooms it names here,
// and they all lie below it. `HouseTests` reads every import and fails when one goes sideways or up,
// because SwiftPM itself lets a target import what its dependencies happen to bring along.

import PackageDescription

/// The settings every Swift target of the house is built with.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

func room(_ name: String, uses below: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: below, exclude: exclude, swiftSettings: strict)
}

func tests(of name: String, uses: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: uses, swiftSettings: strict)
}

let package = Package(
  name: "apus",
  products: [
    .executable(name: "apus", targets: ["apus"]),
    .library(name: "ApusClient", targets: ["ApusClient"]),
  ],
  targets: [
    // The front door: reads the command line, wires the rooms together, nothing else.
    .executableTarget(
      name: "apus",
      dependencies: [
        "ApusServer", "ApusExport", "ApusIngest", "ApusStore", "ApusColumnar", "ApusLog", "ApusClient",
        "ApusWire",
        "ApusContracts", "ApusSystem", "ApusBytes",
      ],
      exclude: ["CommandReference.md"], swiftSettings: strict),

    // One event loop per core turns sockets into store calls.
    room(
      "ApusServer",
      uses: [
        "ApusStore", "ApusExport", "ApusWire", "ApusContracts", "ApusSystem", "ApusBytes",
      ],
      exclude: ["Server.md", "Tokens.md"]),

    // Joins history as of each label's moment and writes it out.
    room(
      "ApusExport",
      uses: ["ApusStore", "ApusHistory", "ApusContracts", "ApusColumnar", "ApusSystem", "ApusBytes"],
      exclude: ["Checks.md", "Differences.md", "Export.md"]),

    // Turns files into rows.
    room(
      "ApusIngest", uses: ["ApusStore", "ApusColumnar", "ApusContracts", "ApusSystem", "ApusBytes"],
      exclude: ["BlanksAndTimes.md", "Files.md"]),

    // The only door to data: append, read, checkpoint, recover.
    room(
      "ApusStore",
      uses: ["ApusLog", "ApusIndex", "ApusHistory", "ApusContracts", "ApusSystem", "ApusBytes"],
      exclude: ["Compaction.md", "Overlay.md", "Store.md", "StoreFormat.md"]),

    // Every event that the log no longer holds, in runs, and everything else, in ledgers.
    room(
      "ApusHistory", uses: ["ApusColumnar", "ApusContracts", "ApusSystem", "ApusBytes"],
      exclude: ["History.md", "RunsInSQL.md"]),

    // The newest row of every entity, in LMDB.
    room(
      "ApusIndex", uses: ["ApusContracts", "ApusSystem", "ApusBytes", "CLMDB"], exclude: ["IndexFormat.md"]),

    // Ask for features from Swift.
    room(
      "ApusClient", uses: ["ApusWire", "ApusContracts", "ApusSystem", "ApusBytes"], exclude: ["Client.md"]),

    // The protocol's bytes, both ways, with no socket in sight.
    room("ApusWire", uses: ["ApusContracts", "ApusBytes"], exclude: ["Protocol.md"]),

    // Column files both ways, Parquet and Arrow, for whoever has rows: it knows no feature.
    room(
      "ApusColumnar", uses: ["ApusSystem", "ApusBytes", "CZlib"],
      exclude: ["Arrow.md", "Columns.md", "Parquet.md", "ParquetReading.md"]),

    // What a feature is and what may be written: types, rules, versions, evolution, the fold.
    room(
      "ApusContracts", uses: ["ApusBytes", "CYAML"],
      exclude: ["RowFormat.md", "EventFormat.md", "Definitions.md", "Evolution.md"]),

    // An append-only sequence of checksummed frames in segments, and the manifest.
    room("ApusLog", uses: ["ApusSystem", "ApusBytes"], exclude: ["Format.md"]),

    // The only room that talks to the kernel: files, sockets, clocks, threads.
    room("ApusSystem", uses: ["ApusBytes", "CLinux", "CCrashMark"]),

    // Spans in, spans out: cursors, varints, keys, checksums, compression.
    room("ApusBytes", uses: ["CChecksum", "CZstd"], exclude: ["KeyEncoding.md"]),

    // The cellar: C modules, each imported by exactly one room.
    .target(name: "CChecksum"),
    .target(name: "CCrashMark"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    // Benchmarks and the peers they are measured against.
    .target(
      name: "CBareLMDB", path: "Benchmarks/CBareLMDB", linkerSettings: [.linkedLibrary("lmdb")]),
    .target(name: "CAllocations", path: "Benchmarks/CAllocations"),
    .target(name: "CLoad", path: "Benchmarks/CLoad"),
    .executableTarget(
      name: "ApusBench",
      dependencies: [
        "ApusWire", "ApusStore", "ApusLog", "ApusIndex", "ApusHistory", "ApusColumnar", "ApusContracts",
        "ApusSystem", "ApusBytes",
        "CBareLMDB", "CAllocations", "CLoad",
      ],
      path: "Benchmarks/ApusBench", swiftSettings: strict),

    // What only tests may use: the simulated disk, the log's model, and the process that attacks kill.
    .target(
      name: "ApusTestSupport", dependencies: ["ApusLog", "ApusSystem", "ApusBytes"],
      path: "Tests/ApusTestSupport", swiftSettings: strict),
    .executableTarget(
      name: "ApusLife",
      dependencies: [
        "ApusStore", "ApusLog", "ApusHistory", "ApusIndex", "ApusContracts", "ApusSystem", "ApusBytes",
        "ApusTestSupport",
      ],
      path: "Tests/ApusLife", swiftSettings: strict),

    tests(of: "HouseTests", uses: []),
    tests(of: "ApusWireTests", uses: ["ApusWire", "ApusContracts", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "ApusServerTests",
      uses: [
        "ApusServer", "ApusExport", "ApusColumnar", "ApusWire", "ApusStore", "ApusContracts", "ApusSystem",
        "ApusBytes", "ApusTestSupport",
      ]),
    tests(
      of: "ApusClientTests",
      uses: ["ApusClient", "ApusWire", "ApusContracts", "ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "ApusIngestTests",
      uses: [
        "ApusIngest", "ApusStore", "ApusColumnar", "ApusLog", "ApusContracts", "ApusSystem", "ApusBytes",
        "ApusTestSupport",
      ]),
    tests(
      of: "ApusExportTests",
      uses: [
        "ApusExport", "ApusStore", "ApusHistory", "ApusColumnar", "ApusLog", "ApusContracts", "ApusSystem",
        "ApusBytes", "ApusTestSupport",
      ]),
    tests(of: "ApusBytesTests", uses: ["ApusBytes"]),
    tests(of: "ApusSystemTests", uses: ["ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "ApusStoreTests",
      uses: [
        "ApusStore", "ApusLog", "ApusIndex", "ApusHistory", "ApusContracts", "ApusSystem", "ApusBytes",
        "ApusTestSupport",
      ]),
    tests(of: "ApusContractsTests", uses: ["ApusContracts", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "ApusIndexTests",
      uses: ["ApusIndex", "ApusContracts", "ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "ApusHistoryTests",
      uses: ["ApusHistory", "ApusColumnar", "ApusContracts", "ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(of: "ApusColumnarTests", uses: ["ApusColumnar", "ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(of: "ApusLogTests", uses: ["ApusLog", "ApusSystem", "ApusBytes", "ApusTestSupport"]),
    tests(
      of: "apusTests",
      uses: [
        "ApusClient", "ApusStore", "ApusIndex", "ApusColumnar", "ApusLog", "ApusContracts", "ApusSystem",
        "ApusBytes", "ApusTestSupport",
      ]),
  ]
)

// What libFuzzer attacks. Only `Tests/Torture/fuzz.sh` builds it, with its sanitizers, and links it with libFuzzer's own `main`.
if Context.environment["APUS_FUZZ"] != nil {
  package.targets.append(
    .target(
      name: "ApusFuzz", dependencies: ["ApusStore", "ApusWire", "ApusContracts", "ApusBytes"],
      path: "Tests/ApusFuzz", swiftSettings: strict))
}
