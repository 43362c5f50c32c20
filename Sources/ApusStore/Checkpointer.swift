// The only thread that writes the index: it takes frozen generations in their order, folds them in, and asks for them to be
// dropped. When the index turns out damaged, it is the one that builds another from the log.
//
// The queue holds at most as many generations as the overlay's root; whoever fills the overlay faster than they leave it is
// refused by the overlay's budget.

import ApusBytes
import ApusIndex
import ApusLog
import ApusSystem

/// A generation on its way into the index, with what the store's state was at its end.
struct CheckpointJob: Sendable {
  let generation: FrozenGeneration
  let catalog: Catalog
  let note: [UInt8]
}

final class Checkpointer: Sendable {
  struct Mailbox: Sendable {
    var jobs: [CheckpointJob] = []
    /// An index that somebody found damaged, by epoch.
    var suspect: (epoch: UInt64, why: String)?
    /// Those who want another index made of what history and log hold now. They are told what other indexes are left.
    var renewals: [@Sendable (Result<[String], StoreError>) -> Void] = []
    var isClosing = false
    var isEnded = false
    /// What went wrong last, until something went right.
    var trouble: StoreError?
    var report = CheckpointReport()
    var rebuilds = 0
    /// While the index is made anew.
    var rebuilding: IndexRebuild?
  }

  let mailbox = Monitor(Mailbox())

  func submit(_ job: CheckpointJob) {
    mailbox.withLock { $0.jobs.append(job) }
    mailbox.notifyAll()
  }

  func suspect(epoch: UInt64, why: String) {
    mailbox.withLock { box in
      // What is said of an index that is gone already must not keep quiet what is said of the next.
      if box.suspect.map({ $0.epoch < epoch }) ?? true { box.suspect = (epoch, why) }
    }
    mailbox.notifyAll()
  }

  /// Makes the index anew from what history and log hold now, in another folder, and removes the one before; readers go on meanwhile.
  /// The names of other indexes that are left.
  func renew() throws(StoreError) -> [String] {
    let answer = Monitor<Result<[String], StoreError>?>(nil)
    let isTaken = mailbox.withLock { box in
      guard !box.isClosing else { return false }
      box.renewals.append { result in
        answer.withLock { $0 = result }
        answer.notifyAll()
      }
      return true
    }
    guard isTaken else { throw .closed }
    mailbox.notifyAll()
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  /// Ends the thread, after what waits is done as far as it can be.
  func close() {
    mailbox.withLock { $0.isClosing = true }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.isEnded }
  }

  /// Ends the thread after what it is doing; what waits is forgotten.
  func abandon() {
    mailbox.withLock { box in
      box.isClosing = true
      box.jobs = []
      box.suspect = nil
    }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.isEnded }
  }

  /// Waits until the first of those that wait now is done, or something is in the way, which it throws. False when none waits.
  func settleOne() throws(StoreError) -> Bool {
    let first = mailbox.withLock { $0.jobs.first?.generation.range }
    guard let first else { return false }
    _ = mailbox.wait(for: nil) {
      $0.jobs.first?.generation.range != first || $0.trouble != nil || $0.isEnded
    }
    let trouble = mailbox.withLock { $0.jobs.first?.generation.range == first ? $0.trouble : nil }
    if let trouble { throw trouble }
    return true
  }

  /// Waits until nothing is waiting, or something is in the way.
  func settle() -> StoreError? {
    _ = mailbox.wait(for: nil) { $0.jobs.isEmpty || $0.trouble != nil || $0.isEnded }
    return mailbox.withLock { $0.jobs.isEmpty ? nil : $0.trouble }
  }
}

