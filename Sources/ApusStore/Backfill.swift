// One run of a backfill: leg after leg, and in a leg batch after batch, each one frame with its producer's number and the offset behind it. A
// batch is admitted while the one before is written.
//
// `offset` is what the next frame says; what is counted in it is in that frame, or was passed over on the way to it.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// Used by one thread.
final class Backfill {
  private let store: Store
  private let wish: BackfillWish
  private let map: BackfillMap
  private let producer: String
  private var opening: ProducerOpening?
  private var offset: BackfillOffset
  private var report: BackfillReport
  private let began: MonotonicTime
  private var onItsWay: OnItsWay?
  private var hasSent = false

  /// A batch that the store has and has not answered.
  private struct OnItsWay {
    let batch: AdmittedBatch
    let ticket: ProducerTicket
    let answer: Monitor<Result<AppendAnswer, StoreError>?>
  }

  init(_ store: Store, _ wish: BackfillWish) throws(StoreError) {
    self.store = store
    self.wish = wish
    began = store.shared.clock.monotonic()
    let (source, target) = try Self.views(wish, in: store.catalog)
    do throws(BackfillRefusal) {
      map = try BackfillMap(from: source, to: target, wish.renames, leavingOut: wish.leavingOut)
    } catch {
      throw .backfill(error)
    }
    producer = Self.producer(source, target, in: store.catalog.registry)
    let stored: [UInt8]?
    if wish.isDryRun {
      let name = producer
      stored = try store.facts().state.producers.listed.first { $0.name == name }?.sourceOffset
    } else {
      let opened = try store.openProducer(producer)
      opening = opened
      stored = opened.sourceOffset
    }
    let digest = Self.digest(wish)
    offset = BackfillOffset(map: digest)
    if let stored {
      guard let found = BackfillOffset(stored) else { throw .backfill(.foreignOffset(producer: producer)) }
      guard found.map == digest else { throw .backfill(.otherMap) }
      offset = found
    }
    report = BackfillReport(map: map, producer: producer)
  }

  private static func views(
    _ wish: BackfillWish, in catalog: Catalog
  ) throws(StoreError) -> (source: CatalogView, target: CatalogView) {
    guard let source = catalog[wish.source], let target = catalog[wish.target] else {
      throw .unknownView(VersionedName(name: "\(wish.source), \(wish.target)"), project: "")
    }
    guard !target.isRetired else { throw .retired(target.spelling) }
    return (source, target)
  }

  /// As people see it in `explain`: where the event is from.
  private static func producer(
    _ source: CatalogView, _ target: CatalogView, in registry: Registry
  ) -> String {
    "backfill \(registry[source.project]?.name ?? "")/\(source.spelling)>\(target.spelling)"
  }

  private static func digest(_ wish: BackfillWish) -> UInt32 {
    var writer = ByteWriter()
    // No feature has an empty name: so one that is left out is told from one that is mapped.
    let gone = Set(wish.leavingOut).map { FeatureRename(old: $0, new: "") }
    for rename in (wish.renames + gone).sorted(by: { ($0.new, $0.old) < ($1.new, $1.old) }) {
      writer.write(counted: rename.old)
      writer.write(counted: rename.new)
    }
    return CRC32C.checksum(writer.bytes)
  }

  // MARK: Legs

  func run() -> BackfillReport {
    do throws(StoreError) {
      do throws(StoreError) { try fill() } catch {
        // What was sent before is waited for, and told.
        try? settle()
        throw error
      }
      try settle()
    } catch {
      report.isComplete = false
      report.failure = error
    }
    report.total = offset.counts
    return report
  }

  private func fill() throws(StoreError) {
    let end = store.visible
    while true {
      let isBegun = offset.position != nil
      if !isBegun, offset.through >= end {
        report.through = offset.through
        report.isComplete = true
        return
      }
      if isOver { return }
      let (source, _) = try Self.views(wish, in: store.catalog)
      let leg: BackfillLeg
      if isBegun {
        leg = try BackfillLeg.resumed(store.log, store.options.runs, source, store.catalog, offset)
      } else {
        leg = try BackfillLeg.next(
          store.log, store.options.runs, source, store.catalog, after: offset.through, through: end,
          portion: StoreLimits.backfillPortionByteCount)
        offset.after = offset.through
        offset.through = leg.through
      }
      // Behind the leg's files, which no horizon changes any more: whatever they lack, its record was there before.
      report.horizon = try inheritHorizon()
      try carry(leg)
      if offset.position != nil { return }
      report.through = offset.through
    }
  }

  private func inheritHorizon() throws(StoreError) -> WallTime? {
    let wish = wish
    return try store.writing().perform { (core) throws(StoreError) in
      try core.inheritHorizon(of: wish.source, by: wish.target, isDryRun: wish.isDryRun)
    }
  }

  /// Not before something was written: what is only passed over is not kept, and would be passed over again for ever.
  private var isOver: Bool {
    guard let nanoseconds = wish.nanoseconds, hasSent else { return false }
    return store.shared.clock.monotonic().nanoseconds &- began.nanoseconds >= nanoseconds
  }

  // MARK: Batches

