// Where each column's values stand in the replies of one handle. It follows from the types alone, and is worked out once, when
// the handle is made; a request's number of rows then gives every place in constant time.
//
// Widths are 1, 4, or a multiple of 4. A width is 8·a + r with r of 0, 1 or 4, so that rows × width, aligned, is
// 8·a·rows + aligned(r·rows), and the place of a column needs four counts over those before it.

package import ApusBytes
package import ApusContracts

@usableFromInline
package final class ReplyShape: Sendable {
  /// What follows from a type.
  @usableFromInline
  package enum Form: UInt8, Sendable {
    /// Bools, numbers, timestamps, and vectors of numbers: so many bytes in every row.
    case fixed
    /// A string or bytes.
    case bytes
    /// A list of elements of fixed size.
    case elements
    /// A list of strings or bytes.
    case texts

    package init(_ type: FeatureType) {
      switch (type.shape, type.element.byteCount) {
      case (.vector, _), (.scalar, .some): self = .fixed
      case (.scalar, .none): self = .bytes
      case (.list, .some): self = .elements
      case (.list, .none): self = .texts
      }
    }
  }

  @usableFromInline
  package struct Column: Sendable {
    package let type: FeatureType
    package let form: Form
    /// Of a value of fixed form, or of an element of a list; 0 where that differs.
    let width: Int
    /// In the layout *row*: the value's place behind the reply's head, or the number of its end.
    let rowPlace: Int
    /// Whether it has an end in the layout *row*.
    let hasRowEnd: Bool
    /// Which of the columns with ends it is in the layout *columns*.
    let variable: Int
    package let hasDefault: Bool
    /// In `defaults`.
    let defaultRange: Range<Int>
    /// Of the columns before it, in the layout *columns*.
    let before: Sum
  }

  /// Columns whose values stand side by side in the layout *row*.
  package struct RowRun: Equatable, Sendable {
    package fileprivate(set) var columns: Range<Int>
    /// Behind the reply's head.
    let place: Int
    fileprivate(set) var byteCount: Int
  }

  /// What some columns take in section 1.
  struct Sum: Sendable {
    /// Bytes of a row in whole eights, columns that have four more, one more, and columns with ends.
    var eights = 0
    var fours = 0
    var ones = 0
    var ends = 0

    func byteCount(rows: Int) -> Int {
      8 * rows * eights + ReplyShape.aligned(4 * rows) * fours + ReplyShape.aligned(rows) * ones
        + ReplyShape.aligned(4 * (rows + 1)) * ends
    }

  }

  static func aligned(_ count: Int) -> Int { (count + 7) & ~7 }

  package let columns: [Column]
  let sum: Sum
  /// In the layout *row*: bytes of the values of fixed size, and how many ends follow.
  let rowFixedByteCount: Int
  let rowEndCount: Int
  /// The defaults' bytes, one after another.
  let defaults: [UInt8]

  /// `defaults` are of the columns' types; nil: none.
  package init(_ types: [FeatureType], defaults: [Value?]) {
    precondition(types.count == defaults.count, "every column has a default or none")
    var sum = Sum()
    var rowPlaces = [8: 0, 4: 0, 1: 0]
    for type in types { if let width = type.slotByteCount { rowPlaces[width, default: 0] += width } }
    rowFixedByteCount = rowPlaces.values.reduce(0, +)
    // The columns of 8 bytes, then those of 4, then those of 1.
    rowPlaces = [8: 0, 4: rowPlaces[8, default: 0], 1: rowPlaces[8, default: 0] + rowPlaces[4, default: 0]]

    var columns: [Column] = []
    var rowEndCount = 0
    var written = ByteWriter()
    for (type, value) in zip(types, defaults) {
      let form = Form(type)
      let width = (form == .fixed ? type.slotByteCount ?? type.vectorByteCount : type.element.byteCount) ?? 0
      let rowPlace: Int
      if let slot = type.slotByteCount {
        rowPlace = rowPlaces[slot, default: 0]
        rowPlaces[slot] = rowPlace + slot
      } else {
        rowPlace = rowEndCount
        rowEndCount += 1
      }
      let start = written.count
      value?.write(into: &written)
      columns.append(
        Column(
          type: type, form: form, width: width, rowPlace: rowPlace, hasRowEnd: type.slotByteCount == nil,
          variable: sum.ends, hasDefault: value != nil, defaultRange: start..<written.count, before: sum))
      if form == .fixed {
        sum.eights += width / 8
        sum.fours += width % 8 == 4 ? 1 : 0
        sum.ones += width == 1 ? 1 : 0
      } else {
        sum.ends += 1
      }
    }
    self.columns = columns
    self.sum = sum
    self.rowEndCount = rowEndCount
    self.defaults = written.bytes.copied()
  }

  /// The shape that a client learns from PREPARE's reply: it knows which columns have defaults, and not which.
  package init(_ columns: [PrepareReply.Column]) {
    let bare = ReplyShape(columns.map(\.type), defaults: columns.map { _ in nil })
    self.columns = zip(bare.columns, columns).map { known, said in
      Column(
        type: known.type, form: known.form, width: known.width, rowPlace: known.rowPlace,
        hasRowEnd: known.hasRowEnd, variable: known.variable, hasDefault: said.hasDefault,
        defaultRange: 0..<0, before: known.before)
    }
    sum = bare.sum
    rowFixedByteCount = bare.rowFixedByteCount
    rowEndCount = bare.rowEndCount
    defaults = []
  }

  /// The run of one column; nil when it has no place in the layout *row* that is known beforehand.
  package func rowRun(_ column: Int) -> RowRun? {
    guard columns.indices.contains(column), !columns[column].hasRowEnd else { return nil }
    return RowRun(
      columns: column..<(column + 1), place: columns[column].rowPlace, byteCount: columns[column].width)
  }

  /// Takes the next column to the run's end; false when its value does not stand there.
  package func extend(_ run: inout RowRun) -> Bool {
    let column = run.columns.upperBound
    guard columns.indices.contains(column), !columns[column].hasRowEnd,
      columns[column].rowPlace == run.place + run.byteCount
    else { return false }
    run.columns = run.columns.lowerBound..<(column + 1)
    run.byteCount += columns[column].width
    return true
  }

  /// Columns whose values are counted by ends in the layout *columns*.
  var variableCount: Int { sum.ends }

  /// Whether every column can be answered so.
  package func takes(_ layout: ReplyLayout) -> Bool { columns.allSatisfy { layout.takes($0.type) } }

  /// What a reply takes before any variable value and any code is written: head, values of fixed size, ends.
  package func fixedByteCount(rows: Int, layout: ReplyLayout) -> Int {
    switch layout {
    case .columns: GetReplyHead.byteCount + sum.byteCount(rows: rows)
    case .row: GetReplyHead.byteCount + rowFixedByteCount + 4 * rowEndCount
    case .denseFloat32: GetReplyHead.byteCount + 4 * rows * columns.count
    case .denseFloat64: GetReplyHead.byteCount + 8 * rows * columns.count
    }
  }

  /// What event times and LSNs take, when they are asked for.
  func stampsByteCount(rows: Int, options: GetOptions) -> Int {
    8 * rows * columns.count * ((options.contains(.eventTimes) ? 1 : 0) + (options.contains(.lsns) ? 1 : 0))
  }

  /// Between the codes of a column and those of the next, in the layout *columns*.
  static func codesStride(rows: Int) -> Int { Self.aligned(rows) }
  static func validityStride(rows: Int) -> Int { Self.aligned((rows + 7) / 8) }

  /// Where a column's fixed values or ends stand in a reply of so many rows in the layout *columns*.
  package func placeInColumns(_ column: Int, rows: Int) -> Int {
    GetReplyHead.byteCount + columns[column].before.byteCount(rows: rows)
  }
}

