// One of two sets that are held against each other, as its manifest describes it, and the reading of its file. What is read is what the manifest tells of,
// or there is nothing to compare: every row passes through the digest.

import ApusBytes
package import ApusColumnar
import ApusContracts

package enum DiffError: Error, Equatable, Sendable {
  /// Something of this set cannot be read.
  case set(String, ExportError)
  /// The set is not the one that its manifest tells of.
  case notItsManifest(String, expected: String, found: String)
  /// Rows cannot be matched: what they are called by differs.
  case otherKeys(a: [String], b: [String])
  /// While causes are looked for.
  case store(ExportError)
}

package struct DiffSide: Sendable {
  /// What people call it.
  package var name: String
  /// Of the manifest.
  package var contentDigest: String
  package var spineDigest: String
  package var rows: Int
  package var fields: [ColumnField]
  /// The columns of its keys, role by role, and its roles' names.
  package var roles: [Role]
  package var time: String
  /// What whole numbers in it count, in nanoseconds.
  package var timeUnit: Int64
  /// Of times that do not say theirs; nil: UTC.
  package var zone: LabelZone?
  package var lsn: String?
  package var prefix: String
  /// The columns of features, with the prefix.
  package var features: [String]
  /// What stands beside them.
  package var kinds: Set<ExportColumnKind>

  package struct Role: Equatable, Sendable {
    package var name: String
    package var columns: [String]

    package init(name: String, columns: [String]) {
      self.name = name
      self.columns = columns
    }
  }

  package init(
    name: String, contentDigest: String, spineDigest: String, rows: Int, fields: [ColumnField],
    roles: [Role], time: String, timeUnit: Int64, lsn: String?, prefix: String, features: [String],
    kinds: Set<ExportColumnKind>
  ) {
    self.name = name
    self.contentDigest = contentDigest
    self.spineDigest = spineDigest
    self.rows = rows
    self.fields = fields
    self.roles = roles
    self.time = time
    self.timeUnit = timeUnit
    self.lsn = lsn
    self.prefix = prefix
    self.features = features
    self.kinds = kinds
  }

  /// The place of a column by its name.
  func place(_ name: String) -> Int? { fields.firstIndex { $0.name == name } }

  /// Features by the name that they have without the prefix.
  var plainFeatures: [String] {
    features.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
  }
}

/// A set's rows, once from the first to the last. Used by one thread.
final class DiffReading {
  private let side: DiffSide
  private let reading: any SpineReading
  private var digest: RowsDigest
  private(set) var row = 0
  private var isOver = false

  init(_ side: DiffSide, _ source: any SpineSource) throws(DiffError) {
    self.side = side
    do throws(ExportError) { reading = try source.open() } catch { throw .set(side.name, error) }
    digest = RowsDigest(side.fields)
    let (found, expected) = (reading.schema.fields.map(\.name), side.fields.map(\.name))
    guard found == expected else {
      throw .notItsManifest(
        side.name, expected: "the columns \(expected.joined(separator: ", "))",
        found: found.joined(separator: ", "))
    }
  }

  /// The next rows, in the manifest's types; nil behind the last, when all was what the manifest says.
  func next() throws(DiffError) -> [Column]? {
    do throws(ExportError) {
      while !isOver, let batch = try reading.next() {
        guard batch.rowCount > 0 else { continue }
        var columns: [Column] = []
        for (column, field) in zip(batch.columns, side.fields) {
          columns.append(try Self.fitted(column, to: field))
        }
        digest.take(columns)
        row += batch.rowCount
        return columns
      }
    } catch {
      throw .set(side.name, error)
    }
    if !isOver {
      isOver = true
      guard "\(digest.digest)" == side.contentDigest else {
        throw .notItsManifest(
          side.name, expected: "content digest \(side.contentDigest)", found: "\(digest.digest)")
      }
    }
    return nil
  }

