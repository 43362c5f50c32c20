// What the appender does with a group of requests: admit again where that is asked for, append each as one frame, sync
// once, apply, show, answer.
//
// `waiting` are the frames that were appended and not settled, in the order of their LSNs. A request that needs to know
// what is in force is judged by state and catalog, which are those of the last settled frame, and by `pending` for the
// producers of the frames that wait.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusSystem

/// Owned by the appender's thread.
final class AppenderCore: @unchecked Sendable {
  let log: LogWriter
  let shared: StoreShared
  let options: StoreOptions
  var applier: FrameApplier
  private let checkpointer: Checkpointer
  private let disk: any Disk
  private let folder: String
  /// Told once, when a sync failed.
  private let onStop: @Sendable (StoreError) -> Void

  private var waiting: [WaitingFrame] = []
  /// By producer: what of it is in `waiting`.
  private var pending: [UInt32: [PendingRequest]] = [:]
  /// Erasures that the log has and the manifest not yet.
  var unkept: [KeptErasure] = []
  private var space: DiskSpace
  /// The call that failed and ended all writing.
  private var cause: SystemError?
  private var hasStopped: Bool { cause != nil }
  /// Records that the log lost, met while an index was rebuilt: nothing more is written.
  var losses: [LSNRange] = [] {
    didSet { if !losses.isEmpty { shared.watch.end(.readOnly(losses)) } }
  }
  /// Since when something waits to be synced (a buffered log) or marked.
  private var idleSince: MonotonicTime?
  /// Since when the active generation has something.
  private var generationSince: MonotonicTime?
  /// Of what `tend` told the watch last.
  private var durableTold = LSN.none

  private struct WaitingFrame {
    let appended: Appended
    let counts: RowCounts
    let refused: [RefusalTally]
    let bytes: FrameBytes
    var completions: [StoreAppender.Completion]
  }

  private struct PendingRequest {
    let ticket: ProducerTicket
    let place: Int
  }

  init(
    _ log: LogWriter, _ applier: consuming FrameApplier, _ shared: StoreShared, _ checkpointer: Checkpointer,
    disk: any Disk, folder: String, _ options: StoreOptions, onStop: @escaping @Sendable (StoreError) -> Void
  ) {
    self.log = log
    self.shared = shared
    self.options = options
    self.applier = applier
    self.checkpointer = checkpointer
    self.disk = disk
    self.folder = folder
    self.onStop = onStop
    space = DiskSpace(reserve: options.diskReserveByteCount)
  }

  // MARK: A group

  func process(_ group: [StoreAppender.Job]) {
    // All of the group was taken before this moment, so one look at the clocks serves all; what runs alone may move them.
    var moment: AppendMoment?
    for job in group {
      switch job {
      case .alone(let body, _):
        settle()
        body(self)
        moment = nil
      case .rows(let batch, let ticket, let completion):
        do throws(StoreError) {
          let now: AppendMoment
          if let moment { now = moment } else { now = try self.moment() }
          moment = now
          try take(batch, ticket, now, completion)
        } catch {
          completion(.failure(error))
        }
      }
    }
    settle()
  }

  private func take(
    _ batch: AdmittedBatch, _ ticket: ProducerTicket?, _ now: AppendMoment,
    _ completion: @escaping StoreAppender.Completion
  ) throws(StoreError) {
    if let ticket, try isAnswered(ticket, now, completion) { return }
    try checkRoom(for: batch.bytes.byteCount)
    var batch = batch
    if batch.catalogNumber != applier.catalog.number || batch.admittedAt > now.time {
      batch = try batch.admittedAgain(under: applier.catalog, now: now.time)
    }
    try checkDeadLetters(batch, now.time)
    guard batch.recordCount > 0 || ticket != nil else {
      // Every row was erased: there is nothing to write, and no producer whose number is used up.
      return completion(.success(nothing(batch, now)))
    }
    let bytes = FrameBytes(batch, ticket)
    let appended = try append(bytes, now)
    if let ticket {
      pending[ticket.producer, default: []].append(PendingRequest(ticket: ticket, place: waiting.count))
    }
    waiting.append(
      WaitingFrame(
        appended: appended, counts: batch.counts, refused: batch.refused, bytes: bytes,
        completions: [completion]))
  }

