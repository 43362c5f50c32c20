// An event, read in place from a record's body. Operation, flags and lengths are checked before a view exists; the
// cells are checked when they are asked for, since that takes the layout of their view.

package import ApusBytes

/// One event of the log.
package struct EventView: ~Escapable {
  package let operation: EventOperation
  package let viewVersion: ViewVersionID
  package let eventTime: EventTime
  package let createdAt: CreatedAt
  package let knownAt: KnownAt
  package let isKnownAtAssumed: Bool
  private let hasCreatedAt: Bool
  private let hasKnownAt: Bool
  /// At most `KeyLimits.byteCountMax` bytes; whether they are a key of the view's entity is for its schema to say.
  package let key: RawSpan
  /// Of an upsert; none of a delete. Not looked at yet.
  package let cellBytes: RawSpan

  /// Reads the body of a record of kind *event*. The append time is that of the frame.
  @_lifetime(copy body)
  package init(_ body: RawSpan, appendNanoseconds: Int64) throws(EventError) {
    let head = try EventHead(body, appendNanoseconds: appendNanoseconds)
    operation = head.operation
    viewVersion = head.viewVersion
    eventTime = head.eventTime
    createdAt = head.createdAt
    knownAt = head.knownAt
    isKnownAtAssumed = head.isKnownAtAssumed
    hasCreatedAt = head.hasCreatedAt
    hasKnownAt = head.hasKnownAt
    key = body.extracting(head.keyAt..<head.cellsAt)
    cellBytes = body.extracting(head.cellsAt...)
  }

  /// The times as they were recorded, nil where the append time stands in.
  package var recordedTimes: EventTimes {
    EventTimes(
      eventTime: eventTime, createdAt: hasCreatedAt ? createdAt : nil, knownAt: hasKnownAt ? knownAt : nil,
      isKnownAtAssumed: isKnownAtAssumed)
  }

  package func stamp(_ lsn: LSN) -> Stamp { Stamp(eventTime: eventTime, createdAt: createdAt, lsn: lsn) }

  /// The event as a row, ready to be folded. Checks the cells' structure, not what is in them.
  @_lifetime(copy self)
  package func row(_ lsn: LSN, layout: borrowing RowLayout) throws(EventError) -> RowView {
    if operation == .delete { return RowView(deletedAt: stamp(lsn)) }
    do throws(RowError) {
      return RowView(try RowCells(cellBytes, layout: layout), at: stamp(lsn))
    } catch {
      throw .row(error)
    }
  }
}

/// What stands before the key, judged. `fixedByteCount <= keyAt <= cellsAt <= body.byteCount`.
private struct EventHead {
  let operation: EventOperation
  let viewVersion: ViewVersionID
  let eventTime: EventTime
  let createdAt: CreatedAt
  let knownAt: KnownAt
  let isKnownAtAssumed: Bool
  let hasCreatedAt: Bool
  let hasKnownAt: Bool
  let keyAt: Int
  let cellsAt: Int

  init(_ body: RawSpan, appendNanoseconds: Int64) throws(EventError) {
    var reader = ByteReader(body)
    let rawOperation: UInt8 = try Self.read(&reader)
    let flags: UInt8 = try Self.read(&reader)
    // widens UInt16
    let keyByteCount = Int(try Self.read(&reader) as UInt16)
    viewVersion = ViewVersionID(try Self.read(&reader))
    eventTime = EventTime(nanoseconds: try Self.read(&reader))
    let known = EventFormat.assumedFlag | EventFormat.createdAtFlag | EventFormat.knownAtFlag
    guard flags & ~known == 0 else { throw .unknownFlags(flags) }
    hasCreatedAt = flags & EventFormat.createdAtFlag != 0
    hasKnownAt = flags & EventFormat.knownAtFlag != 0
    createdAt = CreatedAt(nanoseconds: hasCreatedAt ? try Self.read(&reader) : appendNanoseconds)
    knownAt = KnownAt(nanoseconds: hasKnownAt ? try Self.read(&reader) : appendNanoseconds)
    isKnownAtAssumed = flags & EventFormat.assumedFlag != 0

    guard let operation = EventOperation(rawValue: rawOperation) else {
      throw .unknownOperation(rawOperation)
    }
    self.operation = operation
    guard keyByteCount <= KeyLimits.byteCountMax else {
      throw .keyTooLong(byteCount: keyByteCount, limit: KeyLimits.byteCountMax)
    }
    keyAt = reader.offset
    guard reader.remaining >= keyByteCount else {
      throw .truncated(at: keyAt, needed: keyByteCount, available: reader.remaining)
    }
    cellsAt = keyAt + keyByteCount
    if operation == .delete, cellsAt < body.byteCount {
      throw .cellsOfDelete(byteCount: body.byteCount - cellsAt)
    }
    guard eventTime.nanoseconds <= knownAt.nanoseconds else { throw .knownBeforeEvent(eventTime, knownAt) }
  }

  @_lifetime(reader: copy reader)
  private static func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ reader: inout ByteReader
  ) throws(EventError) -> T {
    do throws(BytesError) {
      return try reader.read()
    } catch {
      throw .truncated(at: reader.offset, needed: MemoryLayout<T>.size, available: reader.remaining)
    }
  }
}
