// One record of a CSV file, found: where its fields lie, and where it ends. RFC 4180, and strictly: a quote opens a field
// only as its first byte, and behind the one that closes it comes a delimiter or the end of the record. What is not so is
// told, and never guessed at; bytes within quotes are never taken for another record.

/// Where a field lies, without the quotes around it.
struct CSVField {
  var lower: Int
  var upper: Int
  var isQuoted: Bool
  /// A quote within is written twice.
  var hasEscapes: Bool
}

enum CSVFault: Equatable, Sendable {
  case quoteInside
  case textBehindQuote
  case bareCarriageReturn
  case neverClosed
  case tooLong
}

/// What stands at the front of the bytes.
enum CSVFound: Equatable {
  /// A record of so many bytes with its end, over so many lines. A record without fields is a blank line.
  case record(byteCount: Int, lineCount: Int)
  /// More bytes are needed to tell.
  case cut
  case wrong(CSVFault, at: Int)
}

struct CSVScanner {
  private static let quote: UInt8 = 0x22
  private static let newline: UInt8 = 0x0A
  private static let carriageReturn: UInt8 = 0x0D

  let delimiter: UInt8
  private(set) var fields: [CSVField] = []

  init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Looks at the record that begins the bytes; `isAll` says that nothing comes behind them. Places are counted from the
  /// first of the bytes.
  mutating func scan(_ bytes: Span<UInt8>, isAll: Bool) -> CSVFound {
    fields.removeAll(keepingCapacity: true)
    let count = bytes.count
    let delimiter = delimiter
    var at = 0
    var lines = 1
    if count == 0 { return .cut }
    // A blank line is no record.
    if bytes[0] == Self.newline { return .record(byteCount: 1, lineCount: 1) }
    if bytes[0] == Self.carriageReturn, count > 1, bytes[1] == Self.newline {
      return .record(byteCount: 2, lineCount: 1)
    }
    while true {
      var field = CSVField(lower: at, upper: at, isQuoted: false, hasEscapes: false)
      if at < count, bytes[at] == Self.quote {
        field.isQuoted = true
        at += 1
        field.lower = at
        while true {
          while at < count, bytes[at] != Self.quote {
            if bytes[at] == Self.newline { lines += 1 }
            at += 1
          }
          guard at < count else { return isAll ? .wrong(.neverClosed, at: 0) : .cut }
          if at + 1 < count, bytes[at + 1] == Self.quote {
            field.hasEscapes = true
            at += 2
            continue
          }
          // It may be one half of two.
          if at + 1 == count, !isAll { return .cut }
          break
        }
        field.upper = at
        at += 1
      } else {
        while at < count {
          let byte = bytes[at]
          if byte == delimiter || byte == Self.newline || byte == Self.carriageReturn { break }
          if byte == Self.quote { return .wrong(.quoteInside, at: at) }
          at += 1
        }
        field.upper = at
      }
      fields.append(field)
      guard at < count else { return isAll ? .record(byteCount: count, lineCount: lines) : .cut }
      let byte = bytes[at]
      at += 1
      if byte == delimiter { continue }
      if byte == Self.newline { return .record(byteCount: at, lineCount: lines) }
      if byte == Self.carriageReturn {
        guard at < count else {
          if isAll { return .wrong(.bareCarriageReturn, at: at - 1) }
          return .cut
        }
        guard bytes[at] == Self.newline else { return .wrong(.bareCarriageReturn, at: at - 1) }
        return .record(byteCount: at + 1, lineCount: lines)
      }
      return .wrong(.textBehindQuote, at: at - 1)
    }
  }
}

/// The bytes of a record that is none, passed over without keeping them: to the end of the line on which it went wrong, or,
/// within quotes, to the end of the line on which they close.
struct CSVSkipper {
  private let delimiter: UInt8
  private enum State { case fieldStart, plain, quoted, quoteSeen, toLineEnd }
  private var state = State.fieldStart
  private(set) var lineCount = 0
  private(set) var isDone = false

  init(delimiter: UInt8) { self.delimiter = delimiter }

  /// How many of these bytes are passed over.
  mutating func skip(_ bytes: Span<UInt8>) -> Int {
    var at = 0
    while at < bytes.count, !isDone {
      let byte = bytes[at]
      at += 1
      if byte == 0x0A { lineCount += 1 }
      switch state {
      case .quoted:
        if byte == 0x22 { state = .quoteSeen }
        continue
      case .quoteSeen where byte == 0x22:
        state = .quoted
        continue
      case .fieldStart where byte == 0x22:
        state = .quoted
        continue
      default: break
      }
      if byte == 0x0A {
        isDone = true
      } else if state != .toLineEnd, byte == delimiter {
        state = .fieldStart
      } else if state == .quoteSeen, byte != 0x0D {
        state = .toLineEnd
      } else if state == .fieldStart {
        state = .plain
      } else if state == .plain, byte == 0x22 {
        state = .toLineEnd
      }
    }
    return at
  }
}
