// The oracle of quality checks: every figure from the cells of a set that was written, by plain searches. Nothing here is shared with the checks but the words
// by which they are asked for.

import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore

struct ToldQuality {
  let set: HeldSet
  let labels: [[Value?]]
  let vector: PreparedVector
  let question: ToldQuestion
  let told: ToldHistory
  let types: [String: FeatureType]

  private var names: [String] { vector.columns.map(\.name) }

  /// What such a set is checked for.
  static func checks(_ names: [String]) throws -> SetChecks {
    var segments = [
      "everyone: all", "elevens: {column: l1, in: [11]}", "labels: {column: label, in: [\"label\", other]}",
      "late: {column: event_timestamp, min: \"1970-01-01T00:00:00Z\", coverage: none}",
    ]
    if let half = names.first(where: { $0.hasSuffix("f1") }) {
      segments.append("halves: {column: \(half), min: 0.5, max: 1, features: [\(names.last ?? half)]}")
    }
    if let bit = names.first(where: { $0.hasSuffix("f5") }) {
      segments.append("true ones: {column: \(bit), in: [true], features: [\(bit)], coverage: 1}")
    }
    let text = "null_share: 0.2\nzero_share: 0.3\nconstant: refuse\nsegments:\n"
    return try SetChecks(
      reading: Array((text + segments.map { "  \($0)\n" }.joined()).utf8), named: "the story")
  }

  private func status(_ name: String, _ row: Int) throws -> Int {
    Int(try set.cell("\(name)__status", row) { $0.load($1, as: Int8.self) })
  }

  private func type(_ name: String) -> FeatureType { types[String(name.suffix(2))] ?? .scalar(.bool) }

  func check(_ quality: SetQuality?) throws {
    guard let quality else { throw ExportFailure("there is no quality") }
    guard quality.profiles.map(\.name) == names else { throw ExportFailure("profiles of other features") }
    for (place, name) in names.enumerated() { try check(quality.profiles[place], name, quality) }
    for finding in quality.findings where finding.check == "temporal_order" {
      guard finding.verdict == .passed, finding.figure == 0 else { throw ExportFailure("\(finding)") }
    }
    guard quality.findings.count(where: { $0.check == "temporal_order" }) == vector.groups.count else {
      throw ExportFailure("not each view has its order checked")
    }
    let duplicates = duplicates()
    do {
      try expect(
        quality, "duplicates", "", labels.isEmpty ? 0 : share(duplicates, labels.count), atMost: 0.02)
    } catch { throw ExportFailure("\(error), of \(vector.roles.map(\.name)): \(labels)") }
    try checkSegments(quality)
  }

  private func share(_ part: Int, _ whole: Int) -> Double { Double(part) / Double(whole) }

  private func expect(
    _ quality: SetQuality, _ check: String, _ of: String, _ figure: Double?, atMost limit: Double?,
    isLeast: Bool = false
  ) throws {
    let found = quality.findings.filter { $0.check == check && $0.of == of }
    guard found.count == 1, let one = found.first else {
      throw ExportFailure("\(found.count) \(check) of \(of)")
    }
    let isNear = figure.map { abs($0 - (one.figure ?? -1)) < 0.000_001 } ?? (one.figure == nil)
    let verdict: SetQuality.Verdict
    if let limit, let figure {
      verdict = (isLeast ? figure < limit - 1e-7 : figure > limit + 1e-7) ? .failed : .passed
    } else {
      verdict = limit == nil ? .told : .notJudged
    }
    guard isNear, one.verdict == verdict, one.threshold == limit else {
      throw ExportFailure("\(one), expected \(figure.map { "\($0)" } ?? "none") and \(verdict)")
    }
  }

  // MARK: Features

  private func check(_ profile: FeatureProfile, _ name: String, _ quality: SetQuality) throws {
    var present: [Value] = []
    var nulls = 0
    var unknown = 0
    for row in labels.indices {
      let status = try status(name, row)
      if status == 1, let value = try set.value(name, row, type(name)) { present.append(value) }
      if status == 2 { nulls += 1 }
      if status == 1 || status == 2 || status == 4 && question.staleOK, try isUnknown(name, row) {
        unknown += 1
      }
    }
    let zeros = present.count { Self.isZero($0) }
    guard profile.rows == labels.count, profile.present == present.count, profile.nulls == nulls,
      profile.blanks == labels.count - present.count - nulls, profile.zeros == zeros, profile.nan == 0
    else {
      throw ExportFailure("\(profile), expected \(present.count) present, \(nulls) null, \(zeros) zero")
    }
    let isConstant = present.count > 1 && present.allSatisfy { $0 == present[0] }
    guard profile.isConstant == isConstant else { throw ExportFailure("constant: \(profile), \(present)") }
    guard profile.notKnownThen == (question.mode == .happened ? unknown : nil) else {
      throw ExportFailure("not known then: \(profile), expected \(unknown)")
    }
    guard profile.values == Self.values(present, profile.kind) else {
      throw ExportFailure("\(profile), of \(present)")
    }
    let wholes = present.compactMap(Self.whole)
    if let least = wholes.min(), let greatest = wholes.max() {
      guard profile.least == "\(least)", profile.greatest == "\(greatest)" else {
        throw ExportFailure("\(profile): \(least) to \(greatest)")
      }
    }
    let rows = labels.count
    try expect(quality, "null_share", name, rows == 0 ? nil : share(nulls, rows), atMost: 0.2)
    try expect(
      quality, "zero_share", name, present.isEmpty ? nil : share(zeros, present.count), atMost: 0.3)
    try expect(quality, "constant", name, isConstant ? 1 : 0, atMost: 0)
  }

