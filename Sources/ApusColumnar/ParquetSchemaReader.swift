/// Makes columns of a file's schema: flat ones and lists of one level. What is beyond that keeps its name and the
/// reason, and is refused when somebody asks for it.
struct ParquetSchemaReader {
  /// A field of the file's outermost level.
  struct FileColumn: Sendable {
    let name: String
    /// Which of the file's leaves is its first.
    let firstLeaf: Int
    let outcome: Outcome

    /// What can be read, or the refusal.
    var leaf: ParquetLayout {
      get throws(PageFault) {
        switch outcome {
        case .readable(let leaf): return leaf
        case .refused(let reason, let advice): throw .unsupported(reason, advice: advice)
        }
      }
    }
  }

  enum Outcome: Sendable {
    case readable(ParquetLayout)
    case refused(String, advice: String)
  }

  private let elements: [ParquetSchemaElement]
  private(set) var columns: [FileColumn] = []
  private(set) var leafCount = 0

  /// Elements of the lists that are vectors, by column: what our own writer says beside the schema.
  private let vectors: [String: Int]

  init(_ elements: [ParquetSchemaElement], vectors: [String: Int] = [:]) throws(PageFault) {
    self.elements = elements
    self.vectors = vectors
    guard let root = elements.first else { throw .corrupt("the schema is empty") }
    var at = 1
    for _ in 0..<max(0, root.childCount ?? 0) {
      let end = try endOfTree(at)
      let leaves = elements[at..<end].count { ($0.childCount ?? 0) == 0 }
      columns.append(
        FileColumn(name: elements[at].name, firstLeaf: leafCount, outcome: try outcome(at, leaves)))
      leafCount += leaves
      at = end
    }
    guard at == elements.count else { throw .corrupt("the schema has elements that belong to nothing") }
  }

  /// The element after the tree that begins at `start`. Every step takes an element, so a claimed number of children
  /// costs nothing.
  private func endOfTree(_ start: Int) throws(PageFault) -> Int {
    var (at, due) = (start, 1)
    while due > 0 {
      guard at < elements.count else { throw .corrupt("the schema ends before its columns do") }
      let children = elements[at].childCount ?? 0
      guard children >= 0 else { throw .corrupt("\(children) children in the schema") }
      // Sums of at most as many Int32 as there are elements.
      due += Int(truncatingIfNeeded: children) - 1
      at += 1
    }
    return at
  }

  private func outcome(_ at: Int, _ leaves: Int) throws(PageFault) -> Outcome {
    let top = elements[at]
    guard (top.childCount ?? 0) > 0 else {
      if top.repetition == .repeated { return try leaf(top, elements[at], list: true, rowMayBeNull: false) }
      return try leaf(top, elements[at], list: false, rowMayBeNull: top.repetition == .optional)
    }
    let isList = top.logicalType == .list || top.convertedType == .list
    if top.logicalType == .map || top.convertedType == .map || top.convertedType == .mapKeyValue {
      return .refused("it is a map", advice: "write its keys and values as two columns of lists")
    }
    guard isList, top.childCount == 1, top.repetition != .repeated else {
      return .refused("it is a struct", advice: "flatten it: in pyarrow, table.flatten()")
    }
    let middle = elements[at + 1]
    let nested = Outcome.refused(
      "its lists have elements that are lists or structs", advice: "explode or flatten it before writing")
    guard middle.repetition == .repeated else {
      return .refused("its list repeats nothing", advice: PageFault.rewrite)
    }
    let rowMayBeNull = top.repetition == .optional
    // Two levels: what repeats is the element.
    if (middle.childCount ?? 0) == 0 { return try leaf(top, middle, list: true, rowMayBeNull: rowMayBeNull) }
    guard middle.childCount == 1, leaves == 1, middle.name != "array", middle.name != "\(top.name)_tuple"
    else {
      return nested
    }
    let element = elements[at + 2]
    guard (element.childCount ?? 0) == 0, element.repetition != .repeated else { return nested }
    return try leaf(
      top, element, list: true, rowMayBeNull: rowMayBeNull, elementMayBeNull: element.repetition == .optional)
  }

  private func leaf(
    _ top: ParquetSchemaElement, _ value: ParquetSchemaElement, list: Bool, rowMayBeNull: Bool,
    elementMayBeNull: Bool = false
  ) throws(PageFault) -> Outcome {
    do throws(PageFault) {
      let storage = try Self.storage(value)
      let element = try Self.element(value, storage)
      var shape = ColumnShape.scalar
      if list { shape = !elementMayBeNull ? vectors[top.name].map { .vector($0) } ?? .list : .list }
      let field = ColumnField(top.name, ColumnType(element, shape), isNullable: rowMayBeNull)
      return .readable(ParquetLayout(field, storage, elementMayBeNull: elementMayBeNull))
    } catch {
      guard case .unsupported(let what, let advice) = error else { throw error }
      return .refused(what, advice: advice)
    }
  }
}

