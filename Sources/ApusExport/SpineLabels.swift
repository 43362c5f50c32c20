// Rows of a spine as labels: for each role the encoded key, the time, and what may be seen. A row without a key or a time stays a row, of which nothing
// is found; null matches nothing, not even null.

import ApusBytes
import ApusColumnar
import ApusContracts

/// Used by one thread.
struct SpineLabels: ~Copyable {
  private let layout: SpineLayout
  private let options: ExportOptions
  private var encoder = KeyEncoder()
  /// Times whose clock is not said to be UTC.
  private(set) var assumedUTC = 0
  private(set) var withoutKey = 0
  private(set) var withoutTime = 0

  init(_ layout: SpineLayout, _ options: ExportOptions) {
    self.layout = layout
    self.options = options
  }

  /// Gives the labels of some rows of a batch, or of all, of every role of every row. `first` is the place of the batch's first row in the spine.
  mutating func take(
    _ batch: ColumnBatch, _ rows: Range<Int>? = nil, first: Int,
    _ body: (_ role: Int, _ key: RawSpan, Label) throws(ExportError) -> Void
  ) throws(ExportError) {
    let times = batch.columns[layout.time]
    let lsns = layout.lsn.map { batch.columns[$0] }
    for row in rows ?? 0..<batch.rowCount {
      var label = Label(row: first + row, time: 0, limit: .max)
      let time = try moment(times, row, first)
      if let lsns { label.lsn = try lsn(lsns, row, first) }
      if let time {
        label.time = time
        label.limit = label.lsn.map { Int64(clamping: $0) } ?? limit(time)
      } else {
        withoutTime += 1
      }
      var isWithoutKey = false
      for role in layout.roles.indices {
        encoder.removeAll()
        let hasKey = time == nil ? false : try encode(layout.roles[role], batch, row, first)
        if hasKey {
          try body(role, encoder.bytes, label)
        } else {
          isWithoutKey = isWithoutKey || time != nil
          var blind = label
          blind.limit = .max
          try body(role, RawSpan(), blind)
        }
      }
      if isWithoutKey { withoutKey += 1 }
    }
  }

  /// Saturates: nothing is before the first of all moments.
  private func limit(_ time: Int64) -> Int64 {
    let (delayed, isBefore) = time.subtractingReportingOverflow(options.delayNanoseconds)
    let limit = isBefore ? .min : delayed
    return options.isStrict && limit > .min ? limit - 1 : limit
  }

  // MARK: Keys

  /// False when a part is null.
  private mutating func encode(
    _ role: SpineLayout.Role, _ batch: ColumnBatch, _ row: Int, _ first: Int
  ) throws(ExportError) -> Bool {
    for part in role.parts {
      let column = batch.columns[part.column]
      if column.isNull(row) { return false }
      let fits: Bool
      do throws(BytesError) { fits = try append(part.type, column, row) } catch {
        throw .badValue(column: part.name, row: first + row, "\(error)")
      }
      guard fits else {
        throw .badValue(
          column: part.name, row: first + row, "\(SpineCell.spelling(column, row)) is no \(part.type)")
      }
    }
    return true
  }

  /// False when the value is none of the type.
  private mutating func append(_ type: KeyType, _ column: Column, _ row: Int) throws(BytesError) -> Bool {
    switch type {
    case .string:
      // Checked when the column was made.
      try encoder.append(utf8: column.bytes(row))
    case .bytes:
      guard column.type.element == .string else {
        try encoder.append(bytes: column.bytes(row))
        return true
      }
      guard let content = Base64Text.bytes(column.string(row)) else { return false }
      try encoder.append(bytes: unsafe content.span.bytes)
    case .bool:
      guard let bit = SpineCell.bool(column, row) else { return false }
      try encoder.append(bit)
    case .int32:
      guard let number = SpineCell.whole(column, row).flatMap({ Int32(exactly: $0) }) else { return false }
      try encoder.append(int32: number)
    case .int64:
      guard let number = SpineCell.whole(column, row) else { return false }
      try encoder.append(int64: number)
    case .timestamp:
      guard let moment = SpineCell.moment(column, row, unit: 0) else { return false }
      try encoder.append(timestamp: moment)
    }
    return true
  }

  // MARK: Times and LSNs

