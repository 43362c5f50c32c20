// One thing that happened, as a line. In text a value that holds a blank, a quote or a control character is quoted and
// escaped; in JSON everything is; so a line is a line, whatever a peer put into it. Keys are ours. Whoever logs sees to it
// that no secret and no value of a feature is among the fields.

import ApusContracts
package import ApusSystem

/// A value of a field.
package enum LogValue: Equatable, Sendable {
  case text(String)
  case integer(Int64)

  package static func number(_ value: some BinaryInteger) -> LogValue { .integer(Int64(clamping: value)) }
}

extension LogValue: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
}

package struct LogLine: Sendable {
  package let time: WallTime
  package let level: Configuration.LogLevel
  /// What happened, in words that are always the same: what lines are grouped and limited by.
  package let message: String
  package let fields: [(key: String, value: LogValue)]

  package init(
    _ time: WallTime, _ level: Configuration.LogLevel, _ message: String,
    _ fields: [(key: String, value: LogValue)] = []
  ) {
    self.time = time
    self.level = level
    self.message = message
    self.fields = fields
  }

  /// With its newline.
  package func write(as format: Configuration.LogFormat, into bytes: inout [UInt8]) {
    switch format {
    case .text: writeText(into: &bytes)
    case .json: writeJSON(into: &bytes)
    }
    bytes.append(0x0A)
  }

  /// `2026-11-20T17:00:00.123Z info  listening address=127.0.0.1:7399`
  private func writeText(into bytes: inout [UInt8]) {
    let level = level.rawValue
    bytes += "\(moment) \(level)\(level.utf8.count < 5 ? " " : "") \(message)".utf8
    for (key, value) in fields {
      bytes += " \(key)=".utf8
      switch value {
      case .integer(let number): bytes += "\(number)".utf8
      case .text(let text)
      where text.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C }) && !text.isEmpty:
        bytes += text.utf8
      case .text(let text): Self.quote(text, into: &bytes)
      }
    }
  }

  private func writeJSON(into bytes: inout [UInt8]) {
    bytes += "{\"time\":\"\(moment)\",\"level\":\"\(level.rawValue)\",\"message\":".utf8
    Self.quote(message, into: &bytes)
    for (key, value) in fields {
      bytes += ",".utf8
      Self.quote(key, into: &bytes)
      bytes += ":".utf8
      switch value {
      case .integer(let number): bytes += "\(number)".utf8
      case .text(let text): Self.quote(text, into: &bytes)
      }
    }
    bytes += "}".utf8
  }

  /// To the millisecond: `2026-11-20T17:00:00.123Z`.
  private var moment: String { time.description.prefix(23) + "Z" }

  /// A JSON string, in ASCII where a terminal might act on it.
  private static func quote(_ text: String, into bytes: inout [UInt8]) {
    bytes.append(0x22)
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: bytes += "\\\"".utf8
      case 0x5C: bytes += "\\\\".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x20...0x7E: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
          for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
          }
        default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        }
      }
    }
    bytes.append(0x22)
  }
}
