// Records as they are written. What is written here is ours: a key or cells that break a limit are a bug of the caller.

package import ApusBytes

/// An event about to be written, all but its key and its cells.
package struct EventRecord: Equatable, Sendable {
  package var operation: EventOperation
  package var viewVersion: ViewVersionID
  package var times: EventTimes

  package init(_ operation: EventOperation, _ viewVersion: ViewVersionID, _ times: EventTimes) {
    self.operation = operation
    self.viewVersion = viewVersion
    self.times = times
  }
}

extension ByteWriter {
  /// Begins a record and says where; `endRecord` must follow its body.
  package mutating func beginRecord(_ kind: RecordKind) -> Int {
    let start = count
    write(UInt64(kind.rawValue))
    return start
  }

  /// Ends the record that began at `start`: now its length is known.
  package mutating func endRecord(from start: Int) {
    let byteCount = count - start - EventFormat.recordHeaderByteCount
    overwrite(UInt32(truncatingIfNeeded: byteCount), at: start + EventFormat.lengthAt)
  }

  /// Writes an upsert with the cells that the builder holds.
  package mutating func write(_ event: EventRecord, key: RawSpan, cells: borrowing RowBuilder) {
    precondition(event.operation == .upsert, "a delete has no cells, not even empty ones")
    let start = beginEvent(event, key: key)
    cells.writeCells(into: &self)
    endRecord(from: start)
  }

  /// Writes an event whose cells exist as bytes; a delete has none.
  package mutating func write(_ event: EventRecord, key: RawSpan, cells: RawSpan) {
    precondition(cells.isEmpty == (event.operation == .delete), "an upsert has cells, and a delete has none")
    let start = beginEvent(event, key: key)
    write(cells)
    endRecord(from: start)
  }

  private mutating func beginEvent(_ event: EventRecord, key: RawSpan) -> Int {
    precondition(key.byteCount <= KeyLimits.byteCountMax, "a key's encoder has kept to the limit")
    let times = event.times
    // What is refused here would be refused when it is read, after it was acknowledged.
    precondition(
      times.knownAt.map { $0.nanoseconds >= times.eventTime.nanoseconds } ?? true,
      "the admission lets nothing be known before it was true")
    var flags: UInt8 = 0
    if times.isKnownAtAssumed { flags |= EventFormat.assumedFlag }
    if times.createdAt != nil { flags |= EventFormat.createdAtFlag }
    if times.knownAt != nil { flags |= EventFormat.knownAtFlag }

    let start = beginRecord(.event)
    write(event.operation.rawValue)
    write(flags)
    write(UInt16(truncatingIfNeeded: key.byteCount))
    write(event.viewVersion.rawValue)
    write(times.eventTime.nanoseconds)
    if let createdAt = times.createdAt { write(createdAt.nanoseconds) }
    if let knownAt = times.knownAt { write(knownAt.nanoseconds) }
    write(key)
    return start
  }
}
