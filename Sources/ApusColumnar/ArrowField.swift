// A field of a stream's schema, with how its bytes are laid out: also of those that the model has no type for, because whoever does not
// want such a column has to find the one after it.

struct ArrowField: Sendable {
  /// With the names of what it is in before it: `list.item`.
  let name: String
  let isNullable: Bool
  let layout: ArrowLayout
  /// Where the values are, when the column itself is numbers of places in a dictionary.
  let dictionary: ArrowDictionaryKey?
  let children: [ArrowField]
}

struct ArrowDictionaryKey: Sendable {
  let id: Int64
  /// An integer.
  let index: ColumnElement
}

enum ArrowLayout: Sendable {
  case null
  case bool
  /// As the model has it.
  case fixed(ColumnElement)
  case half
  case fixedBytes(Int)
  case variable(ColumnElement, isLarge: Bool)
  case view(ColumnElement)
  case list(isLarge: Bool)
  case vector(Int)
  /// What the model has no type for, with what to do about it, and how many buffers it has.
  case other(String, advice: String, buffers: Int)
}

extension ArrowField {
  /// What the model calls it, or why it has no word.
  func columnType() throws(ColumnarError) -> ColumnType {
    switch layout {
    case .null: return ColumnType(.null)
    case .bool: return ColumnType(.bool)
    case .fixed(let element), .variable(let element, _), .view(let element): return ColumnType(element)
    case .half: return ColumnType(.float32)
    case .fixedBytes: return ColumnType(.bytes)
    case .list: return ColumnType(try itemElement(), .list)
    case .vector(let size):
      guard size >= 1 else {
        throw refused("a fixed size list of \(size) elements is not read", "drop the column")
      }
      let element = try itemElement()
      guard element != .null else {
        throw refused("a fixed size list of nulls is not read", "cast it to the type that it will have")
      }
      return ColumnType(element, .vector(size))
    case .other(let what, let advice, _): throw refused("\(what) is not read", advice)
    }
  }

  /// The child of a list or vector.
  var item: ArrowField? { children.first }

  private func itemElement() throws(ColumnarError) -> ColumnElement {
    guard children.count == 1, let item else {
      throw .damaged("a list has \(children.count) kinds of items", at: ColumnarPlace(column: name))
    }
    let type = try item.columnType()
    guard type.shape == .scalar else {
      throw refused(
        "lists in lists are not read", "flatten the column (pyarrow.compute.list_flatten) or drop it")
    }
    return type.element
  }

  private func refused(_ what: String, _ advice: String) -> ColumnarError {
    .unsupported(what, advice: advice, at: ColumnarPlace(column: name))
  }

  /// Buffers of its own, its children's not counted; a view has more, as the batch says.
  var bufferCount: Int {
    if dictionary != nil { return 2 }
    return switch layout {
    case .null: 0
    case .bool, .fixed, .half, .fixedBytes, .view: 2
    case .variable: 3
    case .list: 2
    case .vector: 1
    case .other(_, _, let buffers): buffers
    }
  }

  /// Fields whose nodes and buffers follow its own.
  var childrenInBatch: [ArrowField] { dictionary == nil ? children : [] }

  var isView: Bool {
    if case .view = layout, dictionary == nil { return true }
    return false
  }

  /// The same, as its dictionary has it.
  var ofDictionary: ArrowField {
    ArrowField(name: name, isNullable: true, layout: layout, dictionary: nil, children: children)
  }
}
