// Values as JSON: whole numbers exactly, moments as RFC 3339, bytes in hexadecimal digits, and what is not finite as text.

import ApusContracts
import ApusSystem

extension Value {
  var json: JSON { literal.json }
}

extension Literal {
  fileprivate var json: JSON {
    switch self {
    case .bool(let value): .boolean(value)
    case .integer(let value): .number(value)
    case .float(let value): .real(value)
    case .string(let text): .text(text)
    case .bytes(let bytes): .text(bytes.map { String(decoding: Hex.digits($0), as: UTF8.self) }.joined())
    case .timestamp(let nanoseconds): .text("\(WallTime(nanoseconds: nanoseconds))")
    case .many(let all): .list(all.map(\.json))
    }
  }
}
