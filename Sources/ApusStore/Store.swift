// The only door to data. A store owns its folder, its log, its index and three threads; everything it is asked comes in
// here and is passed to the one who may do it.
//
// What a file of this name plus a word holds is one capability: `Store+Opening`, `Store+Appending`, `Store+Definitions`.

package import ApusBytes
import ApusContracts
package import ApusIndex
package import ApusLog
import ApusSystem

package final class Store: Sendable {
  package let folder: String
  package let report: StoreReport
  package let options: StoreOptions
  package let shared: StoreShared
  /// The log, for those who read history.
  package let log: LogReader
  /// Nil for a store that is read-only.
  let appender: StoreAppender?
  let checkpointer: Checkpointer
  /// Has a thread where the store can be written, and knows runs.
  let compactor: Compactor
  private let scrubber: Scrubber
  /// Of a store that is read-only, whose state changes no more; else it is the appender's.
  let frozenState: StoreState?
  /// What the first erasure of a store that had none is salted with.
  let salt: [UInt8]
  /// What reads of the past keep.
  let past = PastCache()
  private let ending: StoreEnding

  /// What is let go of at the end.
  struct Life: Sendable {
    var isClosed = false
    /// A read-only store's log.
    var readOnly: HeldLog?
  }

  init(
    folder: String, report: StoreReport, options: StoreOptions, shared: StoreShared, log: LogReader,
    appender: StoreAppender?, checkpointer: Checkpointer, compactor: Compactor, scrubber: Scrubber,
    salt: [UInt8], readOnly: HeldLog?, frozenState: StoreState?
  ) {
    self.folder = folder
    self.report = report
    self.options = options
    self.shared = shared
    self.log = log
    self.appender = appender
    self.checkpointer = checkpointer
    self.compactor = compactor
    self.scrubber = scrubber
    self.salt = salt
    self.frozenState = frozenState
    ending = StoreEnding(
      shared: shared, appender: appender, checkpointer: checkpointer, compactor: compactor,
      scrubber: scrubber,
      life: Monitor(Life(readOnly: readOnly)))
  }

  // A store that nobody closed ends as if it had been killed: its threads must not outlive it.
  deinit {
    let ending = ending
    guard appender?.isThisThread == true else { return ending.abandon() }
    // Where there is no thread to be had, the store's own go on for nobody.
    _ = try? SystemThread.start(name: "apus-end") { ending.abandon() }
  }

  /// What is in force now.
  package var catalog: Catalog { shared.newest.1.catalog }
  package var health: StoreHealth { shared.newest.1.health }
  /// Everything up to here can be read.
  package var visible: LSN { shared.overlay.statistics.visible }

  func writing() throws(StoreError) -> StoreAppender {
    guard let appender else { throw .readOnly(report.losses) }
    return appender
  }

  // MARK: Upkeep

  /// Puts everything that is visible into the index, and waits for it.
  package func checkpoint() throws(StoreError) {
    // What waits already may fill the overlay's root, so it goes first.
    if let trouble = checkpointer.settle() { throw trouble }
    try writing().perform { (core) throws(StoreError) in try core.freezeAll() }
    if let trouble = checkpointer.settle() { throw trouble }
    // The last generation is dropped by the appender: afterwards nothing is in the overlay.
    try writing().perform { (_) throws(StoreError) in }
  }

  /// Waits until the overlay has more room than now, for whoever was told that it has none.
  package func makeRoom() throws(StoreError) {
    guard try checkpointer.settleOne() else { return try checkpoint() }
    // Room is made by the appender, which drops what was checkpointed.
    try writing().perform { (_) throws(StoreError) in }
  }

  /// Looks at every key of the index, and waits for it. What is damaged is rebuilt afterwards.
  package func scrub() throws(StoreError) -> IndexScrubReport { try scrubber.scrub() }

  /// Finishes the segment, and compacts all that there is to compact; waits for it. `erasing`: also carries out what is pending of erasures,
  /// due or not.
  @discardableResult
  package func compact(erasing: Bool = false) throws(StoreError) -> CompactionReport {
    try checkpoint()
    try writing().perform { (core) throws(StoreError) in
      guard let active = core.log.reader.view.unfinished,
        active.writtenEnd > UInt64(Format.headerByteCount)
      else { return }
      do throws(LogError) { try core.log.rotate() } catch { throw core.met(error) }
    }
    return try compactor.compact(erasing: erasing)
  }

  package struct Statistics: Equatable, Sendable {
    package var overlay: Overlay.Statistics
    package var checkpoints: CheckpointReport
    package var rebuilds: Int
    /// What keeps the index from being written.
    package var trouble: StoreError?
    package var durable: LSN
    package var compaction: CompactionReport
    /// What keeps history from being compacted.
    package var compactionTrouble: StoreError?
    package var history: HistorySums
    /// What all readers have noted of where the index has rows.
    package var lookupByteCount: Int
  }

  /// What keeps history from being compacted.
  package var compactionTrouble: StoreError? { compactor.mailbox.withLock { $0.trouble } }

  package var statistics: Statistics {
    let box = checkpointer.mailbox.withLock { $0 }
    let compacting = compactor.mailbox.withLock { $0 }
    return Statistics(
      overlay: shared.overlay.statistics, checkpoints: box.report, rebuilds: box.rebuilds,
      trouble: box.trouble, durable: log.view.durable, compaction: compacting.report,
      compactionTrouble: compacting.trouble, history: HistorySums(log.view),
      lookupByteCount: shared.newest.1.index?.bookmarkByteCount ?? 0)
  }

  // MARK: The end

  /// Ends the store in good order: everything is in the index, the log is finished, and the next opening has nothing to replay.
  ///
  /// Readers are let go of before; one that is still there keeps the index's folder locked.
  package func close() throws(StoreError) {
    guard ending.begin() else { return }
    scrubber.close()
    compactor.close()
    if let appender {
      // A full disk, or an index that cannot be built now, is no reason not to close: the log has everything.
      _ = try? appender.perform { (core) throws(StoreError) in core.freeze() }
      _ = checkpointer.settle()
    }
    checkpointer.close()
    ending.hide()
    if let appender { try appender.close() }
    ending.letGo()
  }

  /// Ends the store as a killed process would: nothing more is written.
  package func abandon() { ending.abandon() }
}

/// What ends with a store, apart from it: the last to let go of a store may be a completion, on a thread that cannot wait
/// for its own end.
struct StoreEnding: Sendable {
  let shared: StoreShared
  let appender: StoreAppender?
  let checkpointer: Checkpointer
  let compactor: Compactor
  let scrubber: Scrubber
  let life: Monitor<Store.Life>

  func abandon() {
    guard begin() else { return }
    scrubber.close()
    compactor.close()
    appender?.abandon()
    checkpointer.abandon()
    hide()
    letGo()
  }

  /// Nothing is read any more.
  func hide() {
    shared.publish { published in
      published.index = nil
      published.health.isClosed = true
    }
  }

  /// Whether nobody ended the store before.
  func begin() -> Bool {
    life.withLock { life in
      defer { life.isClosed = true }
      return !life.isClosed
    }
  }

  func letGo() {
    let held = life.withLock { life in
      defer { life.readOnly = nil }
      return life.readOnly
    }
    held?.letGo()
  }
}
