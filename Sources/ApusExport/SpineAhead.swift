// A spine whose next batch is read while the last one is worked on. What is held is that one batch more.

import ApusColumnar
import ApusSystem

/// One reading of a spine, which nobody else reads any more. Used by one thread.
final class SpineAhead: SpineReading {
  let schema: ColumnSchema
  private let desk = Monitor(Desk())
  private let thread: SystemThread?
  /// Who reads when there is no thread for it.
  private let own: any SpineReading

  private struct Desk: Sendable {
    /// The next batch, as soon as it is read.
    var next: Result<ColumnBatch?, ExportError>?
    var isWanted = true
    var isOver = false
  }

  /// Owned by the thread that reads.
  private struct Passed: @unchecked Sendable {
    let reading: any SpineReading
  }

  /// A crew of one reads by itself.
  init(_ reading: any SpineReading, _ crew: Crew) {
    schema = reading.schema
    own = reading
    let (desk, passed) = (desk, Passed(reading: reading))
    thread =
      crew.threadCount > 1
      ? try? SystemThread.start(name: "apus-spine") { Self.read(passed.reading, desk) } : nil
  }

  deinit {
    desk.withLock { $0.isOver = true }
    desk.notifyAll()
    thread?.join()
  }

  func next() throws(ExportError) -> ColumnBatch? {
    if thread == nil { return try own.next() }
    var found: Result<ColumnBatch?, ExportError>?
    _ = desk.wait(for: nil) { desk in
      guard let next = desk.next else { return false }
      found = next
      // Behind the last batch and an error nothing comes: they stay.
      if case .success(.some) = next {
        desk.next = nil
        desk.isWanted = true
      }
      return true
    }
    desk.notifyAll()
    return try found?.get() ?? nil
  }

  private static func read(_ reading: any SpineReading, _ desk: Monitor<Desk>) {
    while true {
      var isOver = false
      _ = desk.wait(for: nil) { desk in
        isOver = desk.isOver
        return desk.isOver || desk.isWanted
      }
      if isOver { return }
      let next: Result<ColumnBatch?, ExportError>
      do throws(ExportError) { next = .success(try reading.next()) } catch { next = .failure(error) }
      desk.withLock { desk in
        desk.next = next
        desk.isWanted = false
      }
      desk.notifyAll()
    }
  }
}
