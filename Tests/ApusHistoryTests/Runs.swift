// Runs that tests write and read, on a disk in memory.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport

let runID = HistoryFileID(store: Array(16..<32), file: 0xabc)

/// A view version with random features and keys, and events of it.
struct RunStory {
  var schema: RunSchema
  var events: [HistoryEvent]
  var lsns: LSNRange
  var limits = RunLimits()

  init(_ random: inout SplitMix64, events count: Int, types: [FeatureType]? = nil, keys: [KeyType]? = nil)
    throws
  {
    let types = types ?? (0..<random.below(6)).map { _ in random.featureType() }
    let keyTypes = keys ?? (0..<random.within(1...3)).map { _ in random.pick(KeyType.allCases) }
    // A key called like a feature, and a feature that was removed and came again.
    let made = RunSchema(
      viewVersion: ViewVersionID(9), view: "shop/card@2",
      keys: keyTypes.enumerated().map { RunSchema.Key($0 == 0 ? "f0" : "part\($0)", $1) },
      features: types.enumerated().map { RunSchema.Feature($0 == 3 ? "f1" : "f\($0)", $1) })
    guard let made else { throw TestError.noLayout }
    schema = made
    let keySchema = KeySchema(keyTypes)
    var encoder = KeyEncoder()
    var keys: [[UInt8]] = []
    for _ in 0..<max(1, count / 5) {
      let parts: [Value] = keyTypes.map { random.value(.scalar($0.element)) }
      try keySchema.encode(parts, into: &encoder)
      keys.append(encoder.bytes.copied())
    }
    var places = (1...UInt64(max(1, count))).shuffled(using: &random)
    let layout = schema.layout
    events = sorted(
      try (0..<count).map { _ in
        try random.event(
          layout, view: ViewVersionID(9), key: random.pick(keys), lsn: 100 + places.removeLast(),
          features: random.within(0...layout.count))
      })
    lsns = LSNRange(LSN(101), through: LSN(UInt64(101 + count)))
    limits.pageRowsMax = random.pick([1, 3, 8, 64, 8192])
    limits.rowGroupRowsMax = random.pick([7, 50, 131_072])
  }

  func write(_ disk: any Disk, _ path: String = "d/r", _ id: HistoryFileID = runID) throws -> RunAttributes {
    let file = try disk.open(path, .create)
    let writer = try RunWriter(file, id, schema, lsns: lsns, limits)
    try writer.append(all: ListCursor(events))
    return try writer.finish()
  }

  func open(
    _ disk: any Disk, _ attributes: RunAttributes, _ path: String = "d/r", _ id: HistoryFileID = runID
  ) throws -> RunReader {
    try RunReader(try disk.open(path, .read), id, first: lsns.first, attributes)
  }
}

func disk(holding bytes: [UInt8], at path: String = "d/r") throws -> SimulatedDisk {
  let disk = SimulatedDisk(folders: ["d"])
  try disk.open(path, .create).writeAll(bytes, at: 0)
  return disk
}
