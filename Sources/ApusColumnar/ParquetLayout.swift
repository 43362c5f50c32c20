/// How a column's values lie in pages.
enum ParquetStorage: Hashable, Sendable {
  case bool, int32, int64, int96, float32, float64, byteArray
  case fixed(Int)

  /// Bytes of one value where all have as many; nil for bools, which are bits, and byte arrays.
  var byteCount: Int? {
    switch self {
    case .bool, .byteArray: nil
    case .int32, .float32: 4
    case .int64, .float64: 8
    case .int96: 12
    case .fixed(let count): count
    }
  }
}

/// A column as the reader sees it: what comes out, how it lies in pages, and what its levels mean.
///
/// A definition level below `definedAt` says that something is missing, and `nullBelow` tells what: below it the row is
/// null, from it on a list is empty or an element null.
struct ParquetLayout: Hashable, Sendable {
  let field: ColumnField
  let storage: ParquetStorage
  /// Whether an element of a list could be null; the values decide whether one is.
  let elementMayBeNull: Bool

  init(_ field: ColumnField, _ storage: ParquetStorage, elementMayBeNull: Bool = false) {
    self.field = field
    self.storage = storage
    self.elementMayBeNull = elementMayBeNull
  }

  var isList: Bool { field.type.shape != .scalar }
  /// A row whose definition level is below this is null.
  var nullBelow: Int { field.isNullable ? 1 : 0 }
  /// The level of a value that is there.
  var definedAt: Int { nullBelow + (isList ? 1 : 0) + (elementMayBeNull ? 1 : 0) }
  /// The level above which a row's list has an element.
  var emptyAt: Int { nullBelow }
}
