// A column's type from the words that `description` has for it.

extension ColumnType {
  /// Longer ones are no words of ours.
  private static let vectorCountMax = 1 << 20

  /// Nil for anything else.
  package init?(_ spelling: String) {
    if spelling.hasPrefix("list<"), spelling.hasSuffix(">") {
      guard let element = ColumnElement(String(spelling.dropFirst(5).dropLast())) else { return nil }
      self.init(element, .list)
      return
    }
    if let element = ColumnElement(spelling) {
      self.init(element)
      return
    }
    guard spelling.hasSuffix("]"), let open = spelling.lastIndex(of: "["),
      let element = ColumnElement(String(spelling[..<open])),
      let count = Int(spelling[spelling.index(after: open)...].dropLast()), 1...Self.vectorCountMax ~= count
    else { return nil }
    self.init(element, .vector(count))
  }
}

extension ColumnElement {
  private static let all: [ColumnElement] =
    [
      .null, .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64,
      .string, .bytes, .date,
    ]
    + [ColumnTimeUnit.seconds, .milliseconds, .microseconds, .nanoseconds].flatMap { unit in
      [true, false].map { ColumnElement.timestamp(unit, isUTC: $0) }
    }

  fileprivate init?(_ spelling: String) {
    guard let found = Self.all.first(where: { $0.description == spelling }) else { return nil }
    self = found
  }
}