/// What every reply to GET begins with.
package struct GetReplyHead: Equatable, Sendable {
  package static let byteCount = 24
  static let flagsAt = 16
  static let allPresentFlag: UInt8 = 1
  static let mayLackFlag: UInt8 = 2

  package var lsn: LSN
  package var time: ReadTime
  package var areAllPresent: Bool
  /// The store may lack something: DESCRIBE says what.
  package var mayLack: Bool
  package var layout: ReplyLayout
  package var rows: Int
  package var columns: Int

  func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(time.nanoseconds)
    // One word: the flags, the layout, how many rows and how many columns, and zero.
    let flags = (areAllPresent ? Self.allPresentFlag : 0) | (mayLack ? Self.mayLackFlag : 0)
    writer.write(
      UInt64(flags) | UInt64(layout.rawValue) << 8 | UInt64(UInt16(rows)) << 16 | UInt64(UInt16(columns))
        << 32)
  }

  @_lifetime(reader: copy reader)
  init(_ reader: inout BodyReader) throws(WireError) {
    lsn = LSN(rawValue: try reader.number("the LSN"))
    time = ReadTime(nanoseconds: try reader.number("the time"))
    let flags = try reader.number("GET's flags", as: UInt8.self)
    guard flags & ~(Self.allPresentFlag | Self.mayLackFlag) == 0 else {
      throw .malformed("GET's reply has the unknown flags \(flags)", at: Self.flagsAt)
    }
    areAllPresent = flags & Self.allPresentFlag != 0
    mayLack = flags & Self.mayLackFlag != 0
    guard let layout = ReplyLayout(rawValue: try reader.number("the layout")) else {
      throw .malformed("an unknown layout", at: Self.flagsAt &+ 1)
    }
    self.layout = layout
    rows = Int(clamping: try reader.number("the rows", as: UInt16.self))
    columns = Int(clamping: try reader.number("the columns", as: UInt16.self))
    try reader.zero(2)
  }

  init(lsn: LSN, time: ReadTime, mayLack: Bool, layout: ReplyLayout, rows: Int, columns: Int) {
    (self.lsn, self.time, self.mayLack) = (lsn, time, mayLack)
    (self.layout, self.rows, self.columns) = (layout, rows, columns)
    areAllPresent = false
  }
}
