// What was found of entities, cell by cell, for people and for programs. A cell that is blank says why; a default stands in its
// place, and does not hide that it is one.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

struct FoundEntities {
  struct FoundValue {
    let cell: FoundCell
    /// Its own.
    let value: Value?
    /// What a service gives in its place.
    let filling: Value?
    /// There is one, and its bytes are none of its type.
    let isUnreadable: Bool
  }

  let columns: [PreparedVector.Column]
  /// Of each row; none for what cannot be had again.
  private let receipts: [String?]
  let moment: ReadMoment
  /// Row by row, in the order of the columns.
  private let cells: [[FoundValue?]]

  init(
    _ entities: [[String: Value]], _ vector: PreparedVector, _ store: Store, _ options: Get.Options,
    _ seal: ReceiptSeal? = nil
  ) throws(StoreError) {
    columns = vector.columns
    var keys = RequestKeys(for: vector)
    for entity in entities { try keys.append(named: entity) }
    var reader = try store.reader()
    let empty = [FoundValue?](repeating: nil, count: vector.columns.count)
    var cells = [[FoundValue?]](repeating: empty, count: entities.count)
    moment = try reader.read(vector, keys, minimum: options.minimum ?? .none) { row, group, found in
      for feature in vector.groups[group].features {
        let filling = vector.columns[feature.column].filling
        cells[row][feature.column] = FoundValue(found, feature, filling, stale: options.isStale)
      }
    }
    self.cells = cells
    receipts = Self.receipts(keys, moment, seal)
  }

  /// As it was.
  init(
    _ entities: [[String: Value]], _ vector: PreparedVector, _ read: PastRead, _ options: Get.Options,
    _ seal: ReceiptSeal? = nil
  ) throws(StoreError) {
    columns = vector.columns
    moment = read.moment
    var keys = RequestKeys(for: vector)
    for entity in entities { try keys.append(named: entity) }
    let empty = [FoundValue?](repeating: nil, count: vector.columns.count)
    var cells = [[FoundValue?]](repeating: empty, count: entities.count)
    try read.read(vector, keys) { row, feature, cell, value in
      let filling = vector.columns[feature.column].filling
      cells[row][feature.column] = FoundValue(cell, value, feature, filling, stale: options.isStale)
    }
    self.cells = cells
    receipts = Self.receipts(keys, moment, seal)
  }

  private static func receipts(
    _ keys: borrowing RequestKeys, _ moment: ReadMoment, _ seal: ReceiptSeal?
  ) -> [String?] {
    var receipts: [String?] = []
    for row in 0..<keys.count { receipts.append(seal?.receipt(keys, row: row, moment)) }
    return receipts
  }

  // MARK: For people

  func lines(row: Int, _ title: String, receipts showsReceipts: Bool) -> [String] {
    var table = Table([
      ("feature", .left), ("value", .left), ("status", .left), ("age", .right), ("event time", .left),
    ])
    for (column, cell) in zip(columns, cells[row]) {
      table.add([
        column.name, cell?.shown?.inWords ?? "", cell?.words ?? "", cell?.age ?? "", cell?.eventTime ?? "",
      ])
    }
    return [head(title)] + table.lines + (showsReceipts ? ["", "receipt " + (receipts[row] ?? "none")] : [])
  }

  /// A line for each entity.
  func lines(_ entities: [Entity], _ title: String, receipts showsReceipts: Bool) -> [String] {
    var table = Table(
      [("entity", .left)] + columns.map { ($0.name, .left) } + (showsReceipts ? [("receipt", .left)] : []))
    for ((entity, receipt), row) in zip(zip(entities, receipts), cells) {
      table.add(
        [entity.inWords]
          + row.map { cell in
            guard let shown = cell?.shown else { return "(\(cell?.words ?? ""))" }
            return shown.inWords + (cell?.isPlain == true ? "" : " (\(cell?.words ?? ""))")
          } + (showsReceipts ? [receipt ?? "none"] : []))
    }
    return [head(title)] + table.lines
  }

  private func head(_ title: String) -> String {
    let flag = moment.isFlagged ? "; records were lost once, and something may be missing" : ""
    return "\(title) at LSN \(moment.lsn), \(WallTime(nanoseconds: moment.time.nanoseconds).inWords)\(flag)"
  }

  // MARK: For programs

