// Runs as plain as can be, for tests of what is done with runs: events one after another, and a checksum behind them.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem
import ApusTestSupport

struct PlainRuns: RunFiles {
  func write(
    _ events: any EventCursor, of subject: RunSubject, lsns: LSNRange, as id: HistoryFileID,
    into file: any DiskFile
  ) throws(HistoryError) -> RunAttributes {
    var writer = ByteWriter()
    var digester = EventDigester()
    var count: UInt64 = 0
    var raw: UInt64 = 0
    var knownAt = KnownAt(nanoseconds: .min)
    var eventTime = EventTime(nanoseconds: .min)
    while try events.advance() {
      let place = events.current
      let event = place.event
      let head = event.head
      guard head.viewVersion == subject.view, lsns.contains(head.lsn) else {
        throw .foreign(path: file.path, head.viewVersion, head.lsn)
      }
      digester.take(event)
      count += 1
      raw += UInt64(event.rawByteCount)
      knownAt = max(knownAt, head.knownAt)
      eventTime = max(eventTime, head.eventTime)
      writer.write(head.operation.rawValue)
      writer.write(head.isCreatedAtGiven)
      writer.write(head.isKnownAtAssumed)
      writer.write(head.eventTime.nanoseconds)
      writer.write(head.createdAt.nanoseconds)
      writer.write(head.knownAt.nanoseconds)
      writer.write(head.lsn.rawValue)
      for bytes in [event.key.copied(), event.cells.copied(), event.producer.copied()] {
        writer.writeVarint(UInt64(bytes.count))
        writer.write(bytes)
      }
    }
    let tailAt = UInt64(writer.count)
    let sum = Self.digest(writer.bytes, id)
    writer.write(sum.bytes)
    do throws(SystemError) { try file.writeAll(writer.bytes, at: 0) } catch { throw .system(error) }
    return RunAttributes(
      viewVersion: subject.view, last: lsns.last, events: count, size: UInt64(writer.count), tailAt: tailAt,
      tailDigest: sum, digest: digester.digest, greatestKnownAt: knownAt, greatestEventTime: eventTime,
      rawBytes: raw)
  }

  private static func digest(_ bytes: RawSpan, _ id: HistoryFileID) -> SHA256.Digest {
    var sum = SHA256()
    var head = ByteWriter()
    head.write(id.store)
    head.write(id.file)
    sum.update(head.bytes)
    sum.update(bytes)
    return sum.digest
  }

  func events(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile
  ) throws(HistoryError) -> any EventCursor {
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try file.readAll() } catch { throw .system(error) }
    guard UInt64(bytes.count) == attributes.size, attributes.size >= 32,
      Self.digest(unsafe bytes.span.bytes.extracting(droppingLast: 32), id) == attributes.tailDigest
    else { throw .damaged(path: file.path, at: 0, "its checksum is another") }
    var batch = EventBatch()
    do throws(BytesError) {
      var reader = ByteReader(unsafe bytes.span.bytes.extracting(droppingLast: 32))
      while !reader.isAtEnd {
        guard let operation = EventOperation(rawValue: try reader.read()) else { break }
        let isGiven: UInt8 = try reader.read()
        let isAssumed: UInt8 = try reader.read()
        let head = HistoryEventHead(
          operation, subject.view, eventTime: EventTime(nanoseconds: try reader.read()),
          createdAt: CreatedAt(nanoseconds: try reader.read()), isCreatedAtGiven: isGiven == 1,
          knownAt: KnownAt(nanoseconds: try reader.read()), isKnownAtAssumed: isAssumed == 1,
          lsn: LSN(try reader.read()))
        let keyCount = Int(clamping: try reader.readVarint())
        let key = try reader.readBytes(keyCount)
        let cellCount = Int(clamping: try reader.readVarint())
        let cells = try reader.readBytes(cellCount)
        let producerCount = Int(clamping: try reader.readVarint())
        batch.append(head, key: key, cells: cells, producer: try reader.readBytes(producerCount))
      }
    } catch {
      throw .damaged(path: file.path, at: 0, "\(error)")
    }
    return PlainCursor(batch)
  }
}

final class PlainCursor: EventCursor {
  private let batch: EventBatch
  private var at = -1

  init(_ batch: EventBatch) { self.batch = batch }

  var current: EventPlace { EventPlace(batch, at) }

  func advance() -> Bool {
    guard at + 1 < batch.count else { return false }
    at += 1
    return true
  }
}
