// The features of a block's rows, on their way from columns into cells: each column is gone over once, from its first row to its last, and what it
// says lies beside what the others say of the same row. A column is large to hand around, and a row of many would do nothing else.
//
// For every row and feature: its state, and where the bytes of its value end, in the order of the features and within one of the rows.

import ApusBytes
import ApusColumnar
import ApusContracts

struct CellStage: ~Copyable {
  private let features: Int
  private var rows = 0
  /// By row, then by feature.
  private var states: [UInt8] = []
  /// By feature, then by row, each where a value begins in `values`; one more at the end.
  private var starts: [Int] = [0]
  private var values = ByteWriter()
  /// A row that has a value of a feature of which it says nothing.
  private(set) var contradiction: Int?

  private static let absent: UInt8 = 0
  private static let null: UInt8 = 1
  private static let value: UInt8 = 2

  init(features: Int) { self.features = features }

  var byteCount: Int { values.count }

  mutating func begin(rows: Int) {
    self.rows = rows
    contradiction = nil
    states.removeAll(keepingCapacity: true)
    states.append(contentsOf: repeatElement(Self.absent, count: rows * features))
    starts.removeAll(keepingCapacity: true)
    starts.reserveCapacity(rows * features + 1)
    starts.append(0)
    values.removeAll()
  }

  /// Takes the next feature: `said` is of bools, `column` of the feature's element and shape, and both have all the rows.
  mutating func take(_ index: Int, _ type: FeatureType, _ said: Column, _ column: Column) {
    let (bits, validity) = (said.values, column.validity)
    var at = index
    for row in 0..<rows {
      let isNull = column.nullCount > 0 && (validity.isEmpty || !Bitmap.isSet(validity, row))
      if Bitmap.isSet(bits, row) {
        states[at] = isNull ? Self.null : Self.value
      } else if !isNull {
        contradiction = row
      }
      at &+= features
    }
    if let size = column.type.element.fixedByteCount, size > 0, column.type.shape == .scalar {
      return takeFixed(index, size, column)
    }
    at = index
    for row in 0..<rows {
      if states[at] == Self.value { Self.append(column, row, type, to: &values) }
      starts.append(values.count)
      at &+= features
    }
  }

  /// Scalars of one size: all of them as they lie, those of rows without a value too.
  private mutating func takeFixed(_ index: Int, _ size: Int, _ column: Column) {
    let start = values.count
    // The column holds as many elements.
    values.write(column.valueBytes.extracting(first: rows &* size))
    for row in 1..<(rows + 1) { starts.append(start &+ row &* size) }
  }

  private static func append(
    _ column: Column, _ row: Int, _ type: FeatureType, to values: inout ByteWriter
  ) {
    let elements = column.elements(of: row)
    if type.element == .bool {
      for element in elements { values.write(column.bool(element) ? 1 as UInt8 : 0) }
    } else if let size = column.type.element.fixedByteCount {
      // The column holds as many elements.
      values.write(
        column.valueBytes.extracting((elements.lowerBound &* size)..<(elements.upperBound &* size)))
    } else if type.shape == .scalar {
      values.write(column.bytes(row))
    } else {
      // As RowFormat.md has it: count, ends, bytes.
      values.write(UInt32(truncatingIfNeeded: elements.count))
      var end = 0
      for element in elements {
        end = end &+ column.byteRange(element).count
        values.write(UInt32(truncatingIfNeeded: end))
      }
      for element in elements { values.write(column.bytes(element)) }
    }
  }

  /// Whether a row says anything of any feature.
  func says(_ row: Int) -> Bool {
    for at in (row &* features)..<(row &* features &+ features) where states[at] != Self.absent {
      return true
    }
    return false
  }

  /// Makes the cells of a row; each value is checked by the builder.
  func build(_ row: Int, _ builder: inout RowBuilder) throws(RowError) {
    builder.removeAll()
    let bytes = values.bytes
    var place = row
    for at in (row &* features)..<(row &* features &+ features) {
      switch states[at] {
      case Self.absent: try builder.appendAbsent()
      case Self.null: try builder.appendNull()
      default: try builder.append(raw: bytes.extracting(starts[place]..<starts[place &+ 1]))
      }
      place &+= rows
    }
  }
}