  /// Parquet counts no seconds, and what was given in them comes back finer.
  private static func fitted(_ column: Column, to field: ColumnField) throws(ExportError) -> Column {
    if column.type == field.type { return column }
    guard case .timestamp(let own, _) = column.type.element, column.type.shape == .scalar,
      case .timestamp(let wanted, _) = field.type.element, field.type.shape == .scalar
    else {
      throw .spineUnreadable("column \(field.name) has \(column.type), and its manifest says \(field.type)")
    }
    var builder = ColumnBuilder(field.type, named: field.name, capacity: column.count)
    for row in 0..<column.count {
      if column.isNull(row) {
        builder.appendNull()
        continue
      }
      let factor = wanted.nanoseconds / own.nanoseconds
      let count = column.load(row, as: Int64.self)
      builder.append(factor > 0 ? count / factor : count)
    }
    do throws(ColumnarError) { return try builder.finish() } catch { throw .columns(error) }
  }
}

/// What a row is called by: its keys, its time and the LSN that it repeats. Text and whole numbers are told apart by what they say, since in CSV all of
/// a spine is text.
struct DiffRowName {
  private let keys: [Int]
  private let names: [String]
  private let time: Int?
  private let unit: Int64
  private let zone: LabelZone?
  private let lsn: Int?

  init(_ side: DiffSide) {
    let columns = side.roles.flatMap(\.columns)
    keys = columns.compactMap { side.place($0) }
    names = columns
    time = side.place(side.time)
    unit = side.timeUnit
    zone = side.zone
    lsn = side.lsn.flatMap { side.place($0) }
  }

  /// The columns that it is made of, each once, in their order in the set.
  var places: [Int] { Set(keys + [time, lsn].compactMap { $0 }).sorted() }

  /// Equal for rows of one name, and for no others.
  func digest(_ columns: [Column], _ row: Int) -> SHA256.Digest {
    var writer = ByteWriter()
    for key in keys { Self.write(Self.spelling(columns[key], row), to: &writer) }
    Self.write(time.flatMap { moment(columns[$0], row) }.map { "\($0)" }, to: &writer)
    Self.write(lsn.flatMap { Self.spelling(columns[$0], row) }, to: &writer)
    return SHA256.digest(of: writer.bytes)
  }

  private static func write(_ text: String?, to writer: inout ByteWriter) {
    writer.write(text == nil ? 0 as UInt8 : 1)
    writer.write(UInt64(text?.utf8.count ?? 0))
    writer.write(utf8: text ?? "")
  }

  private func moment(_ column: Column, _ row: Int) -> Int64? {
    column.type.shape == .scalar ? SpineCell.labelMoment(column, row, unit: unit, zone: zone) : nil
  }

  /// Nil for a null.
  private static func spelling(_ column: Column, _ row: Int) -> String? {
    column.isNull(row) ? nil : DiffText.spelling(column, row)
  }

  /// For people.
  func key(_ columns: [Column], _ row: Int) -> [(name: String, value: String?)] {
    var said: [(name: String, value: String?)] = []
    for (name, key) in zip(names, keys) where !said.contains(where: { $0.name == name }) {
      said.append((name, Self.spelling(columns[key], row)))
    }
    return said
  }

  func time(_ columns: [Column], _ row: Int) -> Int64? { time.flatMap { moment(columns[$0], row) } }
  func lsn(_ columns: [Column], _ row: Int) -> Int64? {
    lsn.flatMap { place in
      let column = columns[place]
      return column.isNull(row) || column.type.shape != .scalar ? nil : SpineCell.whole(column, row)
    }
  }
}

/// A cell for people, as a set in CSV spells it.
enum DiffText {
  static func spelling(_ column: Column, _ row: Int) -> String {
    if column.type.shape == .scalar { return CSVSet.spelling(column, row) }
    let elements = column.elements(of: row).map { CSVSet.element(of: column, $0) }
    return "[" + elements.joined(separator: ",") + "]"
  }
}
