// What `apus diff` says: the identity's lines that differ, rows, and for each feature its cells with their causes and some examples.

import ApusBytes
import ApusContracts
import ApusExport
import ApusSystem

struct DiffWords {
  let a: DiffManifest
  let b: DiffManifest
  let report: DiffReport
  let hasCauses: Bool

  /// Every row in its order, every column and cell: the digests tell. What they tell of was read.
  var isSame: Bool { a.contentDigest == b.contentDigest }

  /// Lines of the identity that only one has, or that say something else. In A's order, then those that only B has.
  private var changes: [(name: String, a: String?, b: String?)] {
    var changes: [(name: String, a: String?, b: String?)] = []
    for line in a.lines {
      let other = b.lines.first { $0.name == line.name }?.value
      if other != line.value { changes.append((line.name, line.value, other)) }
    }
    for line in b.lines where !a.lines.contains(where: { $0.name == line.name }) {
      changes.append((line.name, nil, line.value))
    }
    return changes
  }

  // MARK: For people

  var lines: [String] {
    let rows = Numbers.count(report.rowsA, "row")
    if a.identity == b.identity, a.contentDigest == b.contentDigest {
      return ["the same: \(rows), identity \(a.identity), content digest \(a.contentDigest)"]
    }
    var lines = changes.map { change in
      "\(Self.name(change.name)): \(Self.short(change.a)) -> \(Self.short(change.b))"
    }
    if changes.isEmpty {
      lines.append("of one identity, and not of one content: a horizon rose, or something is wrong")
    }
    if a.contentDigest == b.contentDigest {
      return lines + ["the content is the same: \(rows), content digest \(a.contentDigest)"]
    }
    lines += rowLines
    lines.append(
      "\(Numbers.grouped(report.differing)) of \(Numbers.count(report.cells, "cell")) differ"
        + (report.causes.isEmpty ? "" : ": " + Self.words(report.causes)))
    for name in report.featuresOnlyA { lines.append("  \(name)   only in A") }
    for name in report.featuresOnlyB { lines.append("  \(name)   only in B") }
    for name in report.retyped { lines.append("  \(name)   of another type, and not compared") }
    for other in report.others where other.differing > 0 {
      lines.append("  \(other.name)   \(Numbers.count(other.differing, "row")) of the spine's own differ")
    }
    for feature in report.features where feature.differing > 0 { lines += self.lines(feature) }
    if !hasCauses, report.differing > 0 {
      lines.append("next: say --data DIR, the folder of the store, to see why")
    }
    if report.causes[.unexplained, default: 0] > 0 {
      lines.append("unexplained cells must never be: keep both sets and the store, and report them")
    }
    return lines
  }

  private var rowLines: [String] {
    if report.isOneSpine { return ["\(Numbers.count(report.paired, "row")) of one spine, by their place"] }
    var lines = [
      "\(Numbers.grouped(report.rowsA)) and \(Numbers.count(report.rowsB, "row")), by key and time: "
        + "\(Numbers.grouped(report.paired)) in both, \(Numbers.grouped(report.onlyA.count)) only in A, "
        + "\(Numbers.grouped(report.onlyB.count)) only in B"
    ]
    lines += report.onlyA.shown.map { "  only in A: \(Self.words($0))" }
    lines += report.onlyB.shown.map { "  only in B: \(Self.words($0))" }
    return lines
  }

  private func lines(_ feature: DiffReport.Feature) -> [String] {
    let causes = feature.causes.isEmpty ? "" : ": " + Self.words(feature.causes)
    return ["\(feature.name)   \(Numbers.count(feature.differing, "cell"))\(causes)"]
      + feature.examples.map { cell in
        var line = "  \(Self.words(cell.row))   \(cell.a ?? "null") -> \(cell.b ?? "null")"
        if cell.a == cell.b { line += "   (\(cell.kinds.map(\.rawValue).joined(separator: ", ")))" }
        if let cause = cell.cause { line += "   \(cause.inWords)" }
        if let event = cell.event {
          line +=
            "   lsn \(event.lsn), event \(WallTime(nanoseconds: event.eventTime).inWords)"
            + ", known \(WallTime(nanoseconds: event.knownAt).inWords)\(event.isKnownAtAssumed ? " (assumed)" : "")"
            + ", written \(WallTime(nanoseconds: event.appendedAt).inWords)"
        }
        return line
      }
  }

  private static func words(_ causes: [DiffCause: Int]) -> String {
    DiffCause.allCases.compactMap { cause in
      causes[cause].map { "\(Numbers.grouped($0)) \(cause.inWords)" }
    }.joined(separator: ", ")
  }

