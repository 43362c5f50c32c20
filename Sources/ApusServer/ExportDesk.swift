// Exports under way, no more than an operator allows: each has a thread of its own, which is in nobody's way, and ends it before the store is
// closed. Files that are put aside lie in the store's folder without names; what a crash leaves of them is removed at the next start.

import ApusExport
import ApusStore
import ApusSystem
import ApusWire

final class ExportDesk: Sendable {
  private struct State: Sendable {
    var jobs: [ObjectIdentifier: ExportJob] = [:]
    var isClosing = false
  }

  private static let prefix = ".export-"

  let store: Store
  let options: SessionOptions
  let scratch: ScratchFiles
  let zones: @Sendable (String) -> LabelZone?
  private let state = Monitor(State())

  init(
    _ store: Store, _ options: SessionOptions, _ zones: @escaping @Sendable (String) -> LabelZone?
  ) {
    self.zones = zones
    self.store = store
    self.options = options
    scratch = ScratchFiles(
      RealDisk(), in: store.folder, prefix: Self.prefix, reserve: store.options.diskReserveByteCount)
    // A name that stays takes no room, and is removed another time.
    try? scratch.clear()
  }

  /// Begins it, or says why not.
  func begin(_ job: ExportJob) throws(WireRefusal) {
    let most = options.exportsMax
    let isTaken = state.withLock { state in
      guard !state.isClosing, state.jobs.values.count(where: { !$0.isAnswered }) < most else { return false }
      state.jobs[ObjectIdentifier(job)] = job
      return true
    }
    guard isTaken else { throw .tooManyExports(max: most) }
    do throws(SystemError) {
      _ = try SystemThread.start(name: "apus-export") { [self] in
        SystemThread.yieldToOthers()
        ExportWork(job, self).run()
        leave(job)
      }
    } catch {
      leave(job)
      throw .busy
    }
  }

  private func leave(_ job: ExportJob) {
    state.withLock { $0.jobs[ObjectIdentifier(job)] = nil }
    state.notifyAll()
  }

  /// Ends all, and waits for that.
  func close() {
    let jobs = state.withLock { state in
      state.isClosing = true
      return Array(state.jobs.values)
    }
    for job in jobs { job.end(.shuttingDown) }
    _ = state.wait(for: nil) { $0.jobs.isEmpty }
  }
}
