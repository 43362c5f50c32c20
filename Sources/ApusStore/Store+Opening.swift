// A store opens: log, index, replay, threads, in this order; Store.md says why. Nothing is served before all of it is done.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
package import ApusSystem

extension Store {
  /// Opens the store in `folder`, or makes it. `onStop` is told once, by the appender's thread, when a sync failed and this process
  /// will never acknowledge anything again; `onIndex` by whichever thread makes the index anew, from the opening on.
  ///
  /// The index lies on the machine's own disk, in `indexes` or beside the log.
  package static func open(
    _ folder: String, on disk: any Disk = RealDisk(), indexes: String? = nil,
    clock: any Clock = SystemClock(),
    random: inout some RandomNumberGenerator, options: StoreOptions = StoreOptions(),
    onStop: @escaping @Sendable (StoreError) -> Void = { _ in },
    onIndex: @escaping @Sendable (IndexNews) -> Void = { _ in }
  ) throws(StoreError) -> Store {
    let salt = (0..<Erasures.saltByteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let search = IndexSearch(parent: indexes ?? folder + "/index", options: options.index)
    let log: Log
    do throws(LogError) {
      log = try Log.open(folder, on: disk, clock: clock, random: &random, options: options.log) {
        (id) throws(LogError) in try search.run(id)
      }
    } catch {
      throw search.failure ?? .log(error)
    }
    do throws(StoreError) {
      return try StoreMorning(log, search, folder, disk, clock, salt, options, onIndex).open(onStop: onStop)
    } catch {
      search.close()
      log.abandon()
      throw error
    }
  }
}

extension Log {
  /// Lets go of the log as a killed process would.
  fileprivate func abandon() {
    if let writer { writer.abandon() } else { try? close() }
  }
}

/// The log of a store that is read-only: nobody writes it, and nobody else may. Immutable; let go of once.
final class HeldLog: @unchecked Sendable {
  private let log: Log

  init(_ log: Log) { self.log = log }

  func letGo() { log.abandon() }
}

/// Looks for the index when the log knows whose it is. Used by the thread that opens, and only owner of what it found.
private final class IndexSearch: @unchecked Sendable {
  private let parent: String
  private let options: IndexOptions
  private(set) var failure: StoreError?
  private(set) var state: StoreState?
  private(set) var complete = LSN.none
  var keeper: IndexKeeper?

  init(parent: String, options: IndexOptions) {
    self.parent = parent
    self.options = options
  }

  func run(_ id: StoreID) throws(LogError) -> LSN {
    do throws(IndexError) {
      var found = try IndexKeeper(in: parent, storeID: id.bytes, options: options)
      state = try found.state()
      complete = found.complete
      keeper = consume found
      return complete
    } catch {
      failure = .index(error)
      throw .closed
    }
  }

  func take() -> IndexKeeper? { keeper.take() }

  func close() { keeper = nil }
}

/// What is done between the log's opening and the first request. Owned by the thread that opens.
private struct StoreMorning: ~Copyable {
  private let log: Log
  private let search: IndexSearch
  private let folder: String
  private let disk: any Disk
  private let clock: any Clock
  private let salt: [UInt8]
  private let options: StoreOptions
  private let news: @Sendable (IndexNews) -> Void

  init(
    _ log: Log, _ search: IndexSearch, _ folder: String, _ disk: any Disk, _ clock: any Clock,
    _ salt: [UInt8],
    _ options: StoreOptions, _ news: @escaping @Sendable (IndexNews) -> Void
  ) {
    self.log = log
    self.search = search
    self.folder = folder
    self.disk = disk
    self.clock = clock
    self.salt = salt
    self.options = options
    self.news = news
  }

