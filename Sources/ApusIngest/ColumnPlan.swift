// What each column of a file is for, decided once. A column that is for nothing is an error that names it, unless the caller
// wants such columns ignored; one that is needed and missing is an error that names what is there.

import ApusContracts

/// What one column is for; it may be for several things, as for the event time and a feature.
struct ColumnUse: Equatable {
  /// The part of the key.
  var part: Int?
  var isEventTime = false
  var isCreatedAt = false
  var isKnownAt = false
  /// The place among the inputs of a row.
  var input: Int?

  var isNone: Bool { part == nil && !isEventTime && !isCreatedAt && !isKnownAt && input == nil }
}

struct ColumnPlan {
  let target: LoadTarget
  let options: LoadOptions
  /// In the order of a row's inputs.
  let features: [LoadTarget.Feature]
  /// Of the parts of the key, in their order.
  let keyTypes: [FeatureType]
  /// By the name of a column.
  let uses: [String: ColumnUse]
  /// What the columns are called that hold the times.
  let eventTime: String?

  /// `columns` are those of a header, or the keys of a first object. Of a header all that is needed must be there.
  init(
    _ target: LoadTarget, _ options: LoadOptions, columns: [String], isHeader: Bool
  ) throws(LoadRefusal) {
    self.target = target
    self.options = options
    keyTypes = target.keys.map { .scalar($0.type.element) }
    var uses: [String: ColumnUse] = [:]
    let there = Set(columns)

    func need(_ column: String, for purpose: String) throws(LoadRefusal) {
      guard isHeader, !there.contains(column) else { return }
      throw .missingColumn(
        column, for: purpose, nearest: Suggestion.nearest(to: column, among: columns), columns: columns)
    }

    let names = target.keys.map(\.name)
    for name in options.keys.keys.sorted() where !names.contains(name) {
      throw .unknownKey(name, view: target.spelling, keys: names)
    }
    for (part, name) in names.enumerated() {
      let column = options.keys[name] ?? name
      try need(column, for: "the key `\(name)`")
      uses[column, default: ColumnUse()].part = part
    }

    eventTime = try Self.eventTime(target, options, columns, there)
    if let eventTime {
      try need(eventTime, for: "the event time")
      uses[eventTime, default: ColumnUse()].isEventTime = true
    }
    if let column = options.createdAt {
      try need(column, for: "created at")
      uses[column, default: ColumnUse()].isCreatedAt = true
    }
    if let column = options.knownAt {
      try need(column, for: "known at")
      uses[column, default: ColumnUse()].isKnownAt = true
    }
    features = try Self.features(target, options, there, isHeader: isHeader)
    for (input, feature) in features.enumerated() {
      try need(feature.name, for: "the feature `\(feature.name)`")
      uses[feature.name, default: ColumnUse()].input = input
    }
    self.uses = uses
    try judgeOthers(columns)
  }

  /// Columns that are for nothing.
  private func judgeOthers(_ columns: [String]) throws(LoadRefusal) {
    guard !options.ignoresUnknown else { return }
    let known = target.features.map(\.name)
    for column in columns where uses[column] == nil {
      if known.contains(column) {
        // Those that were left out by name are left out.
        if options.event == .upsert { continue }
        throw .featureInDelete(column)
      }
      let candidates = known + target.keys.map(\.name)
      throw .unknownColumn(
        column, nearest: Suggestion.nearest(to: column, among: candidates.filter { !columns.contains($0) }),
        view: target.spelling)
    }
  }

  private static func eventTime(
    _ target: LoadTarget, _ options: LoadOptions, _ columns: [String], _ there: Set<String>
  ) throws(LoadRefusal) -> String? {
    switch options.eventTime {
    case .none: return nil
    case .column(let name): return name
    case .usual:
      if there.contains(LoadOptions.usualEventTime) { return LoadOptions.usualEventTime }
      let keys = Set(target.keys.map { options.keys[$0.name] ?? $0.name })
      throw .noEventTime(
        candidates: columns.filter { column in
          guard let feature = target.features.first(where: { $0.name == column }) else {
            return !keys.contains(column)
          }
          return feature.type == .timestamp
        })
    }
  }

  /// Those that rows will speak of, in the order of the view.
  private static func features(
    _ target: LoadTarget, _ options: LoadOptions, _ there: Set<String>, isHeader: Bool
  ) throws(LoadRefusal) -> [LoadTarget.Feature] {
    guard options.event == .upsert else { return [] }
    if let wanted = options.features {
      for name in wanted where !target.features.contains(where: { $0.name == name }) {
        throw .unknownFeature(
          name, nearest: Suggestion.nearest(to: name, among: target.features.map(\.name)),
          view: target.spelling)
      }
      return target.features.filter { wanted.contains($0.name) }
    }
    return isHeader ? target.features.filter { there.contains($0.name) } : target.features
  }
}
