// What a feature's cells are, taken while they are written: how many are present, and which values came how often. It is what a later set is compared with,
// so it stands in the manifest.

import ApusBytes
import ApusColumnar
import ApusContracts

/// One feature's profile as it stands in a manifest.
package struct FeatureProfile: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable { case number, category, bytes, length, vector }

  package enum Values: Equatable, Sendable {
    case numbers(Histogram)
    case categories(CategoryCounts)
    case none
  }

  /// Without the prefix that the set's columns have.
  package var name: String
  package var kind: Kind
  package var rows = 0
  package var present = 0
  package var nulls = 0
  package var blanks = 0
  package var zeros = 0
  package var nan = 0
  package var isConstant = false
  /// As JSON has them.
  package var least: String?
  package var greatest: String?
  /// In a set *as happened*: cells from an event that was not known yet.
  package var notKnownThen: Int?
  package var values = Values.none

  package init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

/// Used by one thread.
struct FeatureProfiler: Sendable {
  let type: ColumnType
  private let kind: FeatureProfile.Kind
  private var present = 0
  private var zeros = 0
  private var nan = 0
  private var numbers = NumberProfile()
  private var categories: CategoryProfile?
  /// Of integers, timestamps, bools and lengths.
  private var leastWhole = Int64.max
  private var greatestWhole = Int64.min
  /// Images of floats.
  private var leastImage = UInt64.max
  private var greatestImage = UInt64.min
  /// Of what has no order: the first value, a row, and whether another one came.
  private var first: Column?
  private var differs = false

  init(_ type: ColumnType) {
    self.type = type
    switch (type.shape, type.element) {
    case (.vector, _): kind = .vector
    case (.list, _): kind = .length
    case (.scalar, .string): kind = .category
    case (.scalar, .bytes): kind = .bytes
    default: kind = .number
    }
    if kind == .category || kind == .bytes { categories = CategoryProfile(isHashed: kind == .bytes) }
  }

  private static let presentStatus = Int8(bitPattern: CellStatus.present.rawValue)

  /// Takes rows of a column. With `statuses` a cell is present when it says so, else when it is no null.
  mutating func take(_ column: Column, _ rows: Range<Int>, _ statuses: Column?) {
    if statuses == nil, column.nullCount == 0 {
      takePresent(column, rows)
      return
    }
    // Stretches of present cells go together.
    let validity = statuses == nil ? column.validity : []
    var start = rows.lowerBound
    var row = start
    while row < rows.upperBound {
      // Eight values, as most are.
      if !validity.isEmpty, row & 7 == 0, row + 8 <= rows.upperBound, validity[row >> 3] == 0xFF {
        row += 8
        continue
      }
      if !Self.isPresent(column, row, statuses) {
        if start < row { takePresent(column, start..<row) }
        start = row + 1
      }
      row += 1
    }
    if start < rows.upperBound { takePresent(column, start..<rows.upperBound) }
  }

  static func isPresent(_ column: Column, _ row: Int, _ statuses: Column?) -> Bool {
    if let statuses { return statuses.load(row, as: Int8.self) == presentStatus }
    return !column.isNull(row)
  }

