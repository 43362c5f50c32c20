// The manifest of a training set: what it was made of, what it is, and how its cells came out. A set is made again from this page alone, so
// everything that it depends on stands here. Whoever makes the set writes it, a folder or a server, and to the same bytes.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusStore

/// What was asked besides options, as the manifest says it.
package struct SetAsked: Equatable, Sendable {
  /// `service`, `features` or `view`.
  package var of: String
  /// With its version, or names with commas.
  package var names: String
  package var project: String
  /// Nil: the view's own events.
  package var spine: String?
  package var spineFormat: String?
  package var range: ClosedRange<Int64> = .min ... .max
  package var set: String
  package var format: String

  package init(of: String, names: String, project: String, set: String, format: String) {
    (self.of, self.names, self.project) = (of, names, project)
    (self.set, self.format) = (set, format)
  }
}

package enum SetManifest {
  package static let version = 1
}

extension Export {
  /// The manifest of what `run` has made, with the newline at its end.
  package func manifest(_ asked: SetAsked, _ report: ExportReport) -> String {
    let value: ManifestValue = [
      "apus_training_set": .number(SetManifest.version), "set": .text(asked.set),
      "format": .text(asked.format), "identity": .text("\(report.identity)"),
      "content_digest": .text("\(report.contentDigest)"), "spine_digest": .text("\(report.spineDigest)"),
      "rows": .number(report.rows), "store": .text(Self.hex(snapshot.storeID)),
      "timeline": .text(Self.hex(snapshot.timeline)),
      "lsn": .number(snapshot.lsn.rawValue), "semantics": .number(ExportFormat.semantics),
      "asked": said(asked), "time_column": .text(report.timeColumn),
      "lsn_column": .text(orNull: report.lsnColumn),
      "identity_of": .text(report.identityText), "rows_without_key": .number(report.withoutKey),
      "rows_without_time": .number(report.withoutTime), "times_taken_for_utc": .number(report.assumedUTC),
      "lost_lsns": .list(snapshot.losses.map { .text("\($0.first)..\($0.last)") }),
      "features": .list(report.features.map(Self.said)),
      "fields": .list(
        report.fields.map { ["name": .text($0.name), "type": .text("\($0.type)")] }),
      "quality": .json(report.quality?.spelling),
    ]
    var bytes: [UInt8] = []
    value.write(into: &bytes)
    bytes.append(UInt8(ascii: "\n"))
    return String(decoding: bytes, as: UTF8.self)
  }

  private func said(_ asked: SetAsked) -> ManifestValue {
    let hasSpine = asked.spine != nil
    return [
      "of": .text(asked.of), "names": .text(asked.names), "project": .text(asked.project),
      "spine": .text(orNull: asked.spine), "spine_format": .text(orNull: asked.spineFormat),
      "from": hasSpine ? .null : .number(asked.range.lowerBound),
      "to": hasSpine ? .null : .number(asked.range.upperBound),
      "time": .text(orNull: choices.time),
      "time_unit": choices.timeUnitNanoseconds.map { .number($0) } ?? .null,
      "timezone": .text(orNull: choices.zone?.name), "lsn": .text(orNull: choices.lsn),
      "keys": .object(
        choices.keys.sorted { $0.key < $1.key }.map { ManifestValue.Member($0.key, .text($0.value)) }),
      "mode": .text(options.mode.rawValue), "strict_before": .boolean(options.isStrict),
      "delay_ns": .number(options.delayNanoseconds), "beyond_history": .text(options.beyondHistory.rawValue),
      "stale_ok": .boolean(options.staleOK), "prefix": .text(options.prefix),
      "columns": .list(
        ExportColumnKind.allCases.filter { options.columns.contains($0) }.map { .text($0.rawValue) }),
      "split": .text(orNull: split?.spelling), "checks": .json(checks?.spelling),
    ]
  }

  private static func said(_ feature: ExportReport.Feature) -> ManifestValue {
    let counts = feature.counts
    let statuses = ["invalid", "present", "null_value", "not_found", "outside_max_age"]
    let reasons: [BlankReason] = [.neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory]
    let share = counts.filled == 0 ? 0 : Double(counts.assumed) / Double(counts.filled)
    return [
      "name": .text(feature.name), "view": .text(feature.view), "feature": .text(feature.feature),
      "statuses": .object(
        statuses.enumerated().map { ManifestValue.Member($1, .number(counts.statuses[$0])) }),
      "reasons": .object(
        reasons.map { ManifestValue.Member($0.spelling, .number(counts.reasons[Int($0.rawValue)])) }),
      "defaults": .number(counts.defaults), "leak_delta": .number(counts.leaks),
      "assumed_known_at": .number(counts.assumed), "assumed_share": .real(share),
    ]
  }
}