/// Owned by the checkpointer's thread from the first line of `run` to the last; nobody else keeps a reference.
final class CheckpointerLoop: @unchecked Sendable {
  private let mailbox: Monitor<Checkpointer.Mailbox>
  private var keeper: IndexKeeper
  /// Up to here the overlay has dropped what it had: an index has to hold it.
  private var covered: LSN
  private let log: LogReader
  private let shared: StoreShared
  private let options: StoreOptions
  /// Asks the appender to drop the oldest generation.
  private let drop: @Sendable (FrozenGeneration) -> Void
  /// Tells the appender that records are lost.
  private let lose: @Sendable ([LSNRange]) -> Void
  private let news: @Sendable (IndexNews) -> Void
  private var losses: [LSNRange] = []
  /// Why the last index was given up.
  private var fault = "it was not whole"
  /// What kept a rebuild from being done, once it was told.
  private var obstacle: String?

  /// How long a full disk is given before the next try.
  private static let retryNanoseconds: UInt64 = 200_000_000

  init(
    _ checkpointer: Checkpointer, _ keeper: consuming IndexKeeper, log: LogReader, shared: StoreShared,
    options: StoreOptions, drop: @escaping @Sendable (FrozenGeneration) -> Void,
    lose: @escaping @Sendable ([LSNRange]) -> Void, news: @escaping @Sendable (IndexNews) -> Void
  ) {
    mailbox = checkpointer.mailbox
    covered = keeper.complete
    self.keeper = keeper
    self.log = log
    self.shared = shared
    self.options = options
    self.drop = drop
    self.lose = lose
    self.news = news
  }

  func run() {
    while let work = wait() {
      do throws(StoreError) {
        try work()
        mailbox.withLock { $0.trouble = nil }
      } catch {
        mailbox.withLock { $0.trouble = error }
        mailbox.notifyAll()
        // Nothing here is urgent enough to spin; closing ends the wait.
        if mailbox.wait(for: Self.retryNanoseconds, until: { $0.isClosing }) { break }
      }
    }
    keeper.removeOthers()
    keeper.close()
    let left = mailbox.withLock { box in
      box.isEnded = true
      defer { box.renewals = [] }
      return box.renewals
    }
    for answer in left { answer(.failure(.closed)) }
    mailbox.notifyAll()
  }

  /// What is to be done next; nil when all is done and the thread is to end.
  private func wait() -> (() throws(StoreError) -> Void)? {
    var suspect: (epoch: UInt64, why: String)?
    var job: CheckpointJob?
    var renewals: [@Sendable (Result<[String], StoreError>) -> Void] = []
    _ = mailbox.wait(for: nil) { box in
      suspect = box.suspect
      job = box.jobs.first
      // Behind what waits, which comes from before.
      if suspect == nil, job == nil, !box.isClosing {
        renewals = box.renewals
        box.renewals = []
      }
      return suspect != nil || job != nil || !renewals.isEmpty || box.isClosing
    }
    if !renewals.isEmpty {
      let asked = renewals
      // Who asked is told what was in the way, and asks again; the index in use is as good as before.
      return { () throws(StoreError) in
        let result: Result<[String], StoreError>
        do throws(StoreError) { result = .success(try self.renew()) } catch { result = .failure(error) }
        for answer in asked { answer(result) }
      }
    }
    if let suspect {
      return { () throws(StoreError) in
        try self.replace(suspect.epoch, suspect.why)
        self.mailbox.withLock { if $0.suspect?.epoch == suspect.epoch { $0.suspect = nil } }
      }
    }
    guard let job else { return nil }
    return { () throws(StoreError) in try self.checkpoint(job) }
  }

  private func checkpoint(_ job: CheckpointJob) throws(StoreError) {
    if !isWhole { try rebuild() }
    let before = keeper.epoch
    let report: CheckpointReport
    // Without a note an index is not used again: see StoreReplay.
    let note = losses.isEmpty ? job.note : []
    do throws(IndexError) {
      report = try keeper.checkpoint(job.generation, job.catalog, note: unsafe note.span.bytes)
    } catch {
      if error.meansRebuild {
        try replace(before, "\(error)")
      }
      throw .index(error)
    }
    if keeper.epoch != before { publishIndex() }
    covered = job.generation.range.last
    drop(job.generation)
    mailbox.withLock { box in
      // Whoever abandons the store empties it meanwhile.
      if !box.jobs.isEmpty { box.jobs.removeFirst() }
      box.report.transactions += report.transactions
      box.report.written += report.written
      box.report.unchanged += report.unchanged
    }
    mailbox.notifyAll()
    keeper.removeOthers()
  }
}

