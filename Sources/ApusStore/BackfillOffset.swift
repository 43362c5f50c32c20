// How far a backfill is. It is the source offset of its producer, so it is in the frame of the rows that it counts: after a kill both are
// there, or neither.
//
// A backfill goes in *legs*, ranges of LSNs that follow one another; within a leg events come by (key, stamp). What stands in a range is the
// same wherever it lies, so a leg is taken up where it was left though segments have become runs, and runs other runs, in between.

import ApusBytes
import ApusContracts

/// What became of the events of the source.
package struct BackfillCounts: Equatable, Sendable {
  package var accepted: UInt64 = 0
  /// Refused by the target's contract, and now dead letters.
  package var setAside: UInt64 = 0
  /// Of erased keys.
  package var erased: UInt64 = 0
  /// Older than what the target's horizon takes.
  package var beyond: UInt64 = 0
  /// Those that say nothing of what is taken.
  package var silent: UInt64 = 0

  package init() {}
}

struct BackfillOffset: Equatable {
  /// The last event that was looked at.
  struct Position: Equatable {
    var key: [UInt8]
    var stamp: Stamp
  }

  /// The leg: behind the first LSN, through the second.
  var after = LSN.none
  var through = LSN.none
  /// Nil: the leg is done.
  var position: Position?
  /// Since the backfill began.
  var counts = BackfillCounts()
  /// Of what was said of the map.
  var map: UInt32

  init(map: UInt32) { self.map = map }

  private static let version: UInt8 = 1
  private static let positionFlag: UInt8 = 1

  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.write(Self.version)
    writer.write(position == nil ? 0 : Self.positionFlag)
    writer.writeZeroes(2)
    writer.write(map)
    writer.write(after.rawValue)
    writer.write(through.rawValue)
    for count in [counts.accepted, counts.setAside, counts.erased, counts.beyond, counts.silent] {
      writer.write(count)
    }
    if let position {
      writer.write(position.stamp.eventTime.nanoseconds)
      writer.write(position.stamp.createdAt.nanoseconds)
      writer.write(position.stamp.lsn.rawValue)
      writer.writeVarint(UInt64(position.key.count))
      writer.write(position.key)
    }
    writer.write(CRC32C.checksum(writer.bytes))
    return writer.bytes.copied()
  }

  /// Nil for what no backfill wrote.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > 4 else { return nil }
    let body = unsafe bytes.span.bytes.extracting(..<(bytes.count - 4))
    do throws(BytesError) {
      var tail = ByteReader(unsafe bytes.span.bytes.extracting((bytes.count - 4)...))
      guard try tail.read(UInt32.self) == CRC32C.checksum(body) else { return nil }
      var reader = ByteReader(body)
      let version = try reader.read(UInt8.self)
      let flags = try reader.read(UInt8.self)
      let zero = try reader.read(UInt16.self)
      guard version == Self.version, flags <= Self.positionFlag, zero == 0 else { return nil }
      map = try reader.read()
      after = LSN(try reader.read())
      through = LSN(try reader.read())
      counts.accepted = try reader.read()
      counts.setAside = try reader.read()
      counts.erased = try reader.read()
      counts.beyond = try reader.read()
      counts.silent = try reader.read()
      guard after <= through else { return nil }
      if flags == Self.positionFlag {
        let eventTime = EventTime(nanoseconds: try reader.read())
        let createdAt = CreatedAt(nanoseconds: try reader.read())
        let lsn = LSN(try reader.read())
        let count = try reader.readVarint()
        guard let count = Int(exactly: count), count == reader.remaining else { return nil }
        let key = try reader.readArray(count)
        position = Position(key: key, stamp: Stamp(eventTime: eventTime, createdAt: createdAt, lsn: lsn))
      }
      guard reader.remaining == 0 else { return nil }
    } catch {
      return nil
    }
  }
}