// MARK: - Types

extension ParquetSchemaReader {
  private static func storage(_ value: ParquetSchemaElement) throws(PageFault) -> ParquetStorage {
    switch value.physicalType {
    case .boolean?: return .bool
    case .int32?: return .int32
    case .int64?: return .int64
    case .int96?: return .int96
    case .float?: return .float32
    case .double?: return .float64
    case .byteArray?: return .byteArray
    case .fixedLengthByteArray?:
      guard let length = value.typeLength, length > 0 else {
        throw .corrupt("fixed byte arrays without a length")
      }
      return .fixed(Int(truncatingIfNeeded: length))
    case let type?: throw .corrupt("there is no physical type \(type.rawValue)")
    case nil: throw .corrupt("a column without a physical type")
    }
  }

  /// What the values mean: by the logical type, or by what writers had before there were any.
  private static func element(
    _ value: ParquetSchemaElement, _ storage: ParquetStorage
  ) throws(PageFault) -> ColumnElement {
    switch (value.logicalType ?? old(value), storage) {
    case (nil, .bool): return .bool
    case (nil, .int32): return .int32
    case (nil, .int64): return .int64
    case (nil, .int96): return .timestamp(.nanoseconds, isUTC: true)
    case (nil, .float32): return .float32
    case (nil, .float64): return .float64
    case (nil, .byteArray), (nil, .fixed): return .bytes
    case (.string?, .byteArray), (.enumeration?, .byteArray), (.json?, .byteArray): return .string
    case (.bson?, .byteArray), (.uuid?, .fixed(16)): return .bytes
    case (.date?, .int32): return .date
    case (.timestamp(let isUTC, let unit)?, .int64):
      switch unit {
      case .milliseconds: return .timestamp(.milliseconds, isUTC: isUTC)
      case .microseconds: return .timestamp(.microseconds, isUTC: isUTC)
      case .nanoseconds: return .timestamp(.nanoseconds, isUTC: isUTC)
      }
    case (.integer(8, let isSigned)?, .int32): return isSigned ? .int8 : .uint8
    case (.integer(16, let isSigned)?, .int32): return isSigned ? .int16 : .uint16
    case (.integer(32, let isSigned)?, .int32): return isSigned ? .int32 : .uint32
    case (.integer(64, let isSigned)?, .int64): return isSigned ? .int64 : .uint64
    case (.decimal(scale: 0, _)?, .int32): return .int32
    case (.decimal(scale: 0, _)?, .int64): return .int64
    case (.decimal?, _):
      throw .unsupported(
        "its values are decimals", advice: "cast them to double, or to integers of the smallest unit")
    case (.time?, _):
      throw .unsupported("its values are times of day", advice: "cast them to integers")
    case (.float16?, _):
      throw .unsupported("its values are floats of 16 bits", advice: "cast them to float32")
    case (.null?, _): return .null
    case (let logical?, _):
      throw .unsupported("its values are \(logical) in \(storage)", advice: "cast them to a plain type")
    case (nil, _): throw .corrupt("a column without a type")
    }
  }

  /// The logical type that a converted type stands for. These timestamps were UTC by decree.
  private static func old(_ value: ParquetSchemaElement) -> ParquetLogicalType? {
    switch value.convertedType {
    case .utf8?: .string
    case .enumeration?: .enumeration
    case .json?: .json
    case .bson?: .bson
    case .date?: .date
    case .timeMillis?: .time(isUTC: true, unit: .milliseconds)
    case .timeMicros?: .time(isUTC: true, unit: .microseconds)
    case .timestampMillis?: .timestamp(isUTC: true, unit: .milliseconds)
    case .timestampMicros?: .timestamp(isUTC: true, unit: .microseconds)
    case .uint8?: .integer(bits: 8, isSigned: false)
    case .uint16?: .integer(bits: 16, isSigned: false)
    case .uint32?: .integer(bits: 32, isSigned: false)
    case .uint64?: .integer(bits: 64, isSigned: false)
    case .int8?: .integer(bits: 8, isSigned: true)
    case .int16?: .integer(bits: 16, isSigned: true)
    case .int32?: .integer(bits: 32, isSigned: true)
    case .int64?: .integer(bits: 64, isSigned: true)
    case .decimal?: .decimal(scale: value.scale ?? 0, precision: value.precision ?? 0)
    case let other?: .other(Int16(clamping: other.rawValue))
    case nil: nil
    }
  }
}