  private mutating func takePresent(_ column: Column, _ rows: Range<Int>) {
    present += rows.count
    switch kind {
    case .category, .bytes: takeTexts(column, rows)
    case .vector: takeVectors(column, rows)
    case .length:
      for row in rows {
        takeWhole(Int64(column.elements(of: row).count))
        if !differs { takeFirst(column, row) }
      }
    case .number:
      let bytes = column.valueBytes
      switch column.type.element {
      // The rows are the column's, each with as many bytes as its type says.
      case .float64:
        for row in rows {
          let bits = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: row &* 8, as: UInt64.self)
          takeFloat(Double(bitPattern: UInt64(littleEndian: bits)))
        }
      case .float32:
        for row in rows {
          let bits = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: row &* 4, as: UInt32.self)
          takeFloat(Double(Float(bitPattern: UInt32(littleEndian: bits))))
        }
      case .int64, .timestamp:
        for row in rows {
          let number = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: row &* 8, as: Int64.self)
          takeWhole(Int64(littleEndian: number))
        }
      case .int32:
        for row in rows {
          let number = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: row &* 4, as: Int32.self)
          takeWhole(Int64(Int32(littleEndian: number)))
        }
      case .bool:
        for row in rows { takeWhole(column.bool(row) ? 1 : 0) }
      default: break
      }
    }
  }

  @inline(__always)
  private mutating func takeWhole(_ number: Int64) {
    if number == 0 { zeros += 1 }
    leastWhole = min(leastWhole, number)
    greatestWhole = max(greatestWhole, number)
    numbers.add(image: NumberImage.of(Double(number)))
  }

  @inline(__always)
  private mutating func takeFloat(_ number: Double) {
    if number.isNaN {
      nan += 1
      return
    }
    if number == 0 { zeros += 1 }
    let image = NumberImage.of(number)
    leastImage = min(leastImage, image)
    greatestImage = max(greatestImage, image)
    numbers.add(image: image)
  }

  private mutating func takeTexts(_ column: Column, _ rows: Range<Int>) {
    let bytes = column.valueBytes
    for row in rows {
      let range = column.byteRange(row)
      if range.isEmpty { zeros += 1 }
      categories?.add(bytes.extracting(range))
      if !differs { takeFirst(column, row) }
    }
  }

  private mutating func takeVectors(_ column: Column, _ rows: Range<Int>) {
    for row in rows {
      let elements = column.elements(of: row)
      switch column.type.element {
      case .float32, .float64: if elements.allSatisfy({ column.float64($0) == 0 }) { zeros += 1 }
      case .bool: if elements.allSatisfy({ !column.bool($0) }) { zeros += 1 }
      case .string, .bytes: if elements.allSatisfy({ column.byteRange($0).isEmpty }) { zeros += 1 }
      default: if elements.allSatisfy({ column.int64($0) == 0 }) { zeros += 1 }
      }
      if !differs { takeFirst(column, row) }
    }
  }

  private mutating func takeFirst(_ column: Column, _ row: Int) {
    guard let first else {
      first = column.slice(row..<(row + 1))
      return
    }
    let elements = column.elements(of: row)
    if column.type.element.isVariable, column.type.shape == .scalar {
      differs = !column.bytes(row).isEqual(to: first.bytes(0))
    } else if elements.count != first.elementCount {
      differs = true
    } else if let size = column.type.element.fixedByteCount {
      let bytes = column.valueBytes.extracting((elements.lowerBound * size)..<(elements.upperBound * size))
      differs = !bytes.isEqual(to: first.valueBytes)
    } else {
      differs = column.slice(row..<(row + 1)) != first
    }
  }

  /// Of a feature of which so much came out.
  func profile(_ name: String, _ counts: CellCounts, rows: Int) -> FeatureProfile {
    var profile = FeatureProfile(name: name, kind: kind)
    profile.rows = rows
    profile.present = present
    profile.nulls = counts.statuses[Int(CellStatus.nullValue.rawValue)]
    profile.blanks = rows - present - profile.nulls
    profile.zeros = zeros
    profile.nan = nan
    profile.isConstant = present > 1 && isConstant
    switch kind {
    case .number, .length:
      profile.values = .numbers(numbers.histogram)
      if type.isFloat, kind == .number {
        if leastImage <= greatestImage {
          profile.least = Self.spelling(leastImage)
          profile.greatest = Self.spelling(greatestImage)
        }
      } else if leastWhole <= greatestWhole {
        profile.least = "\(leastWhole)"
        profile.greatest = "\(greatestWhole)"
      }
    case .category, .bytes: profile.values = .categories(categories?.found ?? .texts([]))
    case .vector: break
    }
    return profile
  }

  private var isConstant: Bool {
    switch kind {
    case .number where type.isFloat: nan == present || nan == 0 && leastImage == greatestImage
    case .number: leastWhole == greatestWhole
    case .length, .category, .bytes, .vector: !differs
    }
  }

  private static func spelling(_ image: UInt64) -> String {
    let bits = image >> 63 == 1 ? image & ~(1 << 63) : ~image
    let number = Double(bitPattern: bits)
    return number.isFinite ? "\(number)" : "\"\(number)\""
  }
}

extension ColumnType {
  var isFloat: Bool { element == .float32 || element == .float64 }
}
