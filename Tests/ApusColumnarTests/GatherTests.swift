import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite("Rows picked out of columns")
struct GatherTests {
  private static let types: [ColumnType] = [
    ColumnType(.int64), ColumnType(.float32), ColumnType(.int8), ColumnType(.bool), ColumnType(.string),
    ColumnType(.bytes), ColumnType(.int32, .list), ColumnType(.string, .list),
    ColumnType(.float64, .vector(2)),
    ColumnType(.timestamp(.nanoseconds, isUTC: true)),
  ]

  /// A column of some rows, and each row in words.
  private static func column(
    _ type: ColumnType, _ random: inout SplitMix64, nulls: Double
  ) throws -> (Column, [String]) {
    var builder = ColumnBuilder(type, named: "c")
    for _ in 0..<random.below(40) {
      if random.chance(nulls) {
        builder.appendNull()
        continue
      }
      let count: Int
      switch type.shape {
      case .scalar: count = 1
      case .list: count = random.below(4)
      case .vector(let size): count = size
      }
      for _ in 0..<count {
        switch type.element {
        case .bool: builder.append(random.coin())
        case .string: try builder.append(random.pick(["", "a", "żółw"]))
        case .bytes:
          let bytes = random.bytes(random.below(3))
          try builder.append(unsafe bytes.span.bytes)
        case .int8: builder.append(Int8(truncatingIfNeeded: random.below(9)))
        case .int32, .float32: builder.append(Int32(truncatingIfNeeded: random.below(9)))
        default: builder.append(Int64(random.below(9)))
        }
      }
      if type.shape != .scalar { builder.endRow() }
    }
    let column = try builder.finish()
    return (column, (0..<column.count).map { words(column, $0) })
  }

  private static func words(_ column: Column, _ row: Int) -> String {
    if column.isNull(row) { return "null" }
    return column.elements(of: row).map { element in
      switch column.type.element {
      case .bool: "\(column.bool(element))"
      case .string, .bytes: "\(column.bytes(element).copied())"
      case .int8: "\(column.load(element, as: Int8.self))"
      case .int32, .float32: "\(column.load(element, as: Int32.self))"
      default: "\(column.load(element, as: Int64.self))"
      }
    }.joined(separator: ",")
  }

  @Test(
    "what is picked is what stood there, of every type, in any order, as often as wanted, with nulls between")
  func picks() throws {
    var random = SplitMix64(seed: 5)
    for round in 0..<300 {
      let type = random.pick(Self.types)
      let nulls = random.pick([0, 0, 0.3])
      var sources: [(Column, [String])] = []
      for _ in 0..<random.within(1...4) { sources.append(try Self.column(type, &random, nulls: nulls)) }
      var picks: [ColumnPick] = []
      var expected: [String] = []
      for _ in 0..<random.below(60) {
        let place = random.below(sources.count)
        let rows = sources[place].1
        if rows.isEmpty || random.chance(0.1) {
          picks.append(.null)
          expected.append("null")
          continue
        }
        let row = random.below(rows.count)
        picks.append(ColumnPick(Int32(place), Int32(row)))
        expected.append(rows[row])
      }
      var builder = ColumnBuilder(type, named: "picked")
      let half = random.below(picks.count + 1)
      let columns = sources.map(\.0)
      let (first, second) = (Array(picks[..<half]), Array(picks[half...]))
      try builder.append(first.span, of: columns)
      try builder.append(second.span, of: columns)
      let picked = try builder.finish()
      #expect((0..<picked.count).map { Self.words(picked, $0) } == expected, "round \(round) \(type)")

      for column in columns { try builder.append(all: column) }
      let all = try builder.finish()
      #expect((0..<all.count).map { Self.words(all, $0) } == sources.flatMap(\.1), "round \(round) \(type)")
    }
  }

  @Test("lists become vectors where each has as many elements, and are refused where one has not")
  func vectors() throws {
    var lists = ColumnBuilder(ColumnType(.int64, .list), named: "lists")
    for count in [2, 2, 3] {
      for number in 0..<count { lists.append(Int64(number)) }
      lists.endRow()
    }
    let column = try lists.finish()
    var vectors = ColumnBuilder(ColumnType(.int64, .vector(2)), named: "vectors")
    let good = [ColumnPick(0, 1), .null, ColumnPick(0, 0)]
    try vectors.append(good.span, of: [column])
    #expect((0..<3).map { Self.words(column, $0) } == ["0,1", "0,1", "0,1,2"])
    let picked = try vectors.finish()
    #expect((0..<3).map { Self.words(picked, $0) } == ["0,1", "null", "0,1"])
    let bad = [ColumnPick(0, 2)]
    var refused = false
    do { try vectors.append(bad.span, of: [column]) } catch { refused = true }
    #expect(refused)
  }
}
