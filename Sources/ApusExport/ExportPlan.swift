// What is asked for, worked out once: which views in which roles, under which definitions, and what the columns of the set are called. No two
// columns of a set have one name.

import ApusBytes
import ApusColumnar
package import ApusContracts
import ApusHistory
import ApusStore

/// The features of one view version in one role.
struct ExportGroup: Sendable {
  struct Feature: Sendable {
    var name: String
    var columnType: ColumnType
    /// In the view.
    var index: Int
    /// One row: what stands in a blank cell.
    var filling: Column?
    /// Where among the vector's columns.
    var column: Int
  }

  var role: Int
  var view: ViewVersionID
  var spelling: String
  var features: [Feature]
  /// By the LSN they begin at; the last is that of the snapshot.
  var epochs: [GroupEpoch]
  var rules: SweepRules
  /// Of what the spool keeps: for each feature its value, then what was asked for beside it; then the trail.
  var schema: ColumnSchema
  /// Nil in a set that is not checked.
  var trail: Trail?

  /// Where the spool has what only the checks see.
  struct Trail: Sendable {
    /// The greatest moment, or LSN, that a row's cells came from.
    var moments: Int
    /// For each feature its statuses; nil where a cell that is no null is present.
    var statuses: [Int?]
  }
}

struct ExportPlan: Sendable {
  let groups: [ExportGroup]
  /// The set's columns behind those of the spine, each with its group and its place in the group's columns.
  let outputs: [(field: ColumnField, group: Int, place: Int)]
  let isChecked: Bool

  init(
    _ vector: PreparedVector, _ snapshot: Snapshot, _ options: ExportOptions, mode: Sight.Line,
    isChecked: Bool
  ) throws(ExportError) {
    var groups: [ExportGroup] = []
    var outputs: [[(ColumnField, Int, Int)]] = Array(
      repeating: [], count: vector.columns.count * (1 + ExportColumnKind.allCases.count))
    let kinds = ExportColumnKind.allCases.filter { options.columns.contains($0) }
    for (place, group) in vector.groups.enumerated() {
      var features: [ExportGroup.Feature] = []
      var fields: [ColumnField] = []
      for feature in group.features {
        let column = vector.columns[feature.column]
        let type = RunSchema.columnType(of: column.type)
        let name = options.prefix + column.name
        features.append(
          ExportGroup.Feature(
            name: name, columnType: type, index: Int(column.feature),
            filling: try column.filling.map { value throws(ExportError) in
              try Self.column(of: value, type, name)
            }, column: feature.column))
        let value = ColumnField(name, type)
        outputs[feature.column].append((value, place, fields.count))
        fields.append(value)
        for (kind, one) in kinds.enumerated() {
          let field = ColumnField("\(name)__\(one.suffix)", one.type, isNullable: one.isNullable)
          outputs[(kind + 1) * vector.columns.count + feature.column].append((field, place, fields.count))
          fields.append(field)
        }
      }
      let trail = isChecked ? Self.trail(features, kinds, options, mode, &fields) : nil
      let epochs = try Self.epochs(group, features, snapshot, repeats: mode == .all)
      groups.append(
        ExportGroup(
          role: group.role, view: group.view, spelling: vector.columns[features[0].column].view,
          features: features, epochs: epochs,
          rules: Self.rules(group.view, snapshot, options, mode, epochs), schema: ColumnSchema(fields),
          trail: trail))
    }
    self.groups = groups
    self.isChecked = isChecked
    self.outputs = outputs.flatMap { $0 }.map { (field: $0.0, group: $0.1, place: $0.2) }
  }

  /// Adds the fields of what only the checks see.
  private static func trail(
    _ features: [ExportGroup.Feature], _ kinds: [ExportColumnKind], _ options: ExportOptions,
    _ mode: Sight.Line, _ fields: inout [ColumnField]
  ) -> ExportGroup.Trail {
    var trail = ExportGroup.Trail(moments: fields.count, statuses: [])
    fields.append(ColumnField("the trail", Trail.type(mode)))
    for (place, feature) in features.enumerated() {
      if let asked = kinds.firstIndex(of: .statuses) {
        trail.statuses.append(place * (1 + kinds.count) + 1 + asked)
      } else if feature.filling != nil || options.staleOK {
        trail.statuses.append(fields.count)
        fields.append(ColumnField("\(feature.name) status", ExportColumnKind.statuses.type))
      } else {
        trail.statuses.append(nil)
      }
    }
    return trail
  }