  /// Writes what is left of a leg. Where time is up before its end, the offset keeps where it was left.
  private func carry(_ leg: BackfillLeg) throws(StoreError) {
    var erased: UInt64 = 0
    var hasNext = try advance(leg)
    while hasNext {
      let catalog = store.catalog
      let (source, target) = try Self.views(wish, in: catalog)
      var batch = store.batch(.column, .setAside)
      try batch.turn(to: target, columns: map.ways.map(\.new))
      var last: BackfillOffset.Position?
      while hasNext, batch.rowCount < wish.rows, batch.byteCount < StoreLimits.backfillFrameByteCount {
        let place = leg.current
        try take(place, source, target, into: &batch)
        last = BackfillOffset.Position(key: place.key.copied(), stamp: place.head.stamp)
        hasNext = try advance(leg)
      }
      count(leg.erased - erased) { $0.erased += $1 }
      erased = leg.erased
      offset.position = hasNext ? last : nil
      if batch.rowCount > 0 { try submit(&batch) }
      if hasNext, isOver { return }
    }
    count(leg.erased - erased) { $0.erased += $1 }
    offset.position = nil
  }

  private func advance(_ leg: BackfillLeg) throws(StoreError) -> Bool {
    do throws(HistoryError) { return try leg.advance() } catch { throw .history(error) }
  }

  private func count(_ number: UInt64, _ add: (inout BackfillCounts, UInt64) -> Void) {
    add(&offset.counts, number)
    add(&report.counts, number)
  }

  private func take(
    _ place: EventPlace, _ source: CatalogView, _ target: CatalogView, into batch: inout Batch
  ) throws(StoreError) {
    let head = place.head
    let now = batch.now.nanoseconds
    let latest = max(head.knownAt.nanoseconds, head.createdAt.nanoseconds)
    // A person set the clock back: the times that are kept would be refused.
    guard latest <= now else { throw .backfill(.ahead(head.lsn, now: now)) }
    if let oldest = batch.catalog.horizons[target.id]?.oldest, head.eventTime < oldest {
      return count(1) { $0.beyond += $1 }
    }
    let times = GivenTimes(
      eventTime: head.eventTime, createdAt: head.createdAt, knownAt: head.knownAt,
      isKnownAtAssumed: head.isKnownAtAssumed)
    if head.isDelete {
      let key: [Value]
      do throws(KeyError) { key = try target.keySchema.decode(place.key) } catch {
        throw .badKey(row: batch.rowCount, role: "", error)
      }
      return batch.delete(key: key, times)
    }
    let inputs: [FeatureInput]?
    do throws(RowError) {
      inputs = try map.inputs(try RowCells(place.event.cells, layout: source.layout))
    } catch {
      throw .history(.cells(source.id, head.lsn, error))
    }
    guard let inputs else { return count(1) { $0.silent += $1 } }
    batch.upsert(encodedKey: place.key, times, inputs)
  }

  // MARK: Frames

  private func submit(_ batch: inout Batch) throws(StoreError) {
    let admitted = try batch.admitted()
    hasSent = true
    if wish.isDryRun { return took(admitted.counts, admitted.refused) }
    try settle()
    guard let opening else { return }
    // Rows are counted before they are in: the offset is in their frame, and nowhere if they are not.
    var next = offset
    next.counts.add(admitted.counts)
    let ticket = ProducerTicket(
      producer: opening.producer, epoch: opening.epoch, sequence: opening.lastSequence + 1,
      digest: admitted.digest, sourceOffset: next.bytes)
    let answer = Monitor<Result<AppendAnswer, StoreError>?>(nil)
    do throws(StoreError) {
      try store.submit(admitted, ticket) { result in
        answer.withLock { $0 = result }
        answer.notifyAll()
      }
    } catch {
      answer.withLock { $0 = .failure(error) }
    }
    onItsWay = OnItsWay(batch: admitted, ticket: ticket, answer: answer)
  }

  /// Waits for the batch that was sent last.
  private func settle() throws(StoreError) {
    guard let sent = onItsWay else { return }
    onItsWay = nil
    _ = sent.answer.wait(for: nil) { $0 != nil }
    var last = sent.answer.withLock { $0 ?? .failure(.closed) }
    for _ in 1..<Self.triesMax {
      guard case .failure(.overloaded) = last else { break }
      try store.checkpoint()
      do throws(StoreError) { last = .success(try store.append(sent.batch, sent.ticket)) } catch {
        last = .failure(error)
      }
    }
    let answer = try last.get()
    opening?.lastSequence += 1
    report.frame = answer.frame
    took(answer.counts, answer.refused)
  }

  private func took(_ counts: RowCounts, _ refused: [RefusalTally]) {
    offset.counts.add(counts)
    report.counts.add(counts)
    for tally in refused {
      if let at = report.refused.firstIndex(where: { $0.rule == tally.rule && $0.view == tally.view }) {
        report.refused[at].count += tally.count
      } else {
        report.refused.append(tally)
      }
    }
  }

  /// How often a batch is offered to a store whose memory is full; each time the store's memory is emptied first.
  private static let triesMax = 10
}

extension BackfillCounts {
  fileprivate mutating func add(_ counts: RowCounts) {
    accepted &+= UInt64(counts.accepted)
    setAside &+= UInt64(counts.setAside)
    erased &+= UInt64(counts.erased)
  }
}