extension CheckpointerLoop {
  /// Gives up the index of an epoch, if it is still the one in use, and builds another.
  private func replace(_ epoch: UInt64, _ why: String) throws(StoreError) {
    if keeper.epoch == epoch, keeper.index != nil {
      shared.publish { $0.index = nil }
      fault = why
      begin()
      keeper.abandon(why)
    }
    if !isWhole { try rebuild() }
  }

  /// Whether there is an index that has all that the overlay does not.
  private var isWhole: Bool { keeper.index != nil && keeper.complete >= covered }

  /// Makes the index again, up to where the overlay relies on it, beside the store's other threads.
  private func rebuild() throws(StoreError) {
    // One that was cut short would be as good, but its note is of another moment than the overlay's.
    if keeper.index != nil { keeper.abandon("it was not built to its end") }
    begin()
    // Held to the end: what was packed after the history was read would be in neither.
    let pin = log.pinHistory()
    defer { withExtendedLifetime(pin) {} }
    let found: [LSNRange]
    do throws(StoreError) { found = try make(into: &keeper) } catch {
      if error.reason != obstacle { news(.failed(because: fault, error)) }
      obstacle = error.reason
      throw error
    }
    if !found.isEmpty {
      losses = found
      lose(found)
      shared.publish { $0.health.losses = found }
    }
    publishIndex()
    end(found)
  }

  /// From here on the index is being made anew.
  private func begin() {
    let rebuild = IndexRebuild(
      because: fault, begunNanoseconds: shared.clock.monotonic().nanoseconds)
    let isNew = mailbox.withLock { box in
      guard box.rebuilding == nil else { return false }
      box.rebuilding = rebuild
      return true
    }
    if isNew { news(.rebuilding(because: fault)) }
  }

  private func end(_ losses: [LSNRange]) {
    obstacle = nil
    let done = mailbox.withLock { box in
      box.rebuilds += 1
      defer { box.rebuilding = nil }
      return box.rebuilding
    }
    guard let done else { return }
    let took = shared.clock.monotonic().nanoseconds &- done.begunNanoseconds
    news(.rebuilt(because: done.because, nanoseconds: took, losses: losses))
  }

  /// Makes an index up to where the overlay relies on it; what could not be read.
  private func make(into keeper: inout IndexKeeper) throws(StoreError) -> [LSNRange] {
    let state = try keeper.beginFromHistory(log, options.runs)
    var replay = StoreReplay(
      state ?? StoreState(), after: keeper.complete, losing: losses, fullAt: options.generationByteCount,
      options)
    try replay.run(log, through: covered, into: &keeper)
    try replay.checkpoint(into: &keeper)
    return replay.losses
  }

  /// Makes another index beside the one in use, which goes when the other is whole.
  private func renew() throws(StoreError) -> [String] {
    guard losses.isEmpty else { throw .readOnly(losses) }
    let pin = log.pinHistory()
    defer { withExtendedLifetime(pin) {} }
    var next = IndexKeeper(beside: keeper)
    let found: [LSNRange]
    do throws(StoreError) { found = try make(into: &next) } catch {
      next.close()
      keeper.removeOthers()
      throw error
    }
    guard found.isEmpty else {
      // The index in use may hold what is left of them.
      next.close()
      throw .readOnly(found)
    }
    keeper = next
    publishIndex()
    return try keeper.removeOthersInUse()
  }

  private func publishIndex() {
    let index = keeper.index
    shared.publish { $0.index = index }
  }
}

extension IndexError {
  /// Whether the index itself is at fault, and another is to be built.
  var meansRebuild: Bool {
    switch self {
    case .damaged, .abandoned: true
    case .lmdb(let fault): fault.code < 0
    case .inUse, .full, .tooManyReaders, .system: false
    }
  }
}