  /// The answer to a request of which nothing is kept: a frame without records, behind all others.
  private func nothing(_ batch: AdmittedBatch, _ now: AppendMoment) -> AppendAnswer {
    let lsns = LSNRange(log.nextLSN, through: log.nextLSN.previous)
    return AppendAnswer(
      frame: FrameMoment(lsns: lsns, time: now.time), durable: log.durable, counts: batch.counts)
  }

  /// Whether the request was done before; then it is answered, now or with the frame that it repeats.
  private func isAnswered(
    _ ticket: ProducerTicket, _ now: AppendMoment, _ completion: @escaping StoreAppender.Completion
  ) throws(StoreError) -> Bool {
    if let offset = ticket.sourceOffset, offset.count > StoreLimits.sourceOffsetByteCountMax {
      throw .sourceOffsetTooLong(byteCount: offset.count, max: StoreLimits.sourceOffsetByteCountMax)
    }
    let before = pending[ticket.producer] ?? []
    if let same = before.first(where: {
      $0.ticket.sequence == ticket.sequence && $0.ticket.epoch == ticket.epoch
    }) {
      guard same.ticket.digest == ticket.digest else {
        throw .sequenceReused(producer: ticket.producer, ticket.sequence)
      }
      waiting[same.place].completions.append(completion)
      return true
    }
    switch try judge(ticket, pending: before.last?.ticket.sequence, now) {
    case .next: return false
    case .unsettled:
      settle()
      return try isAnswered(ticket, now, completion)
    case .repeated(let frame, let counts):
      completion(
        .success(AppendAnswer(frame: frame, durable: log.durable, counts: counts, isRepeated: true)))
      return true
    }
  }

  private func judge(
    _ ticket: ProducerTicket, pending: UInt64?, _ now: AppendMoment
  ) throws(StoreError) -> Producers.Verdict {
    try applier.state.producers.judge(
      ticket, pending: pending, at: now.time, idleNanosecondsMax: options.producerIdleNanosecondsMax)
  }

  private func append(_ bytes: FrameBytes, _ now: AppendMoment) throws(StoreError) -> Appended {
    guard bytes.byteCount <= log.payloadByteCountMax else {
      throw .batchTooLong(byteCount: bytes.byteCount, max: log.payloadByteCountMax)
    }
    let result: Result<Appended, LogError>
    do throws(LogError) {
      result = .success(
        try bytes.lend { payload throws(LogError) in
          try log.append(recordCount: bytes.recordCount, payload: payload, at: now)
        })
    } catch {
      result = .failure(error)
    }
    // It may have taken frames that wait, whether it succeeded or not.
    failDropped()
    switch result {
    case .success(let appended): return appended
    case .failure(let error): throw met(error)
    }
  }

  // MARK: Settling

  /// Makes everything that waits as lasting as was promised, applies it, shows it, answers it.
  func settle() {
    guard !waiting.isEmpty else { return }
    do throws(LogError) {
      do throws(LogError) { try makeLasting() } catch {
        guard case .diskFull = error else { throw error }
        // It took what was in the buffer. What had reached the file before is still there.
        failDropped()
        try makeLasting()
      }
    } catch {
      let error = met(error)
      let failed = waiting
      forgetWaiting()
      for frame in failed { for completion in frame.completions { completion(.failure(error)) } }
      return
    }
    let settled = waiting
    forgetWaiting()
    for frame in settled { show(frame.bytes, frame.appended) }
    if let last = settled.last { publish(last.appended.lsns.last) }
    for frame in settled { answer(frame) }
    rest()
  }

  private func forgetWaiting() {
    waiting = []
    pending = [:]
  }

  private func makeLasting() throws(LogError) {
    switch options.durability {
    case .durable: try log.sync()
    case .buffered: try log.flush()
    }
  }

