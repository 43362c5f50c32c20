// How a type is spelled in definitions: `int64`, `list<string>`, `float32[64]`. One type has one spelling, and what the
// description of a type says reads back as that type. Numbers in these enums are written to disk and never change.

/// What one value, or one element of many, is.
package enum DefinedScalar: UInt8, CaseIterable, Sendable {
  case bool = 1
  case int32, int64, float32, float64, string, bytes, timestamp

  package init?(spelling: some StringProtocol) {
    guard let scalar = Self.allCases.first(where: { $0.spelling == spelling }) else { return nil }
    self = scalar
  }

  package var spelling: String {
    switch self {
    case .bool: "bool"
    case .int32: "int32"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .bytes: "bytes"
    case .timestamp: "timestamp"
    }
  }

  package var isFloat: Bool { self == .float32 || self == .float64 }
  package var isInteger: Bool { self == .int32 || self == .int64 }
  /// Whether one value comes before another, so that `min` and `max` mean something.
  package var isOrdered: Bool { isFloat || isInteger || self == .timestamp }
  /// Floats are no keys: 0.1 + 0.2 is not 0.3, and NaN is not even itself.
  package var isKey: Bool { !isFloat }
}

/// What a feature's values are.
package enum DefinedType: Hashable, Sendable {
  case one(DefinedScalar)
  case list(of: DefinedScalar)
  case vector(of: DefinedScalar, count: Int)

  package static let vectorCountMax = 16_384

  package var element: DefinedScalar {
    switch self {
    case .one(let scalar), .list(let scalar), .vector(let scalar, _): scalar
    }
  }

  package var isOne: Bool { if case .one = self { true } else { false } }

  /// Why a spelling is no type.
  package enum Fault: Error, Equatable, Sendable {
    case unknown(String)
    case vectorCount(String)
    case vectorElement(DefinedScalar)
  }

  package init(spelling: String) throws(Fault) {
    if let scalar = DefinedScalar(spelling: spelling) {
      self = .one(scalar)
    } else if spelling.hasPrefix("list<"), spelling.hasSuffix(">") {
      let inner = spelling.dropFirst(5).dropLast()
      guard let scalar = DefinedScalar(spelling: inner) else { throw .unknown(String(inner)) }
      self = .list(of: scalar)
    } else if spelling.hasSuffix("]"), let open = spelling.firstIndex(of: "[") {
      let inner = spelling[..<open]
      guard let scalar = DefinedScalar(spelling: inner) else { throw .unknown(String(inner)) }
      guard scalar.isFloat || scalar.isInteger else { throw .vectorElement(scalar) }
      let digits = spelling[open...].dropFirst().dropLast()
      guard let count = Int(digits), "\(count)" == digits, (1...Self.vectorCountMax).contains(count) else {
        throw .vectorCount(String(digits))
      }
      self = .vector(of: scalar, count: count)
    } else {
      throw .unknown(spelling)
    }
  }
}

extension DefinedType: CustomStringConvertible {
  package var description: String {
    switch self {
    case .one(let scalar): scalar.spelling
    case .list(let scalar): "list<\(scalar.spelling)>"
    case .vector(let scalar, let count): "\(scalar.spelling)[\(count)]"
    }
  }
}

/// A value of one of those types. Narrow numbers are held wide, but only as what they are: a float32 is a number
/// that 32 bits hold.
///
/// Two strings are the same value when their bytes are: Swift's own equality would take a letter with an accent and the
/// two characters that show as one for the same, and `one_of` would admit what is not in it.
package enum DefinedValue: Sendable {
  case bool(Bool)
  case integer(Int64)
  case float(Double)
  case string(String)
  case bytes([UInt8])
  /// Nanoseconds since 1970, UTC.
  case timestamp(Int64)
  case many([DefinedValue])

  /// Whether this is a value of the type.
  package func isOf(_ type: DefinedType) -> Bool {
    switch (self, type) {
    case (_, .one(let scalar)): isOf(scalar)
    case (.many(let values), .list(let scalar)): values.allSatisfy { $0.isOf(scalar) }
    case (.many(let values), .vector(let scalar, let count)):
      values.count == count && values.allSatisfy { $0.isOf(scalar) }
    default: false
    }
  }

  private func isOf(_ scalar: DefinedScalar) -> Bool {
    switch (self, scalar) {
    case (.bool, .bool), (.integer, .int64), (.float, .float64), (.string, .string), (.bytes, .bytes): true
    case (.timestamp, .timestamp): true
    case (.integer(let value), .int32): Int32(exactly: value) != nil
    case (.float(let value), .float32): value.isNaN || Double(Float(value)) == value
    default: false
    }
  }
}

extension DefinedValue: Hashable {
  package static func == (a: DefinedValue, b: DefinedValue) -> Bool {
    switch (a, b) {
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)), (.timestamp(let a), .timestamp(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.many(let a), .many(let b)): a == b
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .bool(let value): hasher.combine(value)
    case .integer(let value), .timestamp(let value): hasher.combine(value)
    case .float(let value): hasher.combine(value)
    case .string(let text): for byte in text.utf8 { hasher.combine(byte) }
    case .bytes(let bytes): hasher.combine(bytes)
    case .many(let values): hasher.combine(values)
    }
  }
}

