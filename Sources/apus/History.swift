// `apus history`: every event of an entity in one view, in the order in which they were written.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum History {
  struct Options: Equatable {
    var what: Get.Options
    var from = EventTime(nanoseconds: .min)
    var to = EventTime(nanoseconds: .max)
    var limit = usualLimit
  }

  static let usualLimit: UInt64 = 100

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Get.Asked(options.what, answer)
    let (page, vector) = try answer.changing { (store) throws(StoreError) in
      let read = try store.past(options.what.moment ?? .newest)
      let vector = try asked.wanted.vector(in: read.catalog, asked.project)
      var keys = RequestKeys(for: vector)
      for entity in asked.entities { try keys.append(named: entity.named) }
      guard let view = read.catalog[vector.groups[0].view] else {
        throw .unknownView(VersionedName(name: asked.wanted.spelled), project: asked.project)
      }
      let page = try read.history(
        of: view, key: keys.key(row: 0, role: 0), from: options.from, to: options.to,
        limit: Int(clamping: options.limit))
      return (page, vector)
    }
    if answer.isJSON {
      for entry in page.entries { answer.output.line(entry.json(vector)) }
      answer.output.line([
        "events": .number(page.entries.count), "lsn": .number(page.moment.lsn.rawValue),
        "more": .boolean(page.hasMore), "may_lack": .boolean(page.moment.isFlagged),
      ])
      return .done
    }
    let title = "\(asked.wanted.spelled) of \(asked.entities.first?.inWords ?? "")"
    let flag = page.moment.isFlagged ? "; records were lost once, and some may be missing" : ""
    answer.output.line("\(title) at LSN \(page.moment.lsn)\(flag)")
    guard !page.entries.isEmpty else {
      answer.output.line("there is no event")
      return .done
    }
    var table = Table([
      ("lsn", .right), ("event time", .left), ("known", .left), ("producer", .left), ("", .left),
      ("said", .left),
    ])
    for entry in page.entries {
      let head = entry.event
      table.add([
        "\(head.lsn)", head.eventTime.wall.inWords,
        head.known.inWords + (head.isKnownAtAssumed ? " (assumed)" : ""), head.producer ?? "",
        entry.wins ? "wins" : "", entry.words(vector),
      ])
    }
    table.lines.forEach { answer.output.line($0) }
    if page.hasMore {
      answer.output.line()
      answer.output.line("there are more: say a larger --limit, or --from")
    }
    return .done
  }
}

extension HistoryEntry {
  /// What it says of the features that the view has.
  private func said(_ vector: PreparedVector) -> [(name: String, value: Value?)] {
    guard !event.isDelete, let cells = try? inputs(vector.groups[0].features) else { return [] }
    return zip(vector.columns, cells).compactMap { column, said in
      switch said {
      case .absent: nil
      case .null: (column.name, nil)
      case .value(let value): (column.name, value)
      }
    }
  }

  fileprivate func words(_ vector: PreparedVector) -> String {
    if event.isDelete { return "deleted" }
    return said(vector).map { "\($0.name)=\($0.value?.inWords ?? "null")" }.joined(separator: " ")
  }

  fileprivate func json(_ vector: PreparedVector) -> JSON {
    let said: JSON = [
      "operation": .text(event.isDelete ? "delete" : "upsert"), "wins": .boolean(wins),
      "features": .object(said(vector).map { JSON.Member(key: $0.name, value: $0.value?.json ?? .null) }),
    ]
    return said.adding(event.json)
  }
}
