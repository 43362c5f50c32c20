// Which columns of a spine are keys, times and LSNs, found once by name and type. Nothing is converted but widths of integers and units of time,
// and text where all of the spine is text.

import ApusColumnar
import ApusContracts
import ApusStore

struct SpineLayout: Sendable {
  struct Part: Sendable {
    var name: String
    var column: Int
    var type: KeyType
  }

  struct Role: Sendable {
    var name: String
    var parts: [Part]
  }

  let roles: [Role]
  let time: Int
  let timeName: String
  /// What whole numbers count, in nanoseconds.
  let timeUnit: Int64
  let zone: LabelZone?
  let lsn: Int?
  let isText: Bool

  init(
    _ schema: ColumnSchema, _ vector: PreparedVector, _ choices: SpineChoices, isText: Bool
  ) throws(ExportError) {
    self.isText = isText
    let names = schema.fields.map(\.name)
    let requested = Set(vector.roles.flatMap(\.keys).map(\.requested)).sorted()
    if let unknown = choices.keys.keys.sorted().first(where: { !requested.contains($0) }) {
      throw .noKey(unknown, keys: requested)
    }
    var roles: [Role] = []
    for role in vector.roles {
      var parts: [Part] = []
      for key in role.keys {
        let wanted = choices.keys[key.requested] ?? key.requested
        guard let column = schema.index(of: wanted) else {
          throw .noColumn(wanted, role: role.name, columns: names)
        }
        let type = schema.fields[column].type
        guard Self.fits(type, key.key.type, isText) else {
          throw .notAKeyColumn(
            wanted, type: "\(type)", key: key.requested, keyType: "\(key.key.type)")
        }
        parts.append(Part(name: wanted, column: column, type: key.key.type))
      }
      roles.append(Role(name: role.name, parts: parts))
    }
    self.roles = roles
    (time, timeUnit) = try Self.time(schema, choices, isText)
    timeName = names[time]
    zone = choices.zone
    lsn = try Self.lsn(schema, choices, isText)
  }

  private static func fits(_ type: ColumnType, _ key: KeyType, _ isText: Bool) -> Bool {
    guard type.shape == .scalar else { return false }
    if type.element == .null || isText && type.element == .string { return true }
    switch (key, type.element) {
    case (.bool, .bool), (.string, .string), (.bytes, .bytes), (.timestamp, .timestamp): return true
    case (.int32, let element), (.int64, let element): return element.isWhole
    default: return false
    }
  }

  private static func time(
    _ schema: ColumnSchema, _ choices: SpineChoices, _ isText: Bool
  ) throws(ExportError) -> (Int, Int64) {
    let place: Int
    if let name = choices.time {
      guard let found = schema.index(of: name) else {
        throw .noColumn(name, role: nil, columns: schema.fields.map(\.name))
      }
      place = found
    } else if let usual = schema.index(of: usualTime) {
      place = usual
    } else {
      let candidates = schema.fields.indices.filter { schema.fields[$0].type.isMoment }
      guard candidates.count == 1 else {
        throw .noTimeColumn(candidates: candidates.map { schema.fields[$0].name })
      }
      place = candidates[0]
    }
    let field = schema.fields[place]
    if field.type.isMoment { return (place, 1) }
    if field.type.shape == .scalar, field.type.element.isWhole {
      guard let unit = choices.timeUnitNanoseconds else { throw .integerTime(field.name) }
      return (place, unit)
    }
    let isText = isText && field.type == ColumnType(.string)
    guard isText || field.type == ColumnType(.date) || field.type == ColumnType(.null) else {
      throw .notATimeColumn(field.name, type: "\(field.type)")
    }
    return (place, choices.timeUnitNanoseconds ?? 0)
  }

  private static func lsn(
    _ schema: ColumnSchema, _ choices: SpineChoices, _ isText: Bool
  ) throws(ExportError) -> Int? {
    let name = choices.lsn ?? usualLSN
    guard let place = schema.index(of: name) else {
      if choices.lsn == nil { return nil }
      throw .noColumn(name, role: nil, columns: schema.fields.map(\.name))
    }
    let type = schema.fields[place].type
    guard type.shape == .scalar, type.element.isWhole || isText && type.element == .string else {
      throw .notAnLSNColumn(name, type: "\(type)")
    }
    return place
  }

  static let usualTime = "event_timestamp"
  static let usualLSN = "lsn"
}

extension ColumnType {
  var isMoment: Bool {
    if case .timestamp = element { return shape == .scalar }
    return false
  }
}

extension ColumnElement {
  var isWhole: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
    default: false
    }
  }
}