  consuming func open(onStop: @escaping @Sendable (StoreError) -> Void) throws(StoreError) -> Store {
    guard var keeper = search.take() else { throw .closed }
    // Why the index is made anew; nil where one goes on, or the store is new.
    var fault: String?
    if keeper.index == nil { fault = keeper.suspicion ?? (log.report.created ? nil : "there was none") }
    let begin = clock.monotonic().nanoseconds
    var losses = log.report.losses.map(\.lsns)
    // Only an LSN that a record has can be read again: neither one of a gap nor of a loss at the log's end is visible.
    let end = max(log.reader.view.lastRecord(upTo: log.report.lsns.last), keeper.touched)
    // Only a frame's last LSN is ever checkpointed, so what the index has beyond the log's end was there, and durable.
    if keeper.touched > log.report.lsns.last {
      losses.append(LSNRange(log.report.lsns.last.next, through: keeper.touched))
    }

    var state = search.state
    if keeper.index != nil, keeper.complete.next < log.reader.view.floor {
      // Behind the log's beginning an index has nothing to go on from; history has it all.
      fault = "it ends before the log begins"
      keeper.abandon("it ends before the log begins")
    }
    if let fault { news(.rebuilding(because: fault)) }
    if keeper.complete.next < log.reader.view.floor {
      state = try keeper.beginFromHistory(log.reader, options.runs)
    }
    var replay = StoreReplay(
      state ?? StoreState(), after: keeper.complete, losing: losses,
      // Every opening raises the epoch.
      catalog: UInt64(log.report.epoch) << 32, fullAt: options.openingByteCount, options)
    try replay.run(log.reader, through: end, into: &keeper)
    try replay.recallTheRest()
    losses = LSNRanges(replay.losses).ranges
    if keeper.index == nil { try replay.checkpoint(into: &keeper) }

    let opened: StoreReport.IndexOpening
    if let fault {
      opened = .rebuilt(because: fault)
      let took = clock.monotonic().nanoseconds &- begin
      // Its losses are the opening's, and in the report.
      news(.rebuilt(because: fault, nanoseconds: took, losses: []))
    } else {
      opened = log.report.created ? .made : .opened
    }
    let report = StoreReport(
      log: log.report, index: opened, complete: search.complete, replayed: replay.records,
      checkpoints: replay.checkpoints, passedOver: replay.applier.passedOver, losses: losses)
    return try start(replay, keeper, report, onStop)
  }

  /// Starts the threads.
  private consuming func start(
    _ replay: consuming StoreReplay, _ keeper: consuming IndexKeeper, _ report: StoreReport,
    _ onStop: @escaping @Sendable (StoreError) -> Void
  ) throws(StoreError) -> Store {
    var health = StoreHealth()
    health.losses = report.losses
    health.missing = report.log.missing
    health.shadows = LossShadow.all(of: log.reader.view)
    let checkpointer = Checkpointer()
    let applier = replay.applier
    let frozen = report.isReadOnly ? applier.state : nil
    let overlay = applier.overlay.overlay
    let shared = StoreShared(
      overlay: overlay, clock: clock,
      StoreShared.Published(catalog: applier.catalog, index: keeper.index, health: health)
    ) { epoch, why in checkpointer.suspect(epoch: epoch, why: "\(why)") }

    if report.isReadOnly { shared.watch.end(.readOnly(report.losses)) }
    let appender = report.isReadOnly ? nil : StoreAppender(options, overlay)
    let loop = CheckpointerLoop(
      checkpointer, keeper, log: log.reader, shared: shared, options: options,
      drop: { generation in try? appender?.submit(alone: { core in core.drop(generation) }) },
      lose: { losses in try? appender?.submit(alone: { core in core.losses = losses }) }, news: news)
    let compactor = Compactor()
    let scrubber = Scrubber(shared, periodNanoseconds: options.scrubPeriodNanoseconds)
    do throws(SystemError) {
      if let appender, let writer = log.writer {
        let core = AppenderCore(
          writer, applier, shared, checkpointer, disk: disk, folder: folder, options, onStop: onStop)
        core.keepErasures(foundIn: report.log.losses.map(\.lsns))
        let thread = AppenderThread(core, appender.mailbox, groupByteCountMax: options.groupByteCountMax)
        _ = try SystemThread.start(name: "apus-append") { thread.run() }
      }
      // A read-only store's overlay stays as it is, for as long as somebody reads it.
      _ = try SystemThread.start(name: "apus-checkpoint") { loop.run() }
      try scrubber.start()
      if let appender {
        let work = CompactionWork(
          log.reader, shared, appender, options.runs, compactor, checkpointer, options)
        try CompactorLoop(compactor, work, options).start()
      }
    } catch {
      throw .log(.system(error))
    }
    return Store(
      folder: folder, report: report, options: options, shared: shared, log: log.reader, appender: appender,
      checkpointer: checkpointer, compactor: compactor, scrubber: scrubber, salt: salt,
      readOnly: report.isReadOnly ? HeldLog(log) : nil, frozenState: frozen)
  }
}
