/// Which room may use which: the house's law, complete with the rooms that are not built yet.
///
/// The graph has no cycle, a C module of the cellar is named by exactly one room, and no room of `Sources`
/// names anything that lives in `Tests` or `Benchmarks`.
struct FloorPlan: Sendable {
  /// Each module of `Sources`, and of `Benchmarks` and `Tests` where it is no test target, with what it may import.
  let rooms: [String: Set<String>]
  /// C modules: a shim header and a module map each.
  let cellar: Set<String>
  /// The few rooms that may import modules of the toolchain beyond `Synchronization`.
  let toolchain: [String: Set<String>]

  static let apus: FloorPlan = {
    let rooms: [String: Set<String>] = [
      "apus": [
        "ApusServer", "ApusExport", "ApusIngest", "ApusStore", "ApusLog", "ApusContracts", "ApusClient",
        // The columns in which a spine of text goes from the room that reads it to the one that joins it.
        "ApusColumnar",
        // The bytes of the few small messages that it asks a server with itself.
        "ApusWire", "ApusSystem",
        // The vocabulary that every room's answers are made of, such as LSNs.
        "ApusBytes",
      ],
      "ApusServer": ["ApusStore", "ApusExport", "ApusWire", "ApusContracts", "ApusSystem", "ApusBytes"],
      "ApusIngest": ["ApusStore", "ApusColumnar", "ApusContracts", "ApusSystem", "ApusBytes"],
      // Runs are read by their columns: the store says which, and holds them meanwhile.
      "ApusExport": [
        "ApusStore", "ApusHistory", "ApusContracts", "ApusColumnar", "ApusSystem", "ApusBytes",
      ],
      "ApusStore": ["ApusLog", "ApusIndex", "ApusHistory", "ApusContracts", "ApusSystem", "ApusBytes"],
      "ApusHistory": ["ApusColumnar", "ApusContracts", "ApusSystem", "ApusBytes"],
      "ApusIndex": ["ApusContracts", "ApusSystem", "ApusBytes", "CLMDB"],
      "ApusLog": ["ApusSystem", "ApusBytes"],
      "ApusColumnar": ["ApusSystem", "ApusBytes", "CZlib"],
      "ApusClient": ["ApusWire", "ApusContracts", "ApusSystem", "ApusBytes"],
      "ApusWire": ["ApusContracts", "ApusBytes"],
      "ApusContracts": ["ApusBytes", "CYAML"],
      "ApusSystem": ["ApusBytes", "CLinux", "CCrashMark"],
      "ApusBytes": ["CChecksum", "CZstd"],
    ]
    let behindTheDoor = Set(rooms.keys).subtracting(["apus"])
    let outside: [String: Set<String>] = [
      "ApusTestSupport": behindTheDoor,
      "ApusLife": behindTheDoor.union(["ApusTestSupport"]),
      "ApusBench": behindTheDoor.union(["CBareLMDB", "CAllocations", "CLoad"]),
      "ApusFuzz": ["ApusStore", "ApusWire", "ApusContracts", "ApusBytes"],
      "HouseTests": [],
    ]
    return FloorPlan(
      rooms: rooms.merging(outside) { own, _ in own },
      cellar: [
        "CChecksum", "CCrashMark", "CZstd", "CLinux", "CLMDB", "CYAML", "CZlib", "CBareLMDB", "CAllocations",
        "CLoad",
      ],
      toolchain: ["ApusSystem": ["Glibc"], "apus": ["Foundation", "FoundationEssentials"]])
  }()

  /// What a module may import from this package, or nil when the plan has no such module.
  ///
  /// The tests of a room, `RoomTests`, may import that room, every room it stands on, and the tests' support.
  func allowed(in module: String) -> Set<String>? {
    if let row = rooms[module] { return row }
    if cellar.contains(module) { return [] }
    guard module.hasSuffix("Tests") else { return nil }
    let room = String(module.dropLast("Tests".count))
    guard rooms[room] != nil else { return nil }
    return everythingBelow(room).union([room, "ApusTestSupport"]).subtracting(cellar).subtracting(["apus"])
  }

  /// What a file may import from the toolchain.
  func toolchainAllowed(at path: String) -> Set<String> {
    let always: Set<String> = ["Synchronization"]
    if path.hasPrefix("Sources/") {
      return always.union(toolchain[SwiftSource.module(of: path) ?? ""] ?? [])
    }
    let outside = always.union(["Foundation", "Glibc"])
    return path.hasPrefix("Tests/") ? outside.union(["Testing"]) : outside
  }

  /// The rooms on a way from `room` downwards, without itself.
  func everythingBelow(_ room: String) -> Set<String> {
    var found: Set<String> = []
    var next = [room]
    while let one = next.popLast() {
      for below in rooms[one] ?? [] where found.insert(below).inserted { next.append(below) }
    }
    return found
  }

  /// The rooms that can be reached from themselves, sorted; none in a sound house.
  var onACycle: [String] {
    rooms.keys.filter { everythingBelow($0).contains($0) }.sorted()
  }

  /// The rooms that may import a module of the cellar.
  func users(ofCellar module: String) -> [String] {
    rooms.filter { $0.value.contains(module) }.map(\.key).sorted()
  }
}
