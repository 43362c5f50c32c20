// The checks of a set while it is written: each stretch of rows is looked at once, as it goes out. What is held is bounded by the number of features and
// segments, and no count depends on how the rows came.

import ApusBytes
import ApusColumnar
import ApusContracts

/// Used by one thread.
struct SetInspection {
  private let checks: SetChecks
  private let plan: ExportPlan
  private let layout: SpineLayout
  private let options: ExportOptions
  /// Without the prefix.
  private let names: [String]
  private var features: [Feature] = []
  private var segments: [SegmentRows] = []
  private var order: [TemporalOrder]
  private var rowCount = 0

  private struct Feature {
    let group: Int
    let values: Int
    let statuses: Int?
    var profiler: FeatureProfiler
  }

  init(
    _ checks: SetChecks, _ layout: SpineLayout, _ plan: ExportPlan, _ options: ExportOptions,
    _ names: [String], _ fields: [ColumnField]
  ) throws(ExportError) {
    self.checks = checks
    self.plan = plan
    self.layout = layout
    self.options = options
    self.names = names
    order = plan.groups.map { _ in TemporalOrder() }
    for place in names.indices {
      let output = plan.outputs[place]
      let group = plan.groups[output.group]
      let own = group.features.firstIndex { $0.column == place }
      features.append(
        Feature(
          group: output.group, values: output.place, statuses: own.flatMap { group.trail?.statuses[$0] },
          profiler: FeatureProfiler(output.field.type)))
    }
    for name in checks.ofFeatures.keys.sorted() { _ = try Self.feature(name, names, in: "features") }
    for segment in checks.segments { segments.append(try SegmentRows(segment, fields, names)) }
  }

  static func feature(_ name: String, _ names: [String], in place: String) throws(ExportError) -> Int {
    if let index = names.firstIndex(of: name) { return index }
    let near = Suggestion.nearest(to: name, among: names)
    throw .checksRefused(
      "\(place) of the checks: the set has no feature \(Quoted(name))",
      next: near.map { "did you mean \(Quoted($0))?" } ?? "it has \(names.joined(separator: ", "))")
  }

  // MARK: Rows

  /// Takes the next rows: the set's columns, and, at `rows`, those of the groups that they were made of.
  mutating func take(_ joined: [Column], _ rows: Range<Int>, of groups: [[Column]]) {
    let limits = limits(joined, rows.count)
    for place in plan.groups.indices {
      guard let trail = plan.groups[place].trail else { continue }
      let columns = groups[place]
      order[place].take(limits, columns[trail.moments], from: rows.lowerBound)
    }
    for place in features.indices {
      let columns = groups[features[place].group]
      features[place].profiler.take(
        columns[features[place].values], rows, features[place].statuses.map { columns[$0] })
    }
    if !segments.isEmpty {
      let cells = features.map { feature in
        let columns = groups[feature.group]
        return (columns[feature.values], feature.statuses.map { columns[$0] })
      }
      for place in segments.indices {
        segments[place].take(joined, rows.count) { feature, row in
          FeatureProfiler.isPresent(cells[feature].0, rows.lowerBound + row, cells[feature].1)
        }
      }
    }
    rowCount += rows.count
  }

  /// The last that each row may have seen.
  private func limits(_ joined: [Column], _ count: Int) -> [Int64] {
    if let lsn = layout.lsn { return (0..<count).map { SpineCell.whole(joined[lsn], $0) ?? .min } }
    let own = joined[layout.time]
    return (0..<count).map { row in
      let time = SpineCell.labelMoment(own, row, unit: layout.timeUnit, zone: layout.zone)
      return TemporalOrder.latest(
        time ?? .min, delayNanoseconds: options.delayNanoseconds, isStrict: options.isStrict)
    }
  }

  // MARK: What was found

  func quality(
    _ counts: [CellCounts], duplicates: Int, _ reference: SetReference?
  ) -> SetQuality {
    var profiles: [FeatureProfile] = []
    for (place, name) in names.enumerated() {
      var profile = features[place].profiler.profile(name, counts[place], rows: rowCount)
      if options.mode == .happened, layout.lsn == nil { profile.notKnownThen = counts[place].notKnownThen }
      profiles.append(profile)
    }
    var findings = orderFindings()
    let share = rowCount == 0 ? 0 : Double(duplicates) / Double(rowCount)
    findings.append(
      SetQuality.Finding(
        "duplicates", share, atMost: checks.duplicates,
        "\(duplicates) of \(rowCount) rows have the keys and the \(layout.lsn == nil ? "time" : "LSN") of an earlier row"
      ))
    findings += segments.map(coverage)
    for profile in profiles { findings += FeatureFindings(checks, reference).all(profile) }
    return SetQuality(reference: reference?.name, findings: findings, profiles: profiles)
  }