  private static func words(_ row: DiffRow) -> String {
    let key = row.key.map { "\($0.name)=\($0.value ?? "null")" }.joined(separator: ",")
    let lsn = row.lsn.map { ", LSN \($0)" } ?? ""
    return "\(key) at \(row.time.map { TimestampSpelling.text($0) } ?? "no time")\(lsn)"
  }

  private static func name(_ line: String) -> String {
    let words: [String: String] = [
      "lsn": "up to LSN", "erasures": "last erasure", "spine": "the spine", "definitions": "definitions",
      "mode": "what a label sees", "strict": "the label's own instant left out", "delay": "delay (ns)",
    ]
    return words[line] ?? line
  }

  /// Digests by their first digits.
  private static func short(_ value: String?) -> String {
    guard let value else { return "none" }
    if value.isEmpty { return "nothing" }
    return value.utf8.count == 64 ? String(value.prefix(12)) : value
  }

  // MARK: For programs

  var json: JSON {
    [
      "same": .boolean(isSame), "same_identity": .boolean(a.identity == b.identity),
      "same_content": .boolean(a.contentDigest == b.contentDigest),
      "a": .text(a.set), "b": .text(b.set),
      "changes": .list(
        changes.map { change in
          [
            "line": .text(change.name), "a": change.a.map { .text($0) } ?? .null,
            "b": change.b.map { .text($0) } ?? .null,
          ]
        }),
      "matched_by": .text(report.isOneSpine ? "place" : "key_and_time"), "rows_a": .number(report.rowsA),
      "rows_b": .number(report.rowsB), "rows_in_both": .number(report.paired),
      "only_in_a": .number(report.onlyA.count), "only_in_b": .number(report.onlyB.count),
      "examples_only_in_a": .list(report.onlyA.shown.map(Self.json)),
      "examples_only_in_b": .list(report.onlyB.shown.map(Self.json)),
      "cells": .number(report.cells), "differ": .number(report.differing),
      "causes": hasCauses ? Self.json(report.causes) : .null,
      "features_only_in_a": .list(report.featuresOnlyA.map { .text($0) }),
      "features_only_in_b": .list(report.featuresOnlyB.map { .text($0) }),
      "features_of_other_types": .list(report.retyped.map { .text($0) }),
      "other_columns": .object(
        report.others.filter { $0.differing > 0 }.map {
          JSON.Member(key: $0.name, value: .number($0.differing))
        }),
      "features": .list(report.features.map(json)),
    ]
  }

  private func json(_ feature: DiffReport.Feature) -> JSON {
    [
      "name": .text(feature.name), "differing": .number(feature.differing),
      "why": hasCauses ? Self.json(feature.causes) : .null,
      "examples": .list(feature.examples.map(Self.json)),
    ]
  }

  private static func json(_ causes: [DiffCause: Int]) -> JSON {
    .object(
      DiffCause.allCases.compactMap { cause in
        causes[cause].map { JSON.Member(key: cause.rawValue, value: .number($0)) }
      })
  }

  private static func json(_ row: DiffRow) -> JSON {
    [
      "keys": .object(
        row.key.map { JSON.Member(key: $0.name, value: $0.value.map { .text($0) } ?? .null) }),
      "time": row.time.map { .text(TimestampSpelling.text($0)) } ?? .null,
      "row_lsn": row.lsn.map { .number($0) } ?? .null,
    ]
  }

  private static func json(_ cell: DiffCell) -> JSON {
    json(cell.row).adding([
      "in_a": cell.a.map { .text($0) } ?? .null, "in_b": cell.b.map { .text($0) } ?? .null,
      "also": .list(cell.kinds.map { .text($0.rawValue) }),
      "cause": cell.cause.map { .text($0.rawValue) } ?? .null,
      "event": cell.event.map { event in
        [
          "lsn": .number(event.lsn.rawValue),
          "event_time": .text("\(WallTime(nanoseconds: event.eventTime))"),
          "created_at": .text("\(WallTime(nanoseconds: event.createdAt))"),
          "known_at": .text("\(WallTime(nanoseconds: event.knownAt))"),
          "known_at_assumed": .boolean(event.isKnownAtAssumed),
          "appended_at": .text("\(WallTime(nanoseconds: event.appendedAt))"),
          "operation": .text(event.isDelete ? "delete" : "upsert"),
        ]
      } ?? .null,
    ])
  }
}
