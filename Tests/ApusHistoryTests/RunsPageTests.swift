// The page that tells people how to read runs: its own SQL and Python, taken from it, over runs of a small random story with late events,
// ties, deletes, partial rows and nulls. Tests/Python/runs_page.py says by brute force what each cell must be.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(
  "The page for people", .serialized,
  .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
struct RunsPageTests {
  private static let page = PythonPeer.root + "/Sources/ApusHistory/RunsInSQL.md"

  @Test(
    "the page's DuckDB joins give the rule's value and status in every cell, times being whole microseconds",
    arguments: [11, 12, 13] as [UInt64])
  func duckDB(seed: UInt64) throws {
    try check("with_duckdb", seed, unit: 1_000)
  }

  @Test(
    "the page's Polars joins give them to the nanosecond", arguments: [21, 22, 23] as [UInt64])
  func polars(seed: UInt64) throws {
    try check("with_polars", seed, unit: 1)
  }

  private func check(_ tool: String, _ seed: UInt64, unit: Int64) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "apus-page-\(UUID().uuidString)")
    let history = folder.appending(path: "history")
    try FileManager.default.createDirectory(at: history, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var story = PageStory(seed: seed, unit: unit)
    try story.write(to: folder)
    let answer = try PythonPeer().ask("runs_page", tool, Self.page, folder.path)
    let tallies = try #require(
      JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [[String: Int]], "seed \(seed)")
    for tally in tallies {
      // A story without one of these would prove little.
      for status in ["PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"] {
        #expect(tally[status, default: 0] > 0, "\(status), seed \(seed)")
      }
    }
  }
}

/// Events of few entities whose times often tie, in two runs: the feature `city` came between them.
private struct PageStory {
  private static let view = ViewVersionID(3)
  private static let eventsOfRun = 150
  private var random: SplitMix64
  private let unit: Int64

  init(seed: UInt64, unit: Int64) {
    random = SplitMix64(seed: seed)
    self.unit = unit
  }

  mutating func write(to folder: URL) throws {
    var told: [[String: Any]] = []
    for part in 0..<2 {
      let features = [RunSchema.Feature("amount", .scalar(.float64)), RunSchema.Feature("city", .string)]
      let schema = try #require(
        RunSchema(
          viewVersion: Self.view, view: "shop/card@2", keys: [RunSchema.Key("id", .int64)],
          features: Array(features.prefix(part + 1))))
      let first = UInt64(part * Self.eventsOfRun + 1)
      let lsns = LSNRange(LSN(first), through: LSN(first + UInt64(Self.eventsOfRun) - 1))
      var events: [HistoryEvent] = []
      for number in 0..<Self.eventsOfRun {
        let (event, words) = try event(lsn: first + UInt64(number), schema)
        events.append(event)
        told.append(words)
      }
      let path = folder.path + "/" + RunFormat.name(view: "card", version: 2, lsns: lsns, file: UInt64(part))
      let file = try RealDisk().open(path, .create)
      defer { file.close() }
      var limits = RunLimits()
      limits.pageRowsMax = 16
      limits.rowGroupRowsMax = 60
      let writer = try RunWriter(file, runID, schema, lsns: lsns, limits)
      try writer.append(all: ListCursor(sorted(events)))
      _ = try writer.finish()
    }
    try JSONSerialization.data(withJSONObject: told).write(to: folder.appending(path: "events.json"))
    // An entity more than there are, and labels on the very moments of events.
    let labels: [[Any]] = (0..<200).map { label in
      [label, Int64(random.below(7)), moment(below: 45)]
    }
    try JSONSerialization.data(withJSONObject: labels).write(to: folder.appending(path: "labels.json"))
  }

  private mutating func moment(below seconds: Int) -> Int64 {
    Int64(random.below(seconds)) * 1_000_000_000 + Int64(random.below(3)) * unit
  }

  private mutating func event(
    lsn: UInt64, _ schema: RunSchema
  ) throws -> (HistoryEvent, [String: Any]) {
    let id = Int64(random.below(6))
    let eventTime = moment(below: 30)
    let createdAt = Int64(random.below(3)) * unit
    let knownAt = eventTime + random.pick([0, 0, unit, 5_000_000_000])
    let isDelete = random.chance(0.15)
    var inputs: [FeatureInput] = []
    var words: [String: Any] = [
      "id": id, "event_time": eventTime, "created_at": createdAt, "known_at": knownAt, "lsn": lsn,
      "deleted": isDelete, "amount": ["absent"], "city": ["absent"],
    ]
    for feature in schema.features {
      if isDelete || random.chance(0.4) {
        inputs.append(.absent)
      } else if random.chance(0.25) {
        inputs.append(.null)
        words[feature.name] = ["null"]
      } else if feature.name == "amount" {
        inputs.append(.value(.float64(Double(lsn))))
        words["amount"] = ["value", Double(lsn)] as [Any]
      } else {
        inputs.append(.value(.string("c\(lsn)")))
        words["city"] = ["value", "c\(lsn)"]
      }
    }
    var encoder = KeyEncoder()
    try KeySchema([.int64]).encode([.int64(id)], into: &encoder)
    let head = HistoryEventHead(
      isDelete ? .delete : .upsert, Self.view, eventTime: EventTime(nanoseconds: eventTime),
      createdAt: CreatedAt(nanoseconds: createdAt), isCreatedAtGiven: true,
      knownAt: KnownAt(nanoseconds: knownAt), isKnownAtAssumed: false, lsn: LSN(lsn))
    let event = HistoryEvent(
      head, key: encoder.bytes.copied(), cells: isDelete ? [] : try cells(inputs, schema.layout))
    return (event, words)
  }
}