  /// Applies a frame of ours. That it cannot be applied is our own mistake, and the log has it already: to go on would answer
  /// with what no restart could repeat.
  private func show(_ bytes: FrameBytes, _ appended: Appended) {
    do throws(StoreError) {
      let isCatalogNew = try bytes.lend { payload throws(StoreError) in
        try applier.apply(payload, FrameMoment(lsns: appended.lsns, time: appended.time))
      }
      if isCatalogNew {
        let catalog = applier.catalog
        shared.publish { $0.catalog = catalog }
      }
    } catch {
      Kernel.trap("the store wrote a frame that it cannot apply: \(error)")
    }
  }

  /// The last LSN of a frame, never one that a full disk took or an opening skipped: a checkpoint may end with it, and the next
  /// opening would miss what the index says it has.
  func publish(_ last: LSN) {
    applier.overlay.publish(visible: last)
    tellWatch()
  }

  private func tellWatch() {
    shared.watch.rise(to: LSNReach(visible: applier.overlay.visible, durable: log.durable))
  }

  private func answer(_ frame: WaitingFrame) {
    let answer = AppendAnswer(
      frame: FrameMoment(lsns: frame.appended.lsns, time: frame.appended.time), durable: log.durable,
      counts: frame.counts, refused: frame.refused)
    for (place, completion) in frame.completions.enumerated() {
      var answer = answer
      answer.isRepeated = place > 0
      completion(.success(answer))
    }
  }

  /// Tells the senders of frames that a full disk took, whoever met it.
  private func failDropped() {
    guard let (from, error) = log.takeDropped() else { return }
    let kept = waiting.prefix { $0.appended.lsns.first < from }.count
    let lost = waiting[kept...]
    waiting.removeSubrange(kept...)
    for producer in pending.keys { pending[producer]?.removeAll { $0.place >= kept } }
    let failure = met(error)
    for frame in lost { for completion in frame.completions { completion(.failure(failure)) } }
  }
}

// MARK: What runs alone

extension AppenderCore {
  /// Writes one frame of the store's own records, settles and shows it. To be called from a job that runs alone.
  func write(
    recordCount: Int, at now: AppendMoment, _ body: (inout ByteWriter) -> Void
  ) throws(StoreError) -> FrameMoment {
    precondition(waiting.isEmpty, "what runs alone finds everything settled")
    let bytes = FrameBytes(recordCount: recordCount, body)
    try rehearse(bytes, now)
    let appended = try append(bytes, now)
    do throws(LogError) { try log.sync() } catch {
      failDropped()
      throw met(error)
    }
    show(bytes, appended)
    publish(appended.lsns.last)
    rest()
    return FrameMoment(lsns: appended.lsns, time: appended.time)
  }

  /// Applies the records to a copy of the state: what it refuses must not get into the log.
  private func rehearse(_ bytes: FrameBytes, _ now: AppendMoment) throws(StoreError) {
    let first = log.nextLSN
    let last = first.advanced(by: bytes.recordCount).previous
    let frame = FrameMoment(lsns: LSNRange(first, through: last), time: now.time)
    var state = applier.state
    try bytes.lend { payload throws(StoreError) in try state.follow(payload, frame) }
  }

  /// The clocks, read once for requests that were all taken before.
  func moment() throws(StoreError) -> AppendMoment {
    guard losses.isEmpty else { throw .readOnly(losses) }
    do throws(LogError) { return try log.moment() } catch { throw met(error) }
  }

  /// Ends the active generation and hands it to the checkpointer. False when there was nothing in it, or no room.
  @discardableResult
  func freeze() -> Bool {
    generationSince = nil
    do throws(LogError) { try log.sync() } catch {
      _ = met(error)
      return false
    }
    let found: FrozenGeneration?
    do throws(OverlayError) { found = try applier.overlay.freeze() } catch {
      // The root is full: again when it is old once more, whether somebody writes or not.
      generationSince = shared.clock.monotonic()
      return false
    }
    guard let frozen = found else { return false }
    var note = ByteWriter()
    applier.state.writeNote(into: &note)
    checkpointer.submit(
      CheckpointJob(generation: frozen, catalog: applier.catalog, note: note.bytes.copied()))
    return true
  }