  private func orderFindings() -> [SetQuality.Finding] {
    plan.groups.indices.map { place in
      let group = plan.groups[place]
      let role = layout.roles[group.role].name
      let found = order[place]
      return SetQuality.Finding(
        "temporal_order", of: role.isEmpty ? group.spelling : "\(group.spelling) as \(role)",
        Double(found.count), atMost: 0,
        found.count == 0
          ? "no row has a cell that its label could not see"
          : "\(found.count) rows have a cell that their label could not see, first row \(found.first ?? 0): report this, and train on nothing of it"
      )
    }
  }

  private func coverage(_ segment: SegmentRows) -> SetQuality.Finding {
    let limit = segment.segment.coverage ?? checks.coverage
    guard segment.rows > 0 else {
      return SetQuality.Finding(
        "coverage", of: segment.segment.name, nil, atLeast: limit, "the set has no row of this segment")
    }
    var words = "\(segment.covered) of \(segment.rows) rows have "
    words += segment.segment.features.isEmpty ? "all features" : "all features of the segment"
    if let worst = segment.lacking.indices.max(by: { segment.lacking[$0] < segment.lacking[$1] }),
      segment.lacking[worst] > 0
    {
      words += "; \(names[segment.features[worst]]) is lacking most often, in \(segment.lacking[worst])"
    }
    return SetQuality.Finding(
      "coverage", of: segment.segment.name, Double(segment.covered) / Double(segment.rows), atLeast: limit,
      words)
  }
}

/// The findings about one feature.
struct FeatureFindings {
  private let checks: SetChecks
  private let reference: SetReference?

  init(_ checks: SetChecks, _ reference: SetReference?) {
    self.checks = checks
    self.reference = reference
  }

  func all(_ profile: FeatureProfile) -> [SetQuality.Finding] {
    func finding(
      _ check: FeatureCheck, _ figure: Double?, _ words: String, resolution: Double? = nil
    ) -> SetQuality.Finding {
      SetQuality.Finding(
        check.rawValue, of: profile.name, figure, atMost: checks.limit(check, of: profile.name), words,
        resolution: resolution)
    }
    let present = Double(profile.present)
    var findings = [
      finding(
        .nullShare, profile.rows == 0 ? nil : Double(profile.nulls) / Double(profile.rows),
        profile.rows == 0 ? "the set has no rows" : "\(profile.nulls) of \(profile.rows) cells are null"),
      finding(
        .zeroShare, profile.present == 0 ? nil : Double(profile.zeros) / present,
        profile.present == 0
          ? "no cell is present" : "\(profile.zeros) of \(profile.present) present cells are zero"),
      finding(
        .constant, profile.isConstant ? 1 : 0,
        profile.isConstant
          ? "all \(profile.present) present cells have one value: the feature tells nothing"
          : profile.present < 2 ? "fewer than two cells are present" : "the present cells differ"),
    ]
    guard let reference else { return findings }
    guard let other = reference.profiles.first(where: { $0.name == profile.name }) else {
      let words = "\(reference.name) has no such feature"
      return findings + [finding(.psi, nil, words)]
    }
    guard other.kind == profile.kind else {
      return findings + [finding(.psi, nil, "it was a \(other.kind.rawValue) in \(reference.name)")]
    }
    guard profile.kind != .vector else { return findings }
    let drift = Drift(profile, against: other)
    findings.append(
      finding(
        .psi, drift.psi?.index, drift.psi.map { words($0, profile, other) } ?? "one of the two has no rows"))
    if profile.kind == .number || profile.kind == .length {
      findings.append(
        finding(
          .ks, drift.ks?.greatest,
          drift.ks == nil
            ? "one of the two has no present cells" : "\(profile.present) cells against \(other.present)",
          resolution: drift.ks?.resolution))
    }
    if profile.kind == .category {
      findings.append(
        finding(
          .unseen, drift.unseen.flatMap { profile.present == 0 ? nil : Double($0) / present },
          drift.unseen.map {
            "\($0) of \(profile.present) present cells have a category that \(reference.name) lacks"
          }
            ?? "there are too many categories to keep them"))
    }
    return findings
  }

  private func words(
    _ psi: Drift.Stability, _ own: FeatureProfile, _ other: FeatureProfile
  ) -> String {
    var words = "\(own.rows) rows against \(other.rows) in \(psi.binCount) bins"
    if psi.index > 0, psi.ofBlanks * 2 > psi.index {
      words +=
        ", mostly by cells without a value: \(own.rows - own.present) against \(other.rows - other.present)"
    }
    let chance =
      Double(max(0, psi.binCount - 1)) * (1 / Double(max(1, own.rows)) + 1 / Double(max(1, other.rows)))
    guard let limit = checks.limit(.psi, of: own.name), psi.index > limit, chance * 2 >= limit else {
      return words
    }
    let rounded = (chance * 1_000).rounded() / 1_000
    return "\(words); by chance alone so few would differ by about \(rounded)"
  }
}
