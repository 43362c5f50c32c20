// Runs as a person reads them: with pyarrow, Polars and DuckDB. What they must find is written down from the events, by no code of the room.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(
  "Runs in other tools", .serialized, .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
struct PeerTests {
  @Test("pyarrow, Polars and DuckDB read every event, in columns that a person understands")
  func everyType() throws {
    let peer = try PythonPeer()
    let elements = ElementType.allCases.map { FeatureType.scalar($0) }
    let lists = ElementType.allCases.map { FeatureType.list(of: $0) }
    let vectors = [ElementType.int32, .int64, .float32, .float64].compactMap {
      FeatureType.vector(of: $0, count: 3)
    }
    for (seed, count) in [0, 1, 500].enumerated() {
      var random = SplitMix64(seed: UInt64(seed))
      var story = try RunStory(
        &random, events: count, types: elements + lists + vectors, keys: KeyType.allCases)
      story.limits.pageRowsMax = 64
      story.limits.rowGroupRowsMax = 300
      let folder = FileManager.default.temporaryDirectory.appending(path: "apus-runs-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "run.parquet").path
      let attributes = try story.write(RealDisk(), path)
      try story.open(RealDisk(), attributes, path).verify()
      try expectation(story).write(to: URL(filePath: path + ".json"))
      for tool in ["with_pyarrow", "with_polars", "with_duckdb"] {
        #expect(try peer.ask("history_runs", tool, path) == "\(count)", "\(tool), seed \(seed)")
      }
      #expect(try peer.ask("history_runs", "metadata", path, "apus.view") == "shop/card@2")
      #expect(try peer.ask("history_runs", "metadata", path, "apus.lsns") == "101..\(101 + count)")
      #expect(try peer.ask("history_runs", "metadata", path, "apus.events") == "\(count)")
      #expect(try peer.ask("history_runs", "metadata", path, "apus.digest") == "\(attributes.digest)")
    }
  }

  /// The columns by History.md, in its order.
  private func expectation(_ story: RunStory) throws -> Data {
    let schema = story.schema
    var columns: [[Any]] = [["_key", "bytes", false]]
    for (place, key) in schema.keys.enumerated() {
      columns.append([place == 0 ? "_key_f0" : key.name, kind(key.type.element), false])
    }
    columns += [
      ["_event_time", "timestamp", false], ["_created_at", "timestamp", false],
      ["_known_at", "timestamp", false], ["_lsn", "int64", false], ["_known_at_assumed", "bool", false],
      ["_deleted", "bool", false], ["_created_at_given", "bool", false], ["_producer", "string", false],
    ]
    for (index, feature) in schema.features.enumerated() {
      // The second feature was removed, and the fourth has its name.
      let name = index == 1 ? "f1__1" : index == 3 ? "f1" : "f\(index)"
      columns.append([name, kind(feature.type.element), feature.type.shape != .scalar])
      columns.append([name + "__said", "bool", false])
    }
    var lines = [try JSONSerialization.data(withJSONObject: columns)]
    for event in story.events {
      lines.append(try JSONSerialization.data(withJSONObject: try row(event, story)))
    }
    return Data(lines.joined(separator: [UInt8(ascii: "\n")]))
  }

  private func row(_ event: HistoryEvent, _ story: RunStory) throws -> [Any] {
    let head = event.head
    var row: [Any] = [hex(event.key)]
    let parts = try KeySchema(story.schema.keys.map(\.type)).decode(unsafe event.key.span.bytes)
    row += parts.map(words)
    row += [
      "\(head.eventTime.nanoseconds)", "\(head.createdAt.nanoseconds)", "\(head.knownAt.nanoseconds)",
      "\(head.lsn.rawValue)", head.isKnownAtAssumed, head.isDelete, head.isCreatedAtGiven,
      event.producer.map { hex(Array($0.utf8)) } ?? NSNull(),
    ]
    for input in try inputs(event, story.schema.layout) {
      if case .value(let value) = input { row.append(words(value)) } else { row.append(NSNull()) }
      row.append(input != .absent)
    }
    return row
  }

  private func kind(_ element: ElementType) -> String {
    switch element {
    case .bool: "bool"
    case .int32: "int32"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .bytes: "bytes"
    case .timestamp: "timestamp"
    }
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private func bits(_ pattern: some FixedWidthInteger, _ digits: Int) -> String {
    let text = String(pattern, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }

  private func words(_ value: Value) -> Any {
    switch value {
    case .bool(let bit): bit
    case .int32(let number): "\(number)"
    case .int64(let number), .timestamp(let number): "\(number)"
    case .float32(let number): bits(number.bitPattern, 8)
    case .float64(let number): bits(number.bitPattern, 16)
    case .string(let text): hex(Array(text.utf8))
    case .bytes(let content): hex(content)
    case .list(let elements), .vector(let elements): words(elements)
    }
  }

  private func words(_ elements: Value.Elements) -> [Any] {
    switch elements {
    case .bool(let all): all
    case .int32(let all): all.map { "\($0)" }
    case .int64(let all), .timestamp(let all): all.map { "\($0)" }
    case .float32(let all): all.map { bits($0.bitPattern, 8) }
    case .float64(let all): all.map { bits($0.bitPattern, 16) }
    case .string(let all): all.map { hex(Array($0.utf8)) }
    case .bytes(let all): all.map(hex)
    }
  }
}