  private static func rules(
    _ view: ViewVersionID, _ snapshot: Snapshot, _ options: ExportOptions, _ mode: Sight.Line,
    _ epochs: [GroupEpoch]
  ) -> SweepRules {
    var rules = SweepRules(mode: mode, through: snapshot.lsn)
    if let horizon = snapshot.horizon(of: view) {
      if mode == .all {
        rules.horizon = Int64(clamping: horizon.through.rawValue)
      } else if snapshot.lsn < horizon.through {
        // Events that a later one won over may be gone.
        rules.horizon = .max
        rules.isGone = true
      } else {
        rules.horizon = horizon.moment.nanoseconds
      }
    }
    rules.ttlNanoseconds = epochs.last?.ttlNanoseconds
    rules.staleOK = options.staleOK
    return rules
  }

  /// What the definitions said: as of the snapshot, and for labels that repeat LSNs as of each of them.
  private static func epochs(
    _ group: PreparedVector.Group, _ features: [ExportGroup.Feature], _ snapshot: Snapshot, repeats: Bool
  ) throws(ExportError) -> [GroupEpoch] {
    var lsns: [LSN] = [snapshot.lsn]
    if repeats { lsns = [.none] + snapshot.definitionLSNs }
    var epochs: [GroupEpoch] = []
    for lsn in lsns where epochs.last?.since != lsn {
      let catalog: Catalog
      if lsn == snapshot.lsn {
        catalog = snapshot.catalog
      } else {
        do throws(StoreError) { catalog = try snapshot.catalog(asOf: lsn) } catch { throw .store(error) }
      }
      let view = catalog[group.view]
      epochs.append(
        GroupEpoch(
          since: lsn, isThere: view != nil, ttlNanoseconds: view?.ttlNanoseconds,
          removed: features.map { view?.isRemoved(FeatureIndex(truncatingIfNeeded: $0.index)) ?? false }))
    }
    return epochs
  }

  /// That the set's columns have names of their own.
  func checkNames(_ spine: ColumnSchema, split: Bool) throws(ExportError) {
    var names: [String: String] = [:]
    for field in spine.fields {
      guard names.updateValue("a column of the spine", forKey: field.name) == nil else {
        throw .columnTwice(field.name)
      }
    }
    if split, let other = names.updateValue("the split", forKey: ExportSplit.field.name) {
      throw .nameTaken(ExportSplit.field.name, by: "\(other) and the split")
    }
    for output in outputs {
      if let other = names.updateValue("a feature", forKey: output.field.name) {
        throw .nameTaken(output.field.name, by: "\(other) and a feature")
      }
    }
  }

  private static func column(
    of value: Value, _ type: ColumnType, _ name: String
  ) throws(ExportError) -> Column {
    var builder = ColumnBuilder(type, named: name)
    do throws(ColumnarError) {
      try builder.append(value)
      return try builder.finish()
    } catch {
      throw .columns(error)
    }
  }
}

extension ExportColumnKind {
  static let momentType = ColumnType(.timestamp(.nanoseconds, isUTC: true))

  var type: ColumnType {
    switch self {
    case .statuses: ColumnType(.int8)
    case .reasons: ColumnType(.string)
    case .eventTimes: Self.momentType
    case .lsns: ColumnType(.int64)
    }
  }

  var isNullable: Bool { self != .statuses }
}

extension BlankReason {
  /// As the set spells it.
  package var spelling: String {
    switch self {
    case .neverSeen: "never_seen"
    case .notYetKnown: "not_yet_known"
    case .deleted: "deleted"
    case .erased: "erased"
    case .beyondHistory: "beyond_history"
    }
  }
}

extension ColumnBuilder {
  /// A value as a row.
  mutating func append(_ value: Value) throws(ColumnarError) {
    switch value {
    case .bool(let bit): append(bit)
    case .int32(let number): append(number)
    case .int64(let number), .timestamp(let number): append(number)
    case .float32(let number): append(number)
    case .float64(let number): append(number)
    case .string(let text): try append(text)
    case .bytes(let content): try append(unsafe content.span.bytes)
    case .list(let elements), .vector(let elements):
      switch elements {
      case .bool(let all): for one in all { append(one) }
      case .int32(let all): for one in all { append(one) }
      case .int64(let all), .timestamp(let all): for one in all { append(one) }
      case .float32(let all): for one in all { append(one) }
      case .float64(let all): for one in all { append(one) }
      case .string(let all): for one in all { try append(one) }
      case .bytes(let all): for one in all { try append(unsafe one.span.bytes) }
      }
      endRow()
    }
  }
}
