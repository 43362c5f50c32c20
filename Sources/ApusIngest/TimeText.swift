// A moment as files spell it: RFC 3339, or the same without an offset, or a whole number of a unit that was named. What
// is one moment is read to the nanosecond; what could be two, or none, or lies beyond 64 bits of nanoseconds, is none.

import ApusContracts

package enum TimeUnit: String, CaseIterable, Sendable {
  case seconds = "s"
  case milliseconds = "ms"
  case microseconds = "us"
  case nanoseconds = "ns"

  var nanoseconds: Int64 {
    switch self {
    case .seconds: 1_000_000_000
    case .milliseconds: 1_000_000
    case .microseconds: 1_000
    case .nanoseconds: 1
    }
  }
}

enum TimeFault: Equatable, Sendable {
  case notATime
  case needsUnit
  case outOfRange
  case tooFine
  case leapSecond
  /// A clock that is put forward passes it over.
  case nonexistent
  /// A clock that is put back shows it twice.
  case ambiguous

  var words: String {
    switch self {
    case .notATime: "is no time: write 2026-11-19T14:03:22Z, with an offset or without"
    case .needsUnit: "is a whole number: --time-unit says what it counts"
    case .outOfRange: "lies outside of the years 1677 to 2262, which 64 bits of nanoseconds reach"
    case .tooFine: "is finer than a nanosecond"
    case .leapSecond: "is a leap second, which Unix time does not have"
    case .nonexistent: "is no time in this zone: the clock was put forward over it"
    case .ambiguous: "is two times in this zone: the clock was put back, and showed it twice"
    }
  }
}

enum TimeFound: Equatable {
  case moment(nanoseconds: Int64)
  case wrong(TimeFault)
}

/// Reads moments for one load, and counts those that did not say where they are meant.
struct TimeReader {
  let zone: Zone?
  let unit: TimeUnit?
  /// Without an offset, while no zone was named: taken for UTC.
  private(set) var assumedUTC = 0

  init(zone: Zone?, unit: TimeUnit?) {
    self.zone = zone
    self.unit = unit
  }

  mutating func read(_ text: Span<UInt8>) -> TimeFound {
    if Self.isWholeNumber(text) {
      guard let unit else { return .wrong(.needsUnit) }
      guard let count = NumberText.int64(text) else { return .wrong(.outOfRange) }
      return Self.moment(count, of: unit)
    }
    var spelling = TimeSpelling()
    if let fault = spelling.read(text) { return .wrong(fault) }
    var seconds = spelling.seconds
    if let offset = spelling.offset {
      seconds -= offset
    } else if let zone {
      switch zone.universal(local: seconds) {
      case .one(let found): seconds = found
      case .none: return .wrong(.nonexistent)
      case .two: return .wrong(.ambiguous)
      }
    } else {
      assumedUTC += 1
    }
    return Self.moment(seconds, spelling.nanoseconds)
  }

  /// A whole number of the load's unit.
  func read(_ count: Int64) -> TimeFound {
    guard let unit else { return .wrong(.needsUnit) }
    return Self.moment(count, of: unit)
  }

  /// A count since 1970: of the UTC clock, or of a clock on the wall of the load's zone.
  mutating func read(_ count: Int64, of unit: TimeUnit, isUTC: Bool) -> TimeFound {
    if isUTC || zone == nil {
      if !isUTC { assumedUTC += 1 }
      return Self.moment(count, of: unit)
    }
    guard let zone else { return Self.moment(count, of: unit) }
    let perSecond = 1_000_000_000 / unit.nanoseconds
    var (seconds, rest) = count.quotientAndRemainder(dividingBy: perSecond)
    if rest < 0 {
      seconds -= 1
      rest += perSecond
    }
    // Further from 1970 no zone brings a time back into reach.
    guard seconds.magnitude <= Self.secondsMax else { return .wrong(.outOfRange) }
    switch zone.universal(local: seconds) {
    case .one(let found): return Self.moment(found, rest * unit.nanoseconds)
    case .none: return .wrong(.nonexistent)
    case .two: return .wrong(.ambiguous)
    }
  }

  private static let secondsMax: UInt64 = 9_300_000_000