  private mutating func moment(_ column: Column, _ row: Int, _ first: Int) throws(ExportError) -> Int64? {
    if column.isNull(row) { return nil }
    guard let found = SpineCell.labelTime(column, row, unit: layout.timeUnit) else {
      throw .badValue(
        column: layout.timeName, row: first + row,
        "\(SpineCell.spelling(column, row)) is no time of the years 1677 to 2262")
    }
    guard found.isNaive else { return found.nanoseconds }
    guard let zone = layout.zone else {
      if column.type.element != .date { assumedUTC += 1 }
      return found.nanoseconds
    }
    guard let moment = zone.moment(local: found.nanoseconds) else {
      throw .badValue(
        column: layout.timeName, row: first + row,
        "\(SpineCell.spelling(column, row)) is no time of \(zone.name), or two: a clock was changed there")
    }
    return moment
  }

  private func lsn(_ column: Column, _ row: Int, _ first: Int) throws(ExportError) -> UInt64 {
    guard !column.isNull(row) else { throw .lsnMissing(row: first + row) }
    guard let number = SpineCell.whole(column, row), number >= 0 else {
      throw .badValue(column: "lsn", row: first + row, "\(SpineCell.spelling(column, row)) is no LSN")
    }
    return UInt64(number)
  }
}

/// One cell of a spine, as what it is wanted for. Nil when it is none.
enum SpineCell {
  static func whole(_ column: Column, _ row: Int) -> Int64? {
    switch column.type.element {
    case .string: Int64(column.string(row))
    case .uint64: Int64(exactly: column.load(row, as: UInt64.self))
    case let element where element.isWhole: column.int64(row)
    default: nil
    }
  }

  static func bool(_ column: Column, _ row: Int) -> Bool? {
    switch column.type.element {
    case .bool: column.bool(row)
    case .string:
      switch column.string(row) {
      case "true": true
      case "false": false
      default: nil
      }
    default: nil
    }
  }

  /// A moment, and whether it is what some clock shows and not said whose.
  static func labelTime(_ column: Column, _ row: Int, unit: Int64) -> (nanoseconds: Int64, isNaive: Bool)? {
    switch column.type.element {
    case .timestamp(_, let isUTC): return moment(column, row, unit: unit).map { ($0, !isUTC) }
    case .date: return moment(column, row, unit: unit).map { ($0, true) }
    case .string:
      let text = column.string(row)
      if let found = TimestampSpelling.nanoseconds(text + "Z") { return (found, true) }
      return moment(column, row, unit: unit).map { ($0, text.utf8.count == 10 && text.contains("-")) }
    default: return moment(column, row, unit: unit).map { ($0, false) }
    }
  }

  /// A label's time as it is meant; nil where there is none.
  static func labelMoment(_ column: Column, _ row: Int, unit: Int64, zone: LabelZone?) -> Int64? {
    guard !column.isNull(row), let found = labelTime(column, row, unit: unit) else { return nil }
    guard found.isNaive, let zone else { return found.nanoseconds }
    return zone.moment(local: found.nanoseconds)
  }

  /// `unit`: what whole numbers count, in nanoseconds.
  static func moment(_ column: Column, _ row: Int, unit: Int64) -> Int64? {
    switch column.type.element {
    case .timestamp(let own, _): scaled(column.load(row, as: Int64.self), own.nanoseconds)
    case .date: scaled(Int64(column.load(row, as: Int32.self)), 86_400_000_000_000)
    case .string:
      if let moment = TimestampSpelling.nanoseconds(column.string(row)) {
        moment
      } else {
        unit > 0 ? Int64(column.string(row)).flatMap { scaled($0, unit) } : nil
      }
    case let element where element.isWhole: unit > 0 ? whole(column, row).flatMap { scaled($0, unit) } : nil
    default: nil
    }
  }

  private static func scaled(_ count: Int64, _ unit: Int64) -> Int64? {
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }

  static func spelling(_ column: Column, _ row: Int) -> String {
    switch column.type.element {
    case .string: "\(column.string(row).prefix(100).debugDescription)"
    case .bool: "\(column.bool(row))"
    case .float32, .float64: "\(column.float64(row))"
    case .uint64: "\(column.load(row, as: UInt64.self))"
    case .bytes: "\(column.bytes(row).byteCount) bytes"
    case .null: "null"
    default: "\(column.int64(row))"
    }
  }
}

extension ColumnTimeUnit {
  var nanoseconds: Int64 {
    switch self {
    case .seconds: 1_000_000_000
    case .milliseconds: 1_000_000
    case .microseconds: 1_000
    case .nanoseconds: 1
    }
  }
}