  /// The same, for somebody who relies on it.
  func freezeAll() throws(StoreError) {
    // Asked first: what a failed sync left is in no generation.
    do throws(LogError) { try log.sync() } catch { throw met(error) }
    freeze()
  }

  func drop(_ generation: FrozenGeneration) {
    applier.overlay.drop(generation)
    freezeIfFull()
  }

  /// While one checkpoint is being made the generation for the next one grows, up to half of the budget: of keys in no order a checkpoint
  /// that is twice as large writes hardly more pages.
  private func freezeIfFull() {
    let byteCount = applier.overlay.activeByteCount
    guard byteCount >= options.generationByteCount else { return }
    if applier.overlay.frozen.isEmpty || byteCount >= options.overlayByteCountBudget / 2 { freeze() }
  }

  /// What the log's refusal is to the store's callers.
  func met(_ error: LogError) -> StoreError {
    switch error {
    case .stopped(let cause):
      stop(cause)
      return .stopped(because: cause)
    case .diskFull(let cause): return .diskFull(cause)
    case .clockJump(let jump): return .clockJump(jump)
    case .payloadTooLong(let byteCount, let max): return .batchTooLong(byteCount: byteCount, max: max)
    case .closed: return .closed
    default: return .log(error)
    }
  }

  private func stop(_ cause: SystemError) {
    guard !hasStopped else { return }
    self.cause = cause
    shared.publish { $0.health.hasStopped = true }
    shared.watch.end(.stopped(because: cause))
    onStop(.stopped(because: cause))
  }
}

// MARK: Limits

extension AppenderCore {
  func checkRoom(for byteCount: Int) throws(StoreError) {
    let overlay = applier.overlay.overlay
    if overlay.isOverBudget {
      // What could be frozen is, so that the checkpointer has something to make room with.
      if waiting.isEmpty { freeze() }
      throw .overloaded(
        waitingRequests: waiting.count, waitingByteCount: 0, overlayByteCount: overlay.statistics.byteCount)
    }
    if let low = space.check(byteCount, on: disk, at: folder, now: shared.clock.monotonic()) {
      throw .diskLow(freeByteCount: low, reserve: options.diskReserveByteCount)
    }
  }

  private func checkDeadLetters(_ batch: AdmittedBatch, _ now: WallTime) throws(StoreError) {
    guard batch.counts.setAside > 0 else { return }
    let sums = applier.state.deadLetters
    let byteCount = sums.byteCount &+ batch.deadLetterByteCount
    if byteCount > options.deadLetterByteCountMax {
      throw .deadLettersFull(byteCount: sums.byteCount, max: options.deadLetterByteCountMax)
    }
    if let oldest = sums.oldest {
      let (age, overflow) = now.nanoseconds.subtractingReportingOverflow(oldest.nanoseconds)
      if overflow || age > options.deadLetterAgeNanosecondsMax { throw .deadLettersOld(since: oldest) }
    }
  }
}

// MARK: Idle moments

extension AppenderCore {
  /// After a group: what is due soon is remembered, and a full generation is frozen.
  private func rest() {
    let now = shared.clock.monotonic()
    if idleSince == nil || log.markDue { idleSince = now }
    generationSince = generationSince ?? now
    freezeIfFull()
  }

  /// How long until something must be done though nobody asks; nil for never.
  func timeLeft() -> UInt64? {
    guard !hasStopped else { return nil }
    let now = shared.clock.monotonic()
    var left: UInt64?
    if let idleSince, log.markDue || log.durable < log.written {
      left = Self.left(of: Format.markDelayNanoseconds, since: idleSince, now)
    }
    if let generationSince {
      let age = Self.left(of: options.generationAgeNanoseconds, since: generationSince, now)
      left = left.map { min($0, age) } ?? age
    }
    return left
  }