  private static func moment(_ count: Int64, of unit: TimeUnit) -> TimeFound {
    let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: unit.nanoseconds)
    return overflow ? .wrong(.outOfRange) : .moment(nanoseconds: nanoseconds)
  }

  private static func moment(_ whole: Int64, _ part: Int64) -> TimeFound {
    var seconds = whole
    var fraction = part
    // Before 1970 from the second's end, so that the first moment of all, in a second that began too early, is read too.
    if seconds < 0, fraction > 0 {
      seconds += 1
      fraction -= 1_000_000_000
    }
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = product.addingReportingOverflow(fraction)
    return overflow || carry ? .wrong(.outOfRange) : .moment(nanoseconds: sum)
  }

  private static func isWholeNumber(_ text: Span<UInt8>) -> Bool {
    var at = 0
    if text.count > 1, text[0] == 0x2D { at = 1 }
    guard at < text.count else { return false }
    while at < text.count {
      guard text[at] >= 0x30, text[at] <= 0x39 else { return false }
      at += 1
    }
    return true
  }
}

/// The parts of a written moment.
private struct TimeSpelling {
  /// Since 1970, as if what is written were UTC.
  var seconds: Int64 = 0
  var nanoseconds: Int64 = 0
  /// East of Greenwich; nil when none is written.
  var offset: Int64?

  mutating func read(_ text: Span<UInt8>) -> TimeFault? {
    guard let year = Self.number(text, 0, 4), Self.has(text, 4, 0x2D), let month = Self.number(text, 5, 2),
      Self.has(text, 7, 0x2D), let day = Self.number(text, 8, 2), (1...12).contains(month), day >= 1,
      day <= TimestampSpelling.days(inMonth: month, of: year)
    else { return .notATime }
    seconds = TimestampSpelling.dayNumber(year, month, day) * 86_400
    if text.count == 10 { return nil }
    guard Self.has(text, 10, 0x54) || Self.has(text, 10, 0x74) || Self.has(text, 10, 0x20),
      let hour = Self.number(text, 11, 2), Self.has(text, 13, 0x3A), let minute = Self.number(text, 14, 2),
      Self.has(text, 16, 0x3A), let second = Self.number(text, 17, 2), hour < 24, minute < 60, second <= 60
    else { return .notATime }
    if second == 60 { return .leapSecond }
    seconds += hour * 3_600 + minute * 60 + second
    var at = 19
    if Self.has(text, at, 0x2E) {
      let start = at + 1
      at = start
      while at < text.count, text[at] >= 0x30, text[at] <= 0x39 { at += 1 }
      guard at > start else { return .notATime }
      guard at - start <= 9 else { return .tooFine }
      guard var fraction = Self.number(text, start, at - start) else { return .notATime }
      for _ in at - start..<9 { fraction *= 10 }
      nanoseconds = fraction
    }
    if at == text.count { return nil }
    if Self.has(text, at, 0x5A) || Self.has(text, at, 0x7A) {
      offset = 0
      return at + 1 == text.count ? nil : .notATime
    }
    guard let found = Self.offset(text.extracting(at...)) else { return .notATime }
    offset = found
    return nil
  }

  /// `+02:00`.
  static func offset(_ text: Span<UInt8>) -> Int64? {
    guard text.count == 6, has(text, 0, 0x2B) || has(text, 0, 0x2D), let hours = number(text, 1, 2),
      has(text, 3, 0x3A), let minutes = number(text, 4, 2), hours < 24, minutes < 60
    else { return nil }
    let offset = hours * 3_600 + minutes * 60
    return has(text, 0, 0x2D) ? -offset : offset
  }

  private static func has(_ text: Span<UInt8>, _ at: Int, _ byte: UInt8) -> Bool {
    at < text.count && text[at] == byte
  }

  private static func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
    guard start + count <= text.count else { return nil }
    var value: Int64 = 0
    for at in start..<start + count {
      let digit = text[at] &- 0x30
      guard digit < 10 else { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }
}

extension Zone {
  /// `UTC`, `Z`, `+02:00`; nil for what must be a zone by its name.
  package static func fixed(spelling: String) -> Zone? {
    if spelling == "UTC" || spelling == "Z" { return .fixed(seconds: 0) }
    let bytes = Array(spelling.utf8)
    return TimeSpelling.offset(bytes.span).map { .fixed(seconds: $0) }
  }
}
