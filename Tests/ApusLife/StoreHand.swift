// What a life and its verification both do with a store: open it, send a request of the script, look at everything.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

struct StoreHand {
  let store: Store
  let script: StoreScript

  /// Counts how often the store said that it stopped.
  static func open(
    _ folder: String, on disk: any Disk = RealDisk(), clock: any Clock = SystemClock(),
    random: inout SplitMix64, _ options: StoreOptions, stops: Monitor<Int>, script: StoreScript
  ) throws(StoreError) -> StoreHand {
    let store = try Store.open(folder, on: disk, clock: clock, random: &random, options: options) { _ in
      stops.withLock { $0 += 1 }
    }
    return StoreHand(store: store, script: script)
  }

  func batch(_ number: UInt64) throws -> AdmittedBatch {
    var batch = store.batch(.live, .setAside)
    try script.fill(&batch, number)
    return try batch.admitted()
  }

  func ticket(_ number: UInt64, _ batch: AdmittedBatch, producer: UInt32, epoch: UInt32) -> ProducerTicket {
    ProducerTicket(
      producer: producer, epoch: epoch, sequence: number, digest: batch.digest,
      sourceOffset: Array("\(number)".utf8))
  }

  func erase(card: Int) throws(StoreError) {
    let key = ErasedKey(name: "card_id", value: .string(StoreKey(card: card, shop: nil).name))
    _ = try store.erase([key], in: StoreScript.project)
  }

  /// Every cell of these keys, as a reader sees them: of each view by one read.
  func read(_ keys: [StoreKey]) throws(StoreError) -> [StoreKey: [StoreModel.Cell]] {
    var reader = try store.reader()
    return try read(keys, &reader)
  }

  func read(
    _ keys: [StoreKey], _ reader: inout StoreReader
  ) throws(StoreError) -> [StoreKey: [StoreModel.Cell]] {
    var result: [StoreKey: [StoreModel.Cell]] = [:]
    for (isVisit, features) in [(false, ["activity:number", "activity:text"]), (true, ["visits:number"])] {
      let those = keys.filter { ($0.shop != nil) == isVisit }
      if those.isEmpty { continue }
      let vector = try store.vector(features: features, in: StoreScript.project)
      var asked = RequestKeys(for: vector)
      for key in those { try asked.append(values: [key.values]) }
      let table = try reader.table(vector, asked)
      for (row, key) in those.enumerated() {
        result[key] = features.indices.map { StoreModel.Cell(table[row, $0]) }
      }
    }
    return result
  }

  /// Every cell of these cards as of an LSN.
  func demandPast(_ keys: [StoreKey], at lsn: LSN, _ model: StoreModel) throws {
    let vector = try store.vector(features: ["activity:number", "activity:text"], in: StoreScript.project)
    var asked = RequestKeys(for: vector)
    for key in keys { try asked.append(values: [key.values]) }
    var found = keys.map { _ in [StoreModel.Cell](repeating: .null, count: 2) }
    var judged = 0
    let past = try store.past(.lsn(lsn, at: ReadTime(nanoseconds: SystemClock().wall().nanoseconds)))
    try past.read(vector, asked) { row, feature, cell, value in
      judged += 1
      found[row][feature.column] = StoreModel.Cell(
        cell.status, cell.hasValue() ? try? Value(value, of: feature.slot) : nil, cell.reason)
    }
    guard judged == keys.count * 2 else {
      throw BrokenPromise(description: "at LSN \(lsn) \(judged) cells of \(keys.count) cards were answered")
    }
    for (key, cells) in zip(keys, found) where cells != model.cells[key] {
      throw BrokenPromise(
        description: "at LSN \(lsn) \(key) is read as \(cells), and was \(model.cells[key] ?? [])")
    }
  }

  /// The letters that wait and may be shown.
  func letters(_ state: StoreState) throws -> UInt64 {
    var letters: UInt64 = 0
    try DeadLetterSearch(in: store.log, state.deadLetters, store.catalog).forEach { _ in
      letters += 1
      return true
    }
    return letters
  }

  /// The state as the index holds it, after everything was checkpointed.
  func state() throws -> StoreState {
    guard let index = store.shared.newest.1.index else { throw StoreError.rebuilding }
    var reader = try index.reader()
    try reader.renew()
    defer { reader.reset() }
    let state: StoreState?? = try reader.note { bytes in try? StoreState(note: bytes) }
    guard let state = state ?? nil else { throw BrokenPromise(description: "the note cannot be read") }
    return state
  }

  /// Closes the store, which must not throw what an innocent does not meet.
  func close() throws(StoreError) { try store.close() }
}

extension StoreModel.Cell {
  init(_ cell: FeatureTable.Cell) { self.init(cell.status, cell.value, cell.reason) }

  init(_ status: CellStatus, _ value: Value?, _ reason: BlankReason?) {
    switch (status, value, reason) {
    case (.present, .some(let value), _): self = .value(value)
    case (.nullValue, _, _): self = .null
    case (.notFound, _, .some(let reason)): self = .blank(reason)
    // What no row of a life may answer.
    default: self = .value(.string("status \(status), reason \(String(describing: reason))"))
    }
  }
}

extension StoreError {
  /// Whether a broken or full disk can bring this upon a store in order.
  var mayMeetAnInnocent: Bool {
    switch self {
    case .stopped, .diskFull, .diskLow, .overloaded, .clockJump, .rebuilding: true
    case .log(let error): error.mayMeetAnInnocent
    case .index(let error): error.mayMeetAnInnocent
    case .history(let error): error.refusal != nil
    default: false
    }
  }

  /// Whether it goes away with more space or a little time.
  var passes: Bool {
    switch self {
    case .diskFull, .diskLow, .overloaded, .rebuilding: true
    // An index that was given up is built again before the next checkpoint.
    case .index(.full), .index(.abandoned): true
    default: false
    }
  }
}

extension IndexError {
  fileprivate var mayMeetAnInnocent: Bool {
    switch self {
    case .full, .system, .abandoned: true
    // The kernel's codes are above zero.
    case .lmdb(let fault): fault.code > 0
    case .damaged, .inUse, .tooManyReaders: false
    }
  }
}
