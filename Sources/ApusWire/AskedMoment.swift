// The moment that a question about the past is asked of: 17 bytes in HISTORY and EXPLAIN, the kind at one place, LSN and time at
// another, and what a kind has no use for is zero.

package import ApusBytes
package import ApusContracts

package enum AskedMoment: Equatable, Sendable {
  case newest
  /// Everything up to an LSN; ages as of the time.
  case lsn(LSN, at: ReadTime)
  /// What was known by a time.
  case known(by: ReadTime)
  /// That of an answer; only EXPLAIN takes it.
  case receipt(AnswerReceipt)

  var kind: UInt8 {
    switch self {
    case .newest: 1
    case .lsn: 2
    case .known: 3
    case .receipt: 4
    }
  }

  /// Writes LSN and time.
  func encode(into writer: inout ByteWriter) {
    switch self {
    case .newest, .receipt: writer.writeZeroes(16)
    case .lsn(let lsn, let time):
      writer.write(lsn.rawValue)
      writer.write(time.nanoseconds)
    case .known(let time):
      writer.writeZeroes(8)
      writer.write(time.nanoseconds)
    }
  }

  /// Reads LSN and time; of kind 4 the receipt is still to come, and nil is returned.
  @_lifetime(reader: copy reader)
  static func decode(
    kind: UInt8, _ reader: inout BodyReader
  ) throws(WireError) -> AskedMoment? {
    switch kind {
    case 1:
      try reader.zero(16)
      return .newest
    case 2:
      let lsn = LSN(rawValue: try reader.number("the LSN"))
      return .lsn(lsn, at: ReadTime(nanoseconds: try reader.number("the time")))
    case 3:
      try reader.zero(8)
      return .known(by: ReadTime(nanoseconds: try reader.number("the time")))
    default:
      try reader.zero(16)
      return nil
    }
  }
}
