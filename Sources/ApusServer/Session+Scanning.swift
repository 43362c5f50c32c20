// SCAN: a page of a view's entities, read by a worker. It tells what is stored, whatever its age: who wants to know what counts
// asks with GET. Where to go on is the last key of the page, or the last that was looked at. A page has no more bytes than a body may
// have.

import ApusBytes
import ApusContracts
import ApusStore
import ApusWire

extension Session {
  func scan(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) throws(WireError) {
    let request = try ScanRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    let project: String
    do throws(WireRefusal) {
      project = try self.project(request.project, for: .read, in: server.store.catalog)
    } catch {
      return refuse(error, header.id, &output)
    }
    let server = server
    run(.scan, header, now) { () throws(WireRefusal) in
      let catalog = server.store.catalog
      do throws(StoreError) {
        let page = try ScanJob(server, catalog, request, project).run()
        return { output in
          ScanReply.encode(
            lsn: page.lsn, next: page.next, columns: page.columns, page.rows, into: &output)
        }
      } catch {
        throw error.refusal(next: Suggestions.next(error, in: catalog))
      }
    }
  }
}

private struct ScanJob {
  struct Page: Sendable {
    var lsn: LSN
    var next: [UInt8]
    var columns: [String]
    var rows: WireRows
  }

  private let server: SessionServer
  private let vector: PreparedVector
  private let rowsMax: Int
  private let start: ScanStart

  init(
    _ server: SessionServer, _ catalog: Catalog, _ request: ScanRequest, _ project: String
  ) throws(StoreError) {
    self.server = server
    let name = VersionedName(spelling: request.view)
    guard let name, let view = catalog.view(name, in: project) else {
      throw .unknownView(name ?? VersionedName(name: request.view), project: project)
    }
    vector = try catalog.vector(of: view, in: project)
    rowsMax = min(Int(clamping: request.rowsMax), SessionLimits.scanRowsMax)
    if request.from.isEmpty {
      start = .beginning
    } else {
      let from = request.from
      do throws(KeyError) { try view.keySchema.check(unsafe from.span.bytes) } catch {
        throw .badKey(row: 0, role: "", error)
      }
      start = .after(from)
    }
  }

  func run() throws(StoreError) -> Page {
    var reader = try server.store.reader()
    var rows = WireRows(vector.columns.map(\.type))
    let columns = vector.columns.map(\.name)
    let most = min(
      SessionLimits.scanByteCountMax,
      server.options.bodyByteCountMax
        - ScanReply.headByteCountMax(columns: columns, nextByteCount: KeyLimits.byteCountMax, rows))
    // Of the last row that found room.
    var last: [UInt8] = []
    var isFull = false
    let features = vector.groups[0].features
    let page = try reader.scan(vector, start, rowsMax: rowsMax) { key, found in
      if isFull { return }
      var newest: Int64?
      for feature in features {
        guard let stamp = found.judge(feature).stamp else { continue }
        newest = max(newest ?? .min, stamp.eventTime.nanoseconds)
      }
      rows.append(key: key, GivenTimes(eventTime: newest.map { EventTime(nanoseconds: $0) })) {
        column, cells in
        // The vector's columns are the features, in their order.
        Self.append(found, features[column], to: &cells)
      }
      isFull = rows.byteCount > most
      // One alone goes as it is, or is refused when no reply can have it.
      if isFull, rows.count > 1 { rows.removeLast() } else { last = key.copied() }
    }
    return Page(
      lsn: page.moment.lsn, next: isFull ? last : page.next ?? [], columns: columns, rows: rows)
  }

  private static func append(
    _ found: borrowing FoundRow, _ feature: PreparedVector.Feature, to cells: inout WireColumn
  ) {
    let cell = found.judge(feature)
    if cell.hasValue(stale: true) {
      cells.append(raw: found.raw(feature))
    } else if cell.status == .nullValue || cell.status == .outsideMaxAge {
      cells.append(.null)
    } else {
      cells.append(.absent)
    }
  }
}