  func json(_ row: Int, _ entity: Entity, _ title: String) -> JSON {
    [
      "of": .text(title), "keys": entity.json, "lsn": .number(moment.lsn.rawValue),
      "read_time": .text("\(WallTime(nanoseconds: moment.time.nanoseconds))"),
      "may_lack": .boolean(moment.isFlagged), "receipt": receipts[row].map { .text($0) } ?? .null,
      "features": .list(
        zip(columns, cells[row]).map { column, cell in
          let head: JSON = [
            "name": .text(column.name), "type": .text("\(column.type)"), "from": .text(column.view),
          ]
          return head.adding(cell?.json ?? [:])
        }),
    ]
  }
}

/// What the receipts of one answer have in common.
struct ReceiptSeal {
  private let timeline: [UInt8]
  private let fingerprint: [UInt8]

  init(_ store: Store, _ vector: PreparedVector, _ catalog: Catalog) {
    timeline = store.identity.timeline
    fingerprint = Meaning.fingerprint(of: vector, in: catalog)
  }

  /// As `apus explain --receipt` takes it.
  fileprivate func receipt(_ keys: borrowing RequestKeys, row: Int, _ moment: ReadMoment) -> String {
    var said = ByteWriter()
    for role in keys.vector.roles.indices { said.write(short: keys.key(row: row, role: role)) }
    let receipt = AnswerReceipt(
      timeline: timeline, fingerprint: fingerprint, lsn: moment.lsn, time: moment.time, keys: said.bytes)
    return receipt.text
  }
}

extension FoundEntities.FoundValue {
  init(_ found: borrowing FoundRow, _ feature: PreparedVector.Feature, _ filling: Value?, stale: Bool) {
    self.init(found.judge(feature), found.raw(feature), feature, filling, stale: stale)
  }

  init(
    _ cell: FoundCell, _ raw: RawSpan, _ feature: PreparedVector.Feature, _ filling: Value?, stale: Bool
  ) {
    self.cell = cell
    value = cell.hasValue(stale: stale) ? try? Value(raw, of: feature.slot) : nil
    isUnreadable = value == nil && cell.hasValue(stale: stale)
    self.filling = cell.isBlank(stale: stale) ? filling : nil
  }

  var shown: Value? { value ?? filling }

  /// Whether there is nothing to say but the value.
  var isPlain: Bool { cell.status == .present && !isUnreadable }

  var words: String {
    if isUnreadable { return "unreadable: see `apus check`" }
    let why = cell.reason?.inWords ?? cell.status.inWords
    return filling == nil ? why : "\(why), default"
  }

  var age: String? { stamp.map { Age(of: WallTime(nanoseconds: $0), at: now($0)).inWords } }

  var eventTime: String? { stamp.map { WallTime(nanoseconds: $0).inWords } }

  private var stamp: Int64? { cell.stamp?.eventTime.nanoseconds }

  /// The moment that the age was judged at.
  private func now(_ event: Int64) -> WallTime {
    let (now, overflow) = event.addingReportingOverflow(cell.ageNanoseconds ?? 0)
    return WallTime(nanoseconds: overflow ? .max : now)
  }

  var json: JSON {
    [
      "value": shown?.json ?? .null, "status": .text(cell.status.word),
      "reason": cell.reason.map { .text($0.inWords) } ?? .null, "is_default": .boolean(filling != nil),
      "age_ns": cell.ageNanoseconds.map { .number($0) } ?? .null,
      "event_time": stamp.map { .text("\(WallTime(nanoseconds: $0))") } ?? .null,
      "lsn": cell.stamp.map { .number($0.lsn.rawValue) } ?? .null,
    ]
  }
}

extension CellStatus {
  /// For programs.
  var word: String {
    switch self {
    case .invalid: "invalid"
    case .present: "present"
    case .nullValue: "null"
    case .notFound: "not_found"
    case .outsideMaxAge: "outside_max_age"
    }
  }

  var inWords: String {
    switch self {
    case .outsideMaxAge: "out of age"
    case .notFound: "not found"
    default: word
    }
  }
}

extension BlankReason {
  var inWords: String {
    switch self {
    case .neverSeen: "never seen"
    case .notYetKnown: "not yet known"
    case .deleted: "deleted"
    case .erased: "erased"
    case .beyondHistory: "beyond history"
    }
  }
}