  private func isUnknown(_ name: String, _ row: Int) throws -> Bool {
    guard case .int64(let lsn)? = try set.value("\(name)__lsn", row, .scalar(.int64)),
      case .timestamp(let time)? = labels[row][3],
      let event = told.events.first(where: { $0.lsn == UInt64(lsn) })
    else { return false }
    return question.isStrict ? event.knownAt + question.delay >= time : event.knownAt + question.delay > time
  }

  private static func isZero(_ value: Value) -> Bool {
    switch value {
    case .bool(let bit): !bit
    case .int32(let number): number == 0
    case .int64(let number), .timestamp(let number): number == 0
    case .float32(let number): number == 0
    case .float64(let number): number == 0
    case .string(let text): text.isEmpty
    case .bytes(let content): content.isEmpty
    case .list(let elements): elements == .int64([])
    case .vector(let elements): elements == .float32([0, 0])
    }
  }

  private static func whole(_ value: Value) -> Int64? {
    switch value {
    case .bool(let bit): bit ? 1 : 0
    case .int32(let number): Int64(number)
    case .int64(let number), .timestamp(let number): number
    case .list(.int64(let all)): Int64(all.count)
    default: nil
    }
  }

  /// There are never so many that bits would go.
  private static func values(_ present: [Value], _ kind: FeatureProfile.Kind) -> FeatureProfile.Values {
    switch kind {
    case .vector: return .none
    case .number, .length:
      var counts: [UInt64: Int] = [:]
      for value in present {
        var number = whole(value).map { Double($0) } ?? 0
        if case .float64(let float) = value { number = float }
        counts[NumberImage.of(number), default: 0] += 1
      }
      return .numbers(
        Histogram(shift: 0, buckets: counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    case .category, .bytes:
      var counts: [[UInt8]: Int] = [:]
      for value in present {
        if case .string(let text) = value { counts[Array(text.utf8), default: 0] += 1 }
        if case .bytes(let content) = value { counts[content, default: 0] += 1 }
      }
      let categories = counts.map { Category(bytes: $0.key, count: $0.value) }
        .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
      let texts = CategoryCounts.texts(categories)
      return .categories(kind == .bytes ? .bins(texts.hashed) : texts)
    }
  }

  // MARK: Rows

  /// Bytes one by one: a value is described by their number.
  private static func spelling(_ value: Value) -> String {
    if case .bytes(let content) = value { "\(content)" } else { "\(value)" }
  }

  private func duplicates() -> Int {
    let places = ["card_id": 0, "l1": 1, "r1": 2]
    var seen: Set<String> = []
    var found = 0
    for label in labels {
      let keys = vector.roles.flatMap { $0.keys.map { places[$0.requested].flatMap { label[$0] } } }
      guard let time = label[3], !keys.contains(where: { $0 == nil }) else { continue }
      let spelled = keys.map { $0.map(Self.spelling) ?? "" }
      let moment = question.mode == .lsn ? label[5] : time
      if !seen.insert("\(spelled) \(moment.map { "\($0)" } ?? "")").inserted { found += 1 }
    }
    return found
  }

  private func checkSegments(_ quality: SetQuality) throws {
    let half = names.first { $0.hasSuffix("f1") }
    let bit = names.first { $0.hasSuffix("f5") }
    var rows: [String: [Int]] = ["everyone": Array(labels.indices), "labels": Array(labels.indices)]
    rows["elevens"] = labels.indices.filter { labels[$0][1] == .int64(11) }
    rows["late"] = labels.indices.filter { labels[$0][3] != nil }
    if let half {
      rows["halves"] = try labels.indices.filter {
        try set.value(half, $0, .scalar(.float64)) == .float64(0.5)
      }
    }
    if let bit {
      rows["true ones"] = try labels.indices.filter { try set.value(bit, $0, .scalar(.bool)) == .bool(true) }
    }
    for (name, own) in rows {
      let wanted = name == "halves" ? names.suffix(1) : name == "true ones" ? [bit ?? ""] : names[...]
      let covered = try own.count { row in try wanted.allSatisfy { try status($0, row) == 1 } }
      try expect(
        quality, "coverage", name, own.isEmpty ? nil : share(covered, own.count),
        atMost: name == "late" ? nil : name == "true ones" ? 1 : 0.85, isLeast: true)
    }
  }
}
