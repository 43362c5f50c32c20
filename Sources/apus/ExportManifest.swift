// The manifest of a training set: what it was made of, what it is, and how its cells came out. `apus export verify` makes it again from this page alone,
// so everything that a set depends on stands here.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusSystem

struct ExportManifest {
  let json: JSON

  static let version = 0

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    json.write(into: &bytes)
    bytes.append(0x0A)
    return bytes
  }

  init(_ options: Export.Options, _ done: Export.Done) {
    let report = done.report
    let export = options.export
    let asked: JSON = [
      "of": .text(done.wanted.option), "names": .text(done.wanted.text), "project": .text(done.project),
      "spine": options.spine.map { .text($0) } ?? .null,
      "spine_format": options.spineFormat.map { .text($0.rawValue) } ?? .null,
      "from": options.spine == nil ? .number(options.range.lowerBound) : .null,
      "to": options.spine == nil ? .number(options.range.upperBound) : .null,
      "time": options.choices.time.map { .text($0) } ?? .null,
      "time_unit": options.choices.timeUnitNanoseconds.map { .number($0) } ?? .null,
      "lsn": options.choices.lsn.map { .text($0) } ?? .null,
      "keys": .object(
        options.choices.keys.sorted { $0.key < $1.key }.map {
          JSON.Member(key: $0.key, value: .text($0.value))
        }
      ),
      "mode": .text(export.mode.rawValue), "strict_before": .boolean(export.isStrict),
      "delay_ns": .number(export.delayNanoseconds), "beyond_history": .text(export.beyondHistory.rawValue),
      "stale_ok": .boolean(export.staleOK), "prefix": .text(export.prefix),
      "columns": .list(
        ExportColumnKind.allCases.filter { export.columns.contains($0) }.map { .text($0.rawValue) }),
      "split": options.split.map { .text($0.spelling) } ?? .null,
      "checks": JSON(of: options.checks?.spelling),
    ]
    json = [
      "apus_training_set": .number(Self.version), "set": .text(options.out),
      "format": .text(options.format.rawValue), "identity": .text("\(report.identity)"),
      "content_digest": .text("\(report.contentDigest)"), "spine_digest": .text("\(report.spineDigest)"),
      "rows": .number(report.rows), "store": .text(done.store), "timeline": .text(done.timeline),
      "lsn": .number(done.lsn.rawValue), "semantics": .number(ExportFormat.semantics),
      "asked": asked, "time_column": .text(report.timeColumn),
      "lsn_column": report.lsnColumn.map { .text($0) } ?? .null,
      "identity_of": .text(report.identityText), "rows_without_key": .number(report.withoutKey),
      "rows_without_time": .number(report.withoutTime), "times_taken_for_utc": .number(report.assumedUTC),
      "lost_lsns": .list(done.losses.map { .text("\($0.first)..\($0.last)") }),
      "features": .list(report.features.map(Self.feature)),
      "fields": .list(
        report.fields.map { ["name": .text($0.name), "type": .text("\($0.type)")] }),
      "quality": JSON(of: report.quality?.spelling),
    ]
  }

  private static func feature(_ feature: ExportReport.Feature) -> JSON {
    let counts = feature.counts
    let statuses = ["invalid", "present", "null_value", "not_found", "outside_max_age"]
    let reasons: [BlankReason] = [.neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory]
    let share = counts.filled == 0 ? 0 : Double(counts.assumed) / Double(counts.filled)
    return [
      "name": .text(feature.name), "view": .text(feature.view), "feature": .text(feature.feature),
      "statuses": .object(
        statuses.enumerated().map { JSON.Member(key: $1, value: .number(counts.statuses[$0])) }),
      "reasons": .object(
        reasons.map { JSON.Member(key: $0.spelling, value: .number(counts.reasons[Int($0.rawValue)])) }),
      "defaults": .number(counts.defaults), "leak_delta": .number(counts.leaks),
      "assumed_known_at": .number(counts.assumed), "assumed_share": .real(share),
    ]
  }
}

extension Get.Wanted {
  /// The option that says it, without its dashes.
  var option: String {
    switch self {
    case .service: "service"
    case .features: "features"
    case .view: "view"
    case .receipt: "receipt"
    }
  }

  var text: String {
    switch self {
    case .service(let name), .view(let name): "\(name)"
    case .features(let names): names.joined(separator: ",")
    case .receipt: spelled
    }
  }
}

extension Export.Done {
  func words(_ file: SetFile) -> [String] {
    var lines = [
      "\(Numbers.count(report.rows, "row")) of \(wanted.spelled) at LSN \(lsn), "
        + "\(Numbers.count(file.byteCount, "byte")) in \(file.path)"
    ]
    for feature in report.features {
      let counts = feature.counts
      var words = ["\(Numbers.grouped(counts.statuses[1])) present"]
      if counts.statuses[2] > 0 { words.append("\(Numbers.grouped(counts.statuses[2])) null") }
      for reason in [BlankReason.neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory] {
        let count = counts.reasons[Int(reason.rawValue)]
        if count > 0 { words.append("\(Numbers.grouped(count)) \(reason.inWords)") }
      }
      if counts.statuses[4] > 0 { words.append("\(Numbers.grouped(counts.statuses[4])) out of age") }
      if counts.leaks > 0 { words.append("leak delta \(Numbers.grouped(counts.leaks))") }
      if counts.assumed > 0 { words.append("\(Numbers.grouped(counts.assumed)) by an assumed known-at") }
      lines.append("  \(feature.name)   \(words.joined(separator: ", "))")
    }
    if report.assumedUTC > 0 {
      lines.append("taken for UTC: \(Numbers.count(report.assumedUTC, "time")) without a zone")
    }
    if report.withoutKey + report.withoutTime > 0 {
      lines.append(
        "\(Numbers.count(report.withoutKey, "row")) without a key, \(Numbers.grouped(report.withoutTime)) without a time: "
          + "nothing was found of them")
    }
    if let lsnColumn = report.lsnColumn {
      lines.append("rows repeat what was served at their `\(lsnColumn)`")
    }
    for range in losses {
      lines.append(
        "\(range) \(range.verb) lost: what \(range.count == 1 ? "it" : "they") said is not in the set")
    }
    lines.append("identity \(report.identity), manifest \(file.manifestPath)")
    return lines
  }
}
