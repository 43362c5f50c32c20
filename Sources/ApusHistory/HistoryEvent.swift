// An event as history has it: whole, with all its times written out, and with its place in the log. It stays the same
// event, with the same stamp and times, when a horizon takes features from it.

package import ApusBytes
package import ApusContracts

/// All of an event but its key, its cells and its producer.
package struct HistoryEventHead: Equatable, Sendable {
  package var viewVersion: ViewVersionID
  package var operation: EventOperation
  package var eventTime: EventTime
  package var createdAt: CreatedAt
  /// False: the producer gave none, and it is the append time.
  package var isCreatedAtGiven: Bool
  package var knownAt: KnownAt
  package var isKnownAtAssumed: Bool
  package var lsn: LSN

  package init(
    _ operation: EventOperation, _ viewVersion: ViewVersionID, eventTime: EventTime, createdAt: CreatedAt,
    isCreatedAtGiven: Bool, knownAt: KnownAt, isKnownAtAssumed: Bool, lsn: LSN
  ) {
    self.operation = operation
    self.viewVersion = viewVersion
    self.eventTime = eventTime
    self.createdAt = createdAt
    self.isCreatedAtGiven = isCreatedAtGiven
    self.knownAt = knownAt
    self.isKnownAtAssumed = isKnownAtAssumed
    self.lsn = lsn
  }

  /// The head of an event of the log.
  package init(_ event: EventView, _ lsn: LSN) {
    self.init(
      event.operation, event.viewVersion, eventTime: event.eventTime, createdAt: event.createdAt,
      isCreatedAtGiven: event.recordedTimes.createdAt != nil, knownAt: event.knownAt,
      isKnownAtAssumed: event.isKnownAtAssumed, lsn: lsn)
  }

  package var stamp: Stamp { Stamp(eventTime: eventTime, createdAt: createdAt, lsn: lsn) }
  package var isDelete: Bool { operation == .delete }
}

/// An event whose bytes are borrowed.
package struct HistoryEventView: ~Escapable {
  package let head: HistoryEventHead
  package let key: RawSpan
  /// Of an upsert, as `RowFormat.md` says; none of a delete.
  package let cells: RawSpan
  /// The name of the producer in UTF-8; empty if it had none, as no producer has an empty name.
  package let producer: RawSpan

  @_lifetime(copy key, copy cells, copy producer)
  package init(_ head: HistoryEventHead, key: RawSpan, cells: RawSpan, producer: RawSpan) {
    self.head = head
    self.key = key
    self.cells = cells
    self.producer = producer
  }

  /// What the record of this event takes in a log when both times are written out.
  package var rawByteCount: Int {
    HistoryEventView.rawHeadByteCount + key.byteCount + cells.byteCount
  }

  /// The record's head, the fixed part of an event, created-at and known-at.
  static let rawHeadByteCount = EventFormat.recordHeaderByteCount + 32

  /// Checks the cells' structure, not what is in them.
  @_lifetime(copy self)
  package func row(layout: borrowing RowLayout) throws(HistoryError) -> RowView {
    if head.isDelete { return RowView(deletedAt: head.stamp) }
    do throws(RowError) {
      return RowView(try RowCells(cells, layout: layout), at: head.stamp)
    } catch {
      throw .cells(head.viewVersion, head.lsn, error)
    }
  }
}

/// An event with bytes of its own, for those who take few.
package struct HistoryEvent: Equatable, Sendable {
  package var head: HistoryEventHead
  package var key: [UInt8]
  package var cells: [UInt8]
  package var producer: String?

  package init(_ head: HistoryEventHead, key: [UInt8], cells: [UInt8], producer: String? = nil) {
    self.head = head
    self.key = key
    self.cells = cells
    self.producer = producer
  }

  package init(copying event: HistoryEventView) {
    head = event.head
    key = event.key.copied()
    cells = event.cells.copied()
    producer = event.producer.isEmpty ? nil : event.producer.validatedString()
  }
}
