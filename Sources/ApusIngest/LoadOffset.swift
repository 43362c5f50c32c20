// How far a producer has read its source. It is stored with each request, so that it says exactly what was taken: a run
// after a kill goes on behind it, and neither loses a row nor sends one twice.
//
// A source is known again by its bytes and not by its name: by the checksum of its first bytes whether it is the same, and by
// that of all up to the offset whether it still says what was read.

import ApusBytes
package import ApusContracts

package struct LoadOffset: Equatable, Sendable {
  /// What a position counts: bytes of a file of lines, or rows of a file of columns.
  package enum Counts: UInt8, Sendable {
    case bytes = 0
    case rows = 1
  }

  package var counts: Counts
  /// Behind the last row that was taken.
  package var position: UInt64
  package var checksum: UInt32
  package var headByteCount: UInt32
  package var headChecksum: UInt32
  /// Whether that was the source's end.
  package var isEnd: Bool
  /// What the load gave its rows as known-at, which another run repeats.
  package var choice: KnownAtChoice

  package init(
    counts: Counts = .bytes, position: UInt64, checksum: UInt32, headByteCount: UInt32, headChecksum: UInt32,
    isEnd: Bool,
    choice: KnownAtChoice
  ) {
    self.counts = counts
    self.position = position
    self.checksum = checksum
    self.headByteCount = headByteCount
    self.headChecksum = headChecksum
    self.isEnd = isEnd
    self.choice = choice
  }
}

// As bytes: version, choice, whether it is the end, what is counted; the head's length and checksum; the offset; its checksum; the
// delay; the checksum of all of it. Little-endian, as Files.md has it.
extension LoadOffset {
  package static let version: UInt8 = 1
  static let endFlag: UInt8 = 1
  package static let byteCount = 4 + 4 + 4 + 8 + 4 + 8 + 4

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.write(Self.version)
    writer.write(choice.number)
    writer.write(isEnd ? Self.endFlag : 0)
    writer.write(counts.rawValue)
    writer.write(headByteCount)
    writer.write(headChecksum)
    writer.write(position)
    writer.write(checksum)
    writer.write(choice.delay)
    writer.write(CRC32C.checksum(writer.bytes))
    return writer.bytes.copied()
  }

  /// Nil for what no load wrote.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    do throws(BytesError) {
      var reader = ByteReader(unsafe bytes.span.bytes)
      let version = try reader.read(UInt8.self)
      let number = try reader.read(UInt8.self)
      let flags = try reader.read(UInt8.self)
      let counted = try reader.read(UInt8.self)
      headByteCount = try reader.read(UInt32.self)
      headChecksum = try reader.read(UInt32.self)
      position = try reader.read(UInt64.self)
      checksum = try reader.read(UInt32.self)
      let delay = try reader.read(Int64.self)
      let sum = try reader.read(UInt32.self)
      guard version == Self.version, flags <= Self.endFlag, let counts = Counts(rawValue: counted),
        let choice = KnownAtChoice(number: number, delay: delay),
        sum == CRC32C.checksum(unsafe bytes.span.bytes.extracting(..<(Self.byteCount - 4)))
      else { return nil }
      self.counts = counts
      isEnd = flags == Self.endFlag
      self.choice = choice
    } catch {
      return nil
    }
  }
}

extension KnownAtChoice {
  fileprivate var number: UInt8 {
    switch self {
    case .live: 1
    case .now: 2
    case .eventTime: 3
    case .eventTimePlus: 4
    case .column: 5
    }
  }

  fileprivate var delay: Int64 {
    if case .eventTimePlus(let nanoseconds) = self { nanoseconds } else { 0 }
  }

  fileprivate init?(number: UInt8, delay: Int64) {
    guard number == 4 || delay == 0 else { return nil }
    switch number {
    case 1: self = .live
    case 2: self = .now
    case 3: self = .eventTime
    case 4: self = .eventTimePlus(nanoseconds: delay)
    case 5: self = .column
    default: return nil
    }
  }
}
