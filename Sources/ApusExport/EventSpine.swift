// A spine of a view's own events, for whoever has no labels: a row for each entity and each moment at which something new could be seen of it, in the
// order of keys and moments. Deletes make no row.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
package import ApusStore
package import ApusSystem

package final class EventSpine: SpineSource {
  package let name: String
  package var isText: Bool { false }
  private let snapshot: Snapshot
  private let view: CatalogView
  private let mode: ExportMode
  private let range: ClosedRange<Int64>
  private let runs: [RunReader]

  /// Moments are those of the mode: known-at, or event time. Both ends are included.
  package init(
    _ snapshot: Snapshot, _ view: CatalogView, _ mode: ExportMode, _ range: ClosedRange<Int64>,
    scratch: ScratchFiles, memory: Int
  ) throws(ExportError) {
    name = view.spelling
    self.snapshot = snapshot
    self.view = view
    self.mode = mode
    self.range = range
    do throws(StoreError) {
      runs = try snapshot.runs(of: [view.id], scratch: scratch, memory: memory / 4)[view.id] ?? []
    } catch {
      throw .store(error)
    }
  }

  package func open() -> any SpineReading { Reading(self) }

  private final class Reading: SpineReading {
    private let spine: EventSpine
    let schema: ColumnSchema
    private let events: any EventCursor
    private var isAhead = false
    private var isOver = false
    /// Of the key at hand, still to be given.
    private var key: [UInt8] = []
    private var moments: ArraySlice<Int64> = []

    init(_ spine: EventSpine) {
      self.spine = spine
      var fields = spine.view.keys.map { key in
        ColumnField(
          key.name, RunSchema.columnType(of: .scalar(key.type.element)), isNullable: false)
      }
      fields.append(
        ColumnField(SpineLayout.usualTime, ExportColumnKind.momentType, isNullable: false))
      schema = ColumnSchema(fields)
      events = RunMerge.merging(spine.runs.map { $0.events() })
    }

    func next() throws(ExportError) -> ColumnBatch? {
      var builders = schema.fields.map { Box(ColumnBuilder($0.type, named: $0.name)) }
      var count = 0
      while count < Self.rowsMax {
        if moments.isEmpty {
          do throws(HistoryError) { guard try nextKey() else { break } } catch {
            throw .store(.history(error))
          }
        }
        guard let moment = moments.popFirst() else { continue }
        try append(moment, &builders)
        count += 1
      }
      guard count > 0 else { return nil }
      do throws(ColumnarError) {
        var columns: [Column] = []
        for box in builders { columns.append(try box.builder.finish()) }
        return try ColumnBatch(schema, columns, rowCount: count)
      } catch {
        throw .columns(error)
      }
    }

    private static let rowsMax = 65_536

    /// An array holds no builders, which cannot be copied; it holds boxes of them.
    private final class Box {
      var builder: ColumnBuilder
      init(_ builder: consuming ColumnBuilder) { self.builder = builder }
    }

    private func append(_ moment: Int64, _ builders: inout [Box]) throws(ExportError) {
      let values: [Value]
      let key = key
      do throws(KeyError) { values = try spine.view.keySchema.decode(unsafe key.span.bytes) } catch {
        throw .store(.badKey(row: 0, role: spine.name, error))
      }
      do throws(ColumnarError) {
        for (place, value) in values.enumerated() { try builders[place].builder.append(value) }
        builders[values.count].builder.append(moment)
      } catch {
        throw .columns(error)
      }
    }

    /// Gathers the moments of the next key.
    private func nextKey() throws(HistoryError) -> Bool {
      if isOver { return false }
      if !isAhead {
        guard try events.advance() else {
          isOver = true
          return false
        }
      }
      isAhead = false
      let first = events.current
      key = first.key.copied()
      let floor = spine.snapshot.erasures.erase(of: first.key, in: spine.view)?.floor ?? .none
      var found: [Int64] = []
      var place = first
      while true {
        let head = place.head
        let moment = spine.mode == .known ? head.knownAt.nanoseconds : head.eventTime.nanoseconds
        if head.lsn > floor, head.lsn <= spine.snapshot.lsn, !head.isDelete, spine.range.contains(moment) {
          found.append(moment)
        }
        guard try events.advance() else {
          isOver = true
          break
        }
        place = events.current
        if !place.key.isEqual(to: first.key) {
          isAhead = true
          break
        }
      }
      found.sort()
      var distinct: [Int64] = []
      for moment in found where distinct.last != moment { distinct.append(moment) }
      moments = distinct[...]
      return true
    }
  }
}
