// Writes a run into an empty file, from its first byte to its last; whoever has the file syncs and names it. Events come by (key, stamp), each
// once, all of one view version and of the run's range: what comes otherwise is refused, since it would make a run that no reader takes.

package import ApusBytes
import ApusColumnar
import ApusContracts
package import ApusSystem

/// Used by one thread.
package final class RunWriter {
  private let path: String
  private let id: HistoryFileID
  private let schema: RunSchema
  private let lsns: LSNRange
  private let sink: FileSink
  private let parquet: ParquetWriter
  private let columns: EventColumns
  private var state = State()

  private struct State {
    var lastKey: [UInt8] = []
    var lastStamp: Stamp?
    var digester = EventDigester()
    var events: UInt64 = 0
    var rawBytes: UInt64 = 0
    var keys: UInt64 = 0
    var greatestKnownAt = KnownAt(nanoseconds: .min)
    var greatestEventTime = EventTime(nanoseconds: .min)
  }

  package init(
    _ file: any DiskFile, _ id: HistoryFileID, _ schema: RunSchema, lsns: LSNRange,
    _ limits: RunLimits = RunLimits()
  ) throws(HistoryError) {
    precondition(!lsns.isEmpty && lsns.first > .none, "a run speaks for at least one LSN")
    path = file.path
    self.id = id
    self.schema = schema
    self.lsns = lsns
    sink = FileSink(file)
    columns = EventColumns(schema, path: file.path)
    var options = ParquetWriterOptions()
    options.rowGroupRowsMax = limits.rowGroupRowsMax
    options.pageRowsMax = limits.pageRowsMax
    options.withoutDictionary = [0]
    options.sorting = schema.sortedBy.map { ParquetSortingColumn(column: Int32(truncatingIfNeeded: $0)) }
    let metadata = RunMetadata(id, schema, lsns).values
    do throws(ColumnarError) {
      parquet = try ParquetWriter(ColumnSchema(schema.fields, metadata: metadata), to: sink, options: options)
    } catch {
      throw .columns(path: file.path, error)
    }
  }

  package var count: UInt64 { state.events }

  package func append(_ event: HistoryEventView) throws(HistoryError) {
    let head = event.head
    guard head.viewVersion == schema.viewVersion, lsns.contains(head.lsn) else {
      throw .foreign(path: path, head.viewVersion, head.lsn)
    }
    try checkOrder(event)
    try columns.append(event)
    state.digester.take(event)
    state.events += 1
    state.rawBytes += UInt64(event.rawByteCount)
    state.greatestKnownAt = max(state.greatestKnownAt, head.knownAt)
    state.greatestEventTime = max(state.greatestEventTime, head.eventTime)
    if columns.count >= Self.batchEventsMax || columns.byteCount >= Self.batchByteCountMax { try put() }
  }

  /// Appends all events of a stream.
  package func append(all events: any EventCursor) throws(HistoryError) {
    while try events.advance() {
      let place = events.current
      try append(place.event)
    }
  }

  private func checkOrder(_ event: HistoryEventView) throws(HistoryError) {
    let head = event.head
    if let lastStamp = state.lastStamp {
      let byKey = event.key.compare(to: unsafe state.lastKey.span.bytes)
      guard byKey > 0 || byKey == 0 && head.stamp > lastStamp else {
        throw byKey == 0 && head.stamp == lastStamp
          ? .twice(head.viewVersion, head.lsn) : .order(head.viewVersion, head.lsn)
      }
      if byKey > 0 { begin(event.key) }
    } else {
      begin(event.key)
    }
    state.lastStamp = head.stamp
  }

  private func begin(_ key: RawSpan) {
    state.lastKey = key.copied()
    state.keys += 1
  }

  private func put() throws(HistoryError) {
    let batch = try columns.finish()
    do throws(ColumnarError) { try parquet.append(batch) } catch { throw .columns(path: path, error) }
  }

  /// Writes what is left. Nothing is synced. The writer is of no more use.
  package func finish() throws(HistoryError) -> RunAttributes {
    if columns.count > 0 { try put() }
    let digest = state.digester.digest
    let events = state.events
    do throws(ColumnarError) {
      let summary = try parquet.finish { groups in
        RunMetadata.lastValues(events: events, digest, RunPages.crcs(of: groups))
      }
      do throws(SystemError) { try sink.flush() } catch { throw .system(error) }
      return RunAttributes(
        viewVersion: schema.viewVersion, last: lsns.last, events: events, size: summary.byteCount,
        tailAt: summary.tailOffset, tailDigest: summary.tailDigest, digest: digest,
        greatestKnownAt: state.greatestKnownAt, greatestEventTime: state.greatestEventTime,
        rawBytes: state.rawBytes, keys: state.keys)
    } catch {
      throw .columns(path: path, error)
    }
  }

  private static let batchEventsMax = 4096
  private static let batchByteCountMax = 1 << 20
}

/// How a run is cut. Smaller ones are for tests.
package struct RunLimits: Sendable {
  package var rowGroupRowsMax = ParquetWriterOptions.rowGroupRows
  package var pageRowsMax = RunFormat.blockRowsMax
  package init() {}
}
