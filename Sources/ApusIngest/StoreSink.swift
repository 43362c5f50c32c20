// Rows into a store that this process has open, and rows that are only judged. A block is one batch, and one frame: with a
// producer the offset of the file is in the same frame, so that both are there after a crash, or neither.

import ApusBytes
package import ApusContracts
package import ApusStore
package import ApusSystem

package final class StoreSink: RowSink {
  /// How often a block is offered to a store whose memory is full; each time some of it is given free first.
  private static let triesMax = 10

  private let store: Store
  private let view: CatalogView
  private let choice: KnownAtChoice
  private let policy: RefusalPolicy
  private var producer: ProducerOpening?
  /// The records of the last block that was written.
  package private(set) var frame: FrameMoment?
  private var onItsWay: OnItsWay?

  /// A block that the store has and has not answered.
  private struct OnItsWay {
    let block: RowBlock
    let batch: AdmittedBatch
    let ticket: ProducerTicket?
    let answer: Monitor<Result<AppendAnswer, StoreError>?>
  }

  /// `producer` is open, and nobody else numbers requests of it.
  package init(
    _ store: Store, _ view: CatalogView, _ choice: KnownAtChoice, _ policy: RefusalPolicy,
    producer: ProducerOpening? = nil
  ) {
    self.store = store
    self.view = view
    self.choice = choice
    self.policy = policy
    self.producer = producer
  }

  package func submit(_ block: RowBlock) throws(StoreError) -> RowOutcome {
    precondition(onItsWay == nil, "a sink is finished before a block is submitted alone")
    _ = try begin(block)
    return try settle()?.outcome ?? RowOutcome()
  }

  /// The rows are judged while the block before is written; it follows once that one is in.
  package func begin(_ block: RowBlock) throws(StoreError) -> [SettledBlock] {
    var batch = store.batch(choice, policy, isNumbered: producer != nil)
    try batch.take(block, of: view)
    let admitted = try batch.admitted()
    let settled = try settle()
    let ticket = producer.map {
      ProducerTicket(
        producer: $0.producer, epoch: $0.epoch, sequence: $0.lastSequence + 1, digest: admitted.digest,
        sourceOffset: block.offset.bytes)
    }
    let answer = Monitor<Result<AppendAnswer, StoreError>?>(nil)
    do throws(StoreError) {
      try store.submit(admitted, ticket) { result in
        answer.withLock { $0 = result }
        answer.notifyAll()
      }
    } catch {
      answer.withLock { $0 = .failure(error) }
    }
    onItsWay = OnItsWay(block: block, batch: admitted, ticket: ticket, answer: answer)
    return settled.map { [$0] } ?? []
  }

  package func finish() throws(StoreError) -> [SettledBlock] { try settle().map { [$0] } ?? [] }

  private func settle() throws(StoreError) -> SettledBlock? {
    guard let sent = onItsWay else { return nil }
    onItsWay = nil
    _ = sent.answer.wait(for: nil) { $0 != nil }
    let first = sent.answer.withLock { $0 ?? .failure(.closed) }
    let answer = try answer(first, to: sent)
    if !answer.frame.lsns.isEmpty {
      frame = answer.frame
      producer?.lastSequence += 1
    }
    return SettledBlock(sent.block, RowOutcome(answer.counts, answer.refused))
  }

  private func answer(
    _ first: Result<AppendAnswer, StoreError>, to sent: OnItsWay
  ) throws(StoreError) -> AppendAnswer {
    var last = first
    for _ in 1..<Self.triesMax {
      guard case .failure(.overloaded) = last else { break }
      try store.makeRoom()
      do throws(StoreError) { last = .success(try store.append(sent.batch, sent.ticket)) } catch {
        last = .failure(error)
      }
    }
    return try last.get()
  }
}

/// Judges rows as a store would at this moment, and writes nothing.
package final class JudgeSink: RowSink {
  private let catalog: Catalog
  private let view: CatalogView
  private let choice: KnownAtChoice
  private let clock: any Clock

  package init(_ catalog: Catalog, _ view: CatalogView, _ choice: KnownAtChoice, clock: any Clock) {
    self.catalog = catalog
    self.view = view
    self.choice = choice
    self.clock = clock
  }

  package func submit(_ block: RowBlock) throws(StoreError) -> RowOutcome {
    var batch = Batch(catalog, now: clock.wall(), choice: choice, policy: .setAside)
    try batch.take(block, of: view)
    let admitted = try batch.admitted()
    return RowOutcome(admitted.counts, admitted.refused)
  }
}

extension LoadTarget {
  package init(_ view: CatalogView) {
    self.init(
      spelling: view.spelling, keys: view.keys,
      features: view.contract.features.map { LoadTarget.Feature($0.name, $0.type) })
  }
}

extension Batch {
  /// The rows of a block. One that says what no feature can is named in full, so that it is refused and kept whole.
  fileprivate mutating func take(_ block: RowBlock, of view: CatalogView) throws(StoreError) {
    try turn(to: view, columns: block.event == .upsert ? block.columns : nil)
    for row in block.rows {
      switch (block.event, row.extras.isEmpty) {
      case (.upsert, true): upsert(key: row.key, row.times, row.inputs)
      case (.upsert, false): upsert(row: RowInput(row, block.columns))
      case (.delete, true): delete(key: row.key, row.times)
      case (.delete, false): delete(row: RowInput(row, []))
      }
    }
  }
}

extension RowInput {
  fileprivate init(_ row: FileRow, _ columns: [String]) {
    self.init(
      key: row.key, times: row.times,
      features: zip(columns, row.inputs).map { DeadLetter.Feature($0, $1) }
        + row.extras.map { DeadLetter.Feature($0.name, $0.value) })
  }
}

extension RowOutcome {
  fileprivate init(_ counts: RowCounts, _ refused: [RefusalTally]) {
    self.init()
    accepted = counts.accepted
    setAside = counts.setAside
    erased = counts.erased
    setBack = counts.setBack
    rules = refused.map {
      RuleOutcome(rule: $0.rule, count: $0.count, firstRow: $0.firstRow, words: $0.words)
    }
  }
}
