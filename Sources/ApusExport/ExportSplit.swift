// Which part of a set a row belongs to, as one more column: by the label's time, or by the entity, so that no entity is in both parts. It depends on the
// row alone, so a set that grows leaves every row where it was.

import ApusBytes
import ApusColumnar
import ApusContracts

package enum ExportSplit: Equatable, Sendable {
  /// `train` before the moment, `test` from it on.
  case time(Int64)
  /// So many of ten thousand entities are in `train`.
  case hash(Int)

  /// `time=2026-11-19T00:00:00Z`, `hash=0.8`.
  package init?(spelling: String) {
    let ends = spelling.split(separator: "=", maxSplits: 1).map(String.init)
    guard ends.count == 2 else { return nil }
    switch ends[0] {
    case "time":
      guard let moment = TimestampSpelling.nanoseconds(ends[1]) else { return nil }
      self = .time(moment)
    case "hash":
      guard let share = Double(ends[1]), share > 0, share < 1 else { return nil }
      self = .hash(Int((share * Double(Self.parts)).rounded()))
    default: return nil
    }
  }

  package var spelling: String {
    switch self {
    case .time(let moment): "time=\(TimestampSpelling.text(moment))"
    case .hash(let parts): "hash=\(Double(parts) / Double(Self.parts))"
    }
  }

  static let parts = 10_000
  static let field = ColumnField("split", ColumnType(.string))

  /// Nil for a row without a key or a time.
  func part(_ key: RawSpan, _ time: Int64) -> String? {
    if key.isEmpty { return nil }
    switch self {
    case .time(let moment): return time < moment ? "train" : "test"
    case .hash(let parts):
      var hash = SipHash(0, 0)
      hash.take(counted: key)
      return Int(hash.finish() % UInt64(Self.parts)) < parts ? "train" : "test"
    }
  }

  /// The column for a batch of the spine. The entity is that of the first role.
  func column(_ batch: ColumnBatch, _ labels: inout SpineLabels) throws(ExportError) -> Column {
    var parts: [String?] = []
    parts.reserveCapacity(batch.rowCount)
    try labels.take(batch, first: 0) { (role, key, label) throws(ExportError) in
      if role == 0 { parts.append(part(key, label.time)) }
    }
    var builder = ColumnBuilder(Self.field.type, named: Self.field.name, capacity: parts.count)
    do throws(ColumnarError) {
      for part in parts {
        if let part { try builder.append(part) } else { builder.appendNull() }
      }
      return try builder.finish()
    } catch {
      throw .columns(error)
    }
  }
}
