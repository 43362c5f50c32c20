// Which columns of a file of columns are read, and whether their types can be what they are wanted for: known before any row, so
// that a file of the wrong types is refused as a whole, by the column's name, and not row by row.

import ApusColumnar
import ApusContracts

struct WantedColumn {
  let name: String
  let use: ColumnUse
  /// How its elements become values of the feature, and of the part of the key.
  let featureWay: CellWay
  let keyWay: CellWay
}

struct Chosen {
  let plan: ColumnPlan
  private(set) var wanted: [WantedColumn] = []

  init(
    _ fields: [ColumnField], _ refused: [ColumnRefusal], _ target: LoadTarget, _ options: LoadOptions
  ) throws(ReadError) {
    do throws(LoadRefusal) { try self.init(choosing: fields, refused, target, options) } catch {
      throw .refused(error)
    }
  }

  private init(
    choosing fields: [ColumnField], _ refused: [ColumnRefusal], _ target: LoadTarget, _ options: LoadOptions
  ) throws(LoadRefusal) {
    let names = fields.map(\.name) + refused.map(\.column)
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted { throw .columnTwice(name) }
    plan = try ColumnPlan(target, options, columns: names, isHeader: true)
    for column in refused where plan.uses[column.column] != nil {
      throw .unreadableColumn(column.column, why: column.reason, advice: column.advice)
    }
    for field in fields {
      guard let use = plan.uses[field.name] else { continue }
      var ways: (feature: CellWay, key: CellWay) = (.nothing, .nothing)
      if let input = use.input {
        let purpose = "the feature `\(field.name)`"
        ways.feature = try Self.way(field, plan.features[input].type, options, purpose)
      }
      if let part = use.part {
        let purpose = "the key `\(target.keys[part].name)`"
        ways.key = try Self.way(field, plan.keyTypes[part], options, purpose)
      }
      if use.isEventTime { _ = try Self.way(field, .timestamp, options, "the event time") }
      if use.isCreatedAt { _ = try Self.way(field, .timestamp, options, "created at") }
      if use.isKnownAt { _ = try Self.way(field, .timestamp, options, "known at") }
      wanted.append(
        WantedColumn(name: field.name, use: use, featureWay: ways.feature, keyWay: ways.key))
    }
  }

  private static func way(
    _ field: ColumnField, _ type: FeatureType, _ options: LoadOptions, _ purpose: String
  ) throws(LoadRefusal) -> CellWay {
    let element = field.type.element
    if type.element == .timestamp, element.isInteger, options.timeUnit == nil {
      throw .needsTimeUnit(column: field.name, value: "its type is \(element)")
    }
    guard let way = CellWay(from: field.type, to: type) else {
      throw .columnType(
        field.name, has: "\(field.type)", wants: "\(type)", purpose: purpose)
    }
    return way
  }
}

extension ColumnElement {
  var isInteger: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
    default: false
    }
  }
}
