// A reply to GET, in every layout.

/// What a client knows when a reply comes.
struct PlainQuestion: Sendable {
  var types: [PlainType]
  /// Of each column.
  var hasDefault: [Bool]
  var rows: Int
  var layout: Int
  var options: Int
}

extension PlainReader {
  /// Cells row after row. `isOurs`: also holds the validity bits against the codes, as a server must have it.
  static func getReply(_ body: [UInt8], _ asked: PlainQuestion, isOurs: Bool) throws -> Plain {
    let reader = PlainReader(body)
    let (lsn, time) = (try reader.number(8), try reader.signed())
    let flags = try reader.one(of: 0...3, size: 1)
    let (layout, rows, columns) = (try reader.int(1), try reader.int(2), try reader.int(2))
    try reader.zero(2)
    guard layout == asked.layout, rows == asked.rows, columns == asked.types.count else {
      throw PlainFault(description: "not what was asked")
    }
    let isDense = asked.types.allSatisfy {
      $0.shape == 0 && ![6, 7].contains($0.element) && (layout == 4 || ![3, 8].contains($0.element))
    }
    guard layout < 3 || isDense else { throw PlainFault(description: "not dense") }
    let cells =
      switch layout {
      case 1: try reader.columns(asked, flags, isOurs: isOurs)
      case 2: try reader.row(asked, flags)
      default: try reader.dense(asked, flags)
      }
    try reader.end()
    return .of([
      "lsn": lsn, "time": time, "may lack": .number(flags >> 1), "all present": .number(flags & 1),
      "rows": .list(cells.map { .list($0) }),
    ])
  }

  private func hasValue(_ code: UInt8, _ column: Int, _ asked: PlainQuestion) -> Bool {
    switch code {
    case 1: true
    case 4: asked.options & 4 != 0 || asked.hasDefault[column]
    case 3, 5, 6, 7, 8: asked.hasDefault[column]
    default: false
    }
  }

  private func codes(_ count: Int) throws -> [UInt8] {
    let codes = try take(count)
    guard codes.allSatisfy({ $0 <= 9 }) else { throw PlainFault(description: "codes") }
    return codes
  }

  /// Event times and LSNs, as many as there are cells; nil where they were not asked for.
  private func stamps(_ asked: PlainQuestion) throws -> (times: [Int64]?, lsns: [UInt64]?) {
    let count = asked.rows * asked.types.count
    let times = asked.options & 8 != 0 ? try (0..<count).map { _ in Int64(bitPattern: try u(8)) } : nil
    let lsns = asked.options & 16 != 0 ? try (0..<count).map { _ in try u(8) } : nil
    return (times, lsns)
  }

  private func cell(_ code: UInt8, _ value: Plain, _ time: Int64?, _ lsn: UInt64?) -> Plain {
    let hasWinner = [1, 2, 4, 9].contains(code) || code == 6 && time != 0
    return .of([
      "code": .number(code), "value": value,
      "time": hasWinner ? time.map { .number($0) } ?? .nothing : .nothing,
      "lsn": lsn == 0 ? .nothing : lsn.map { .number($0) } ?? .nothing,
    ])
  }

  private func columns(_ asked: PlainQuestion, _ flags: Int, isOurs: Bool) throws -> [[Plain]] {
    let (rows, count) = (asked.rows, asked.types.count)
    var firsts: [(values: [[UInt8]], ends: [Int])] = []
    for type in asked.types { firsts.append(try section1(type, rows: rows)) }
    let values = try zip(asked.types, firsts).map { try section2($0, $1) }
    var all = [[UInt8]](repeating: [UInt8](repeating: 1, count: rows), count: count)
    if flags & 1 == 0 {
      for column in 0..<count {
        all[column] = try codes(rows)
        try align()
      }
      for column in 0..<count {
        let bits = try take((rows + 7) / 8)
        try align()
        guard isOurs else { continue }
        for row in 0..<(bits.count * 8) {
          let isSet = bits[row / 8] >> UInt8(row % 8) & 1 == 1
          guard isSet == (row < rows && hasValue(all[column][row], column, asked)) else {
            throw PlainFault(description: "validity")
          }
        }
      }
    }
    let stamps = try stamps(asked)
    return try (0..<rows).map { row in
      try (0..<count).map { column in
        let code = all[column][row]
        let value =
          hasValue(code, column, asked) ? try Self.value(values[column][row], asked.types[column]) : .nothing
        let at = column * rows + row
        return cell(code, value, stamps.times?[at], stamps.lsns?[at])
      }
    }
  }

  private func row(_ asked: PlainQuestion, _ flags: Int) throws -> [[Plain]] {
    let count = asked.types.count
    var values = [[UInt8]](repeating: [], count: count)
    for size in [8, 4, 1] {
      for (column, type) in asked.types.enumerated() where type.shape == 0 && type.fixedSize == size {
        values[column] = try take(size)
      }
    }
    let others = asked.types.indices.filter { asked.types[$0].shape != 0 || asked.types[$0].fixedSize == 0 }
    let ends = [0] + (try others.map { _ in try int(4) })
    for (column, value) in zip(others, try Self.slices(try take(ends[others.count]), ends)) {
      values[column] = value
    }
    var codes = [UInt8](repeating: 1, count: count)
    if flags & 1 == 0 {
      let packed = try take((count + 1) / 2)
      codes = packed.flatMap { [$0 & 15, $0 >> 4] }
      if count % 2 == 1, codes.removeLast() != 0 { throw PlainFault(description: "half a byte") }
      guard codes.allSatisfy({ $0 <= 9 }) else { throw PlainFault(description: "codes") }
    }
    let stamps = try stamps(asked)
    return [
      try (0..<count).map { column in
        let value =
          hasValue(codes[column], column, asked)
          ? try Self.value(values[column], asked.types[column]) : .nothing
        return cell(codes[column], value, stamps.times?[column], stamps.lsns?[column])
      }
    ]
  }

  private func dense(_ asked: PlainQuestion, _ flags: Int) throws -> [[Plain]] {
    let count = asked.types.count
    var values: [Plain] = []
    for _ in 0..<(asked.rows * count) {
      values.append(
        asked.layout == 3
          ? .bits(Float(bitPattern: UInt32(try u(4)))) : .bits(Double(bitPattern: try u(8))))
    }
    var codes = [UInt8](repeating: 1, count: values.count)
    if flags & 1 == 0 { codes = try self.codes(values.count) }
    if asked.options & 24 != 0 { try align() }
    let stamps = try stamps(asked)
    return (0..<asked.rows).map { row in
      (0..<count).map { column in
        let at = row * count + column
        let value = hasValue(codes[at], column, asked) ? values[at] : .nothing
        return cell(codes[at], value, stamps.times?[at], stamps.lsns?[at])
      }
    }
  }
}
