// The rule behind the last moment of a zone's file, as POSIX spells it in TZ: `CET-1CEST,M3.5.0,M10.5.0/3`. Offsets count
// east here, and west there.

import ApusContracts

package struct ZoneRule: Equatable, Sendable {
  let standard: Int64
  let summer: Summer?

  struct Summer: Equatable, Sendable {
    let offset: Int64
    let begins: Day
    let ends: Day
  }

  /// A day of every year, and the time on it that a clock shows when it is changed.
  struct Day: Equatable, Sendable {
    enum Name: Equatable, Sendable {
      /// 1 to 365; the 29th of February is not counted.
      case julian(Int64)
      /// 0 to 365; it is counted.
      case zeroBased(Int64)
      /// The week is 1 to 5, and 5 is the last; the weekday is 0 for Sunday.
      case weekday(month: Int64, week: Int64, day: Int64)
    }

    let name: Name
    let seconds: Int64

    /// In seconds since 1970, as a clock there shows it.
    func local(in year: Int64) -> Int64 {
      let newYear = TimestampSpelling.dayNumber(year, 1, 1)
      let day: Int64
      switch name {
      case .julian(let number):
        let isLeap = TimestampSpelling.days(inMonth: 2, of: year) == 29
        day = newYear + number - 1 + (isLeap && number >= 60 ? 1 : 0)
      case .zeroBased(let number): day = newYear + number
      case .weekday(let month, let week, let weekday):
        let first = TimestampSpelling.dayNumber(year, month, 1)
        // The first of January 1970 was a Thursday.
        let firstWeekday = ((first + 4) % 7 + 7) % 7
        var number = 1 + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
        if number > TimestampSpelling.days(inMonth: month, of: year) { number -= 7 }
        day = first + number - 1
      }
      return day * 86_400 + seconds
    }
  }

  func offset(at moment: Int64) -> Int64 {
    guard let summer else { return standard }
    let year = Self.year(of: moment + standard)
    let begins = summer.begins.local(in: year) - standard
    let ends = summer.ends.local(in: year) - summer.offset
    let isSummer =
      begins < ends ? moment >= begins && moment < ends : !(moment >= ends && moment < begins)
    return isSummer ? summer.offset : standard
  }

  /// Of seconds since 1970.
  private static func year(of seconds: Int64) -> Int64 {
    let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    var year = 1970 + day / 366
    while TimestampSpelling.dayNumber(year + 1, 1, 1) <= day { year += 1 }
    while TimestampSpelling.dayNumber(year, 1, 1) > day { year -= 1 }
    return year
  }
}

// MARK: Reading

extension ZoneRule {
  /// Nil for what is no rule.
  init?(_ spelling: [UInt8]) {
    var text = RuleTextReader(spelling)
    guard text.name(), let standard = text.time(hoursMax: 24) else { return nil }
    self.standard = -standard
    if text.isAtEnd {
      summer = nil
      return
    }
    guard text.name() else { return nil }
    var offset = -standard + 3_600
    if !text.isAtEnd, !text.isNext(0x2C) {
      guard let west = text.time(hoursMax: 24) else { return nil }
      offset = -west
    }
    guard text.skip(0x2C), let begins = text.day(), text.skip(0x2C), let ends = text.day(), text.isAtEnd
    else { return nil }
    summer = Summer(offset: offset, begins: begins, ends: ends)
  }
}

private struct RuleTextReader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { at == bytes.count }
  func isNext(_ byte: UInt8) -> Bool { at < bytes.count && bytes[at] == byte }

  mutating func skip(_ byte: UInt8) -> Bool {
    guard isNext(byte) else { return false }
    at += 1
    return true
  }

  /// `CET`, or `<+03>`.
  mutating func name() -> Bool {
    let start = at
    if skip(0x3C) {
      while at < bytes.count, bytes[at] != 0x3E { at += 1 }
      return skip(0x3E) && at > start + 2
    }
    while at < bytes.count, bytes[at] | 0x20 >= 0x61, bytes[at] | 0x20 <= 0x7A { at += 1 }
    return at >= start + 3
  }

  mutating func number(max: Int64) -> Int64? {
    let start = at
    var value: Int64 = 0
    while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39 {
      guard at < start + 4 else { return nil }
      value = value * 10 + Int64(bytes[at] - 0x30)  // widens UInt8
      at += 1
    }
    return at > start && value <= max ? value : nil
  }

  /// `[+-]hh[:mm[:ss]]`, in seconds.
  mutating func time(hoursMax: Int64) -> Int64? {
    let isNegative = skip(0x2D)
    if !isNegative { _ = skip(0x2B) }
    guard let hours = number(max: hoursMax) else { return nil }
    var seconds = hours * 3_600
    if skip(0x3A) {
      guard let minutes = number(max: 59) else { return nil }
      seconds += minutes * 60
      if skip(0x3A) {
        guard let rest = number(max: 59) else { return nil }
        seconds += rest
      }
    }
    return isNegative ? -seconds : seconds
  }

  mutating func day() -> ZoneRule.Day? {
    let name: ZoneRule.Day.Name
    if skip(0x4D) {
      guard let month = number(max: 12), month >= 1, skip(0x2E), let week = number(max: 5), week >= 1,
        skip(0x2E), let day = number(max: 6)
      else { return nil }
      name = .weekday(month: month, week: week, day: day)
    } else if skip(0x4A) {
      guard let number = number(max: 365), number >= 1 else { return nil }
      name = .julian(number)
    } else {
      guard let number = number(max: 365) else { return nil }
      name = .zeroBased(number)
    }
    var seconds: Int64 = 7_200
    if skip(0x2F) {
      // A day may be changed a week before or after itself.
      guard let given = time(hoursMax: 167) else { return nil }
      seconds = given
    }
    return ZoneRule.Day(name: name, seconds: seconds)
  }
}