extension DefinedValue {
  /// What a scalar of a file means as a value of this type, or nil when it means none. A float32 is rounded as every
  /// producer's is, so that `max: 0.1` admits 0.1. There is no way to write bytes.
  /// Minus zero is zero (which adding 0 makes of it): equal values have equal bytes.
  package init?(_ scalar: YamlScalar, as type: DefinedScalar) {
    switch (scalar, type) {
    case (.bool(let value), .bool): self = .bool(value)
    case (.integer(let value), .int64): self = .integer(value)
    case (.integer(let value), .int32) where Int32(exactly: value) != nil: self = .integer(value)
    case (.integer(let value), .float64): self = .float(Double(value))
    case (.float(let value), .float64) where value.isFinite: self = .float(value + 0)
    case (.integer(let value), .float32): self = .float(Double(Float(value)))
    case (.float(let value), .float32) where Float(value).isFinite: self = .float(Double(Float(value)) + 0)
    case (.string(let text), .string): self = .string(text)
    case (.string(let text), .timestamp):
      guard let nanoseconds = TimestampSpelling.nanoseconds(text) else { return nil }
      self = .timestamp(nanoseconds)
    default: return nil
    }
  }

  /// Whether the value comes before the other; false between kinds, and for NaN.
  package func isBefore(_ other: DefinedValue) -> Bool {
    switch (self, other) {
    case (.integer(let a), .integer(let b)): a < b
    case (.float(let a), .float(let b)): a < b
    case (.timestamp(let a), .timestamp(let b)): a < b
    default: false
    }
  }
}

extension DefinedValue: CustomStringConvertible {
  /// As a definition would spell it.
  package var description: String {
    switch self {
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .float(let value):
      // `2.0` reads back as a float and `2` as an integer that a float takes: the shorter is what people write.
      if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { "\(whole)" } else { "\(value)" }
    case .string(let text): YamlText.quoted(text)
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .timestamp(let nanoseconds): YamlText.quoted(TimestampSpelling.text(nanoseconds))
    case .many(let values): "[\(values.map(\.description).joined(separator: ", "))]"
    }
  }
}

/// RFC 3339 in the proleptic Gregorian calendar: `2026-11-19T14:03:22Z`, with up to nine digits of a second and with `Z`
/// or an offset. A day alone is its midnight UTC. There are no leap seconds.
package enum TimestampSpelling {
  package static func nanoseconds(_ text: String) -> Int64? {
    var rest = text.utf8[...]
    func number(_ count: Int) -> Int64? {
      let digits = rest.prefix(count)
      guard digits.count == count else { return nil }
      var value: Int64 = 0
      for byte in digits {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int64(byte - 0x30)
      }
      rest = rest.dropFirst(count)
      return value
    }
    func skip(_ bytes: UInt8...) -> Bool {
      guard let first = rest.first, bytes.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }

    guard let year = number(4), skip(0x2D), let month = number(2), skip(0x2D), let day = number(2),
      (1...12).contains(month), day >= 1, day <= days(inMonth: month, of: year)
    else { return nil }
    var seconds = dayNumber(year, month, day) * 86_400
    var fraction: Int64 = 0
    if !rest.isEmpty {
      guard skip(0x54, 0x74, 0x20), let hour = number(2), skip(0x3A), let minute = number(2), skip(0x3A),
        let second = number(2), hour < 24, minute < 60, second < 60
      else { return nil }
      seconds += hour * 3_600 + minute * 60 + second
      if skip(0x2E) {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
        guard (1...9).contains(digits), let value = number(digits) else { return nil }
        fraction = (digits..<9).reduce(value) { scaled, _ in scaled * 10 }
      }
      if !skip(0x5A, 0x7A) {
        let isBehind = rest.first == 0x2D
        guard skip(0x2B, 0x2D), let hours = number(2), skip(0x3A), let minutes = number(2), hours < 24,
          minutes < 60
        else { return nil }
        seconds += (isBehind ? 1 : -1) * (hours * 3_600 + minutes * 60)
      }
      guard rest.isEmpty else { return nil }
    }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = whole.addingReportingOverflow(fraction)
    return overflow || carry ? nil : sum
  }

  package static func text(_ nanoseconds: Int64) -> String {
    let (seconds, fraction) = floored(nanoseconds, 1_000_000_000)
    let (day, second) = floored(seconds, 86_400)
    // Howard Hinnant's `civil_from_days`: an era is 400 years, and years begin in March.
    let shifted = day + 719_468
    let (era, dayOfEra) = floored(shifted, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date =
      "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * marchMonth + 2) / 5 + 1, 2))"
    let time = "\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    return fraction == 0 ? "\(date)T\(time)Z" : "\(date)T\(time).\(padded(fraction, 9))Z"
  }

  private static func floored(_ value: Int64, _ by: Int64) -> (quotient: Int64, rest: Int64) {
    let rest = value % by
    return rest < 0 ? (value / by - 1, rest + by) : (value / by, rest)
  }

  private static func padded(_ value: Int64, _ count: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01, by Hinnant's `days_from_civil`.
  private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floored(shifted, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
