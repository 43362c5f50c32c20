// `apus scan`: the entities of a view with what is stored of them, whatever its age, in the order of their encoded keys. Rows are
// said a page at a time, so that memory is the same for a view of any length; who asked for a part is told where it ended.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Scan {
  static let usualLimit: UInt64 = 100
  private static let rowsPerPage = 1_000

  struct Options: Equatable {
    var view: VersionedName
    var project: String?
    var limit = usualLimit
    /// The encoded key behind which it begins.
    var after: [UInt8]?
  }

  private struct Row {
    let key: [Value]
    let cells: [FoundEntities.FoundValue]
    let newest: Int64?
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, catalog) = try answer.definitions()
    let project = try naming.project(options.project)
    let version = try naming.version(options.view, in: project)
    let spelling = naming.registry.spelling(of: version)
    guard let view = catalog[version.id], !view.isRetired else {
      throw Trouble(
        "retired", "\(spelling) is retired, and is not served", at: answer.data,
        next: "`apus describe \(options.view.name)\(answer.place.option)` lists its versions")
    }
    if let after = options.after {
      do throws(KeyError) { try view.keySchema.check(unsafe after.span.bytes) } catch {
        throw Trouble(
          "bad_key", "--after is no key of \(spelling)", at: "the command line",
          next: "give what an earlier scan of this view said, or leave it out")
      }
    }
    let (said, next) = try answer.changing { (store) throws(StoreError) in
      let vector = try store.catalog.vector(of: view, in: project.name)
      return try pages(vector, view, store, options, answer)
    }
    end(said, next, options, spelling, answer)
    return .done
  }

  /// Says rows until there are enough. Gives how many, and the key behind which more may be.
  private static func pages(
    _ vector: PreparedVector, _ view: CatalogView, _ store: Store, _ options: Options, _ answer: Answer
  ) throws(StoreError) -> (UInt64, [UInt8]?) {
    let features = vector.groups[0].features
    var reader = try store.reader()
    var start = options.after.map { ScanStart.after($0) } ?? .beginning
    var said: UInt64 = 0
    while true {
      let wanted = Int(min(options.limit - said, UInt64(rowsPerPage)))
      var rows: [Row] = []
      let page = try reader.scan(vector, start, rowsMax: wanted) { key, found in
        let cells = features.map { FoundEntities.FoundValue(found, $0, nil, stale: true) }
        rows.append(
          Row(
            key: (try? view.keySchema.decode(key)) ?? [], cells: cells,
            newest: cells.compactMap { $0.cell.stamp?.eventTime.nanoseconds }.max()))
      }
      said += UInt64(rows.count)
      if answer.isJSON {
        for row in rows { answer.output.line(json(row, view, vector, page.moment.lsn)) }
      } else if !rows.isEmpty {
        lines(rows, view, vector).forEach { answer.output.line($0) }
      }
      guard let next = page.next else { return (said, nil) }
      guard said < options.limit, answer.output.goesOn else { return (said, next) }
      start = .after(next)
    }
  }

  private static func lines(_ rows: [Row], _ view: CatalogView, _ vector: PreparedVector) -> [String] {
    let keys: [(head: String, side: Table.Side)] = view.keys.map { ($0.name, .left) }
    var table = Table(keys + vector.columns.map { ($0.name, .left) } + [("newest event", .left)])
    for row in rows where row.key.count == keys.count {
      table.add(
        row.key.map(\.inWords) + row.cells.map(\.inScan)
          + [row.newest.map { WallTime(nanoseconds: $0).inWords } ?? ""])
    }
    return table.lines
  }

  private static func json(
    _ row: Row, _ view: CatalogView, _ vector: PreparedVector, _ lsn: LSN
  ) -> JSON {
    let features = zip(vector.columns, row.cells).compactMap { column, cell in
      cell.cell.status == .notFound ? nil : JSON.Member(key: column.name, value: cell.value?.json ?? .null)
    }
    return [
      "keys": .object(zip(view.keys, row.key).map { JSON.Member(key: $0.name, value: $1.json) }),
      "lsn": .number(lsn.rawValue),
      "newest_event_time": row.newest.map { .text("\(WallTime(nanoseconds: $0))") } ?? .null,
      "features": .object(features),
    ]
  }

  private static func end(
    _ said: UInt64, _ next: [UInt8]?, _ options: Options, _ spelling: String, _ answer: Answer
  ) {
    let after = next.map { unsafe Hex.text($0.span.bytes) }
    if answer.isJSON {
      answer.output.line(["entities": .number(said), "next": after.map { .text($0) } ?? .null])
      return
    }
    if said == 0 {
      answer.output.line(
        "nothing is stored in \(spelling)" + (options.after == nil ? "" : " behind that key"))
    }
    guard let after else { return }
    let limit = options.limit == usualLimit ? "" : " --limit \(options.limit)"
    answer.output.line()
    answer.output.line("next: apus scan \(spelling)\(limit) --after \(after)\(answer.place.option)")
  }
}

extension FoundEntities.FoundValue {
  /// Its value, or nothing where nothing counts.
  fileprivate var inScan: String {
    if isUnreadable { return words }
    return value?.inWords ?? (cell.status == .notFound ? "" : "null")
  }
}