  private static func left(of period: UInt64, since start: MonotonicTime, _ now: MonotonicTime) -> UInt64 {
    let passed = now.nanoseconds &- start.nanoseconds
    return passed >= period ? 0 : period - passed
  }

  /// Syncs what a buffered log has not synced for 10 ms, marks what was synced and not followed for as long, and freezes a
  /// generation that is old.
  func tend() {
    guard !hasStopped else { return }
    let now = shared.clock.monotonic()
    if let idleSince, Self.left(of: Format.markDelayNanoseconds, since: idleSince, now) == 0 {
      do throws(LogError) {
        if log.durable < log.written {
          try log.sync()
          self.idleSince = now
        } else {
          try log.mark()
          self.idleSince = nil
        }
      } catch {
        _ = met(error)
        self.idleSince = nil
      }
    }
    if let generationSince, Self.left(of: options.generationAgeNanoseconds, since: generationSince, now) == 0
    {
      freeze()
    }
    applier.overlay.reclaim()
    // What is durable may have risen without anything becoming visible.
    if log.durable != durableTold {
      durableTold = log.durable
      tellWatch()
    }
  }

  /// Ends the log.
  func end(abandoning: Bool) -> Result<Void, StoreError> {
    guard !abandoning else {
      log.abandon()
      return .success(())
    }
    do throws(LogError) {
      try log.close()
      // A log that has stopped lets go without a word; what was not synced by then may be lost.
      if let cause { return .failure(.stopped(because: cause)) }
      return .success(())
    } catch {
      return .failure(met(error))
    }
  }
}

/// A frame's payload, kept until it was applied: the batch's own bytes where nothing stands before them.
final class FrameBytes {
  private let batch: AdmittedBatch?
  private let written: [UInt8]
  let recordCount: Int

  var byteCount: Int {
    if let batch { return batch.byteCount }
    return written.count
  }

  /// Rows, behind what their producer says of them.
  init(_ batch: AdmittedBatch, _ ticket: ProducerTicket?) {
    recordCount = batch.recordCount + (ticket == nil ? 0 : 1)
    guard let ticket else {
      self.batch = batch
      written = []
      return
    }
    var writer = ByteWriter(capacity: batch.bytes.byteCount + 128)
    writer.writeProducerRequest(ticket, batch.counts)
    writer.write(batch.bytes)
    self.batch = nil
    written = writer.bytes.copied()
  }

  init(recordCount: Int, _ body: (inout ByteWriter) -> Void) {
    var writer = ByteWriter()
    body(&writer)
    batch = nil
    written = writer.bytes.copied()
    self.recordCount = recordCount
  }

  func lend<T, E: Error>(_ body: (RawSpan) throws(E) -> T) throws(E) -> T {
    if let batch {
      let bytes = batch.bytes
      return try body(bytes)
    }
    let written = written
    // Any byte is a raw byte.
    return try unsafe body(written.span.bytes)
  }
}

/// How much space the disk has, asked at most ten times a second and at least once for each so many bytes.
struct DiskSpace {
  private let reserve: UInt64
  private var free = UInt64.max
  private var asked: MonotonicTime?
  private var writtenSince: UInt64 = 0

  private static let periodNanoseconds: UInt64 = 100_000_000

  init(reserve: UInt64) { self.reserve = reserve }

  /// The free bytes, when they are fewer than the reserve.
  mutating func check(
    _ byteCount: Int, on disk: any Disk, at folder: String, now: MonotonicTime
  ) -> UInt64? {
    writtenSince += UInt64(byteCount)
    let isOld = asked.map { now.nanoseconds &- $0.nanoseconds >= Self.periodNanoseconds } ?? true
    if isOld || writtenSince > reserve / 8 {
      // A disk that cannot say is not known to be full.
      free = (try? disk.freeBytes(at: folder)) ?? .max
      asked = now
      writtenSince = 0
    }
    return free < reserve ? free : nil
  }
}
