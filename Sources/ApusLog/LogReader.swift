package import ApusBytes
import ApusSystem

/// The log as every thread may read it.
///
/// The writer publishes; readers take a `LogView`, which stays as it is. What a reader needs is held by a pin: no
/// segment is given up while a pin's LSN, or one before it in order, lies in it.
package final class LogReader: Sendable {
  private struct Shared: Sendable {
    var view: LogView
    var pins: [UInt64: LSN] = [:]
    var nextPin: UInt64 = 0
    /// Those of `pins` that hold runs and ledgers, too.
    var historyPins: Set<UInt64> = []
  }

  private let shared: Monitor<Shared>

  init(_ view: LogView) {
    shared = Monitor(Shared(view: view))
  }

  package var view: LogView { shared.withLock { $0.view } }

  /// What is known of an LSN, without reading it.
  package enum Whereabouts: Equatable, Sendable {
    case inSegment(FileID)
    /// No record has it: a crash took it, or it was skipped.
    case lost(LSNRange)
    case belowFloor(LSN)
    case notYetWritten(end: LSN)
  }

  package func locate(_ lsn: LSN) -> Whereabouts {
    let view = self.view
    if lsn < view.floor { return .belowFloor(view.floor) }
    if let gap = view.gaps.first(where: { $0.contains(lsn) }) { return .lost(gap) }
    for segment in view.segments {
      let last = segment.seal?.last ?? view.written
      guard segment.record.first <= lsn, lsn <= last else { continue }
      if let damage = segment.damages.first(where: { $0.lsns.contains(lsn) }) { return .lost(damage.lsns) }
      if let accepted = view.accepted.range(of: lsn) { return .lost(accepted) }
      return .inSegment(segment.record.id)
    }
    return .notYetWritten(end: view.written)
  }

  // MARK: Pins

  /// Keeps every segment that holds `lsn` or a later one, until the pin is let go of.
  package func pin(from lsn: LSN) -> LogPin {
    shared.withLock { shared in
      shared.nextPin += 1
      shared.pins[shared.nextPin] = max(lsn, shared.view.floor)
      return LogPin(id: shared.nextPin, lsn: max(lsn, shared.view.floor), reader: self)
    }
  }

  /// Keeps everything that the store has, runs and ledgers included, until the pin is let go of.
  package func pinHistory() -> LogPin {
    shared.withLock { shared in
      shared.nextPin += 1
      shared.pins[shared.nextPin] = shared.view.floor
      shared.historyPins.insert(shared.nextPin)
      return LogPin(id: shared.nextPin, lsn: shared.view.floor, reader: self)
    }
  }

  /// The lowest pinned LSN.
  package var lowestPin: LSN? { shared.withLock { $0.pins.values.min() } }

  fileprivate func unpin(_ id: UInt64) {
    shared.withLock { shared in
      shared.pins[id] = nil
      shared.historyPins.remove(id)
    }
  }

  // MARK: Reading

  /// Reads records from `lsn` on, up to where the log is now.
  package func scan(from lsn: LSN, _ extent: LogView.Extent = .durable) throws(LogError) -> LogScanner {
    try LogScanner(self, from: lsn, extent: extent)
  }

  /// Reads one frame with records, at a position that an acknowledgement gave.
  package func read(at position: LogPosition) throws(LogError) -> (frame: FrameHeader, payload: [UInt8]) {
    // Pinned first, then looked: otherwise the segment could go in between.
    let pin = pin(from: .none)
    defer { withExtendedLifetime(pin) {} }
    let view = self.view
    guard let segment = view.segments.first(where: { $0.record.id == position.segment }) else {
      throw .noFrame(position, .beyondEnd)
    }
    let file: any DiskFile
    if let active = segment.file {
      file = active
    } else {
      let path = try view.folder.checked(segment.record)
      file = try wrapping { () throws(SystemError) in try view.folder.disk.open(path, .read) }
    }
    var walker = FrameWalker(
      file: file, seed: FrameSeed(storeID: view.storeID, fileID: position.segment), end: segment.end(.written)
    )
    switch try wrapping({ () throws(SystemError) in try walker.look(at: position.offset) }) {
    case .notWhole(let fault): throw .noFrame(position, fault)
    case .whole(let frame):
      guard frame.epoch == segment.record.epoch, frame.type.takesLSN else {
        throw .noFrame(position, .epoch(expected: segment.record.epoch, found: frame.epoch))
      }
      return (frame, walker.payload.copied())
    }
  }

  // MARK: What the writer publishes

  // Each flush changes numbers only. The array of finished segments is made anew when it changes, since readers hold the old one.

  func publish(written place: FramePlace) {
    shared.withLock { shared in
      shared.view.written = place.lastLSN
      shared.view.unfinished?.writtenEnd = place.offset
    }
  }

  func publish(durable place: FramePlace) {
    shared.withLock { shared in
      shared.view.durable = place.lastLSN
      shared.view.unfinished?.durableEnd = place.offset
    }
  }

  func publish(active record: FileRecord, file: any DiskFile) {
    let start = UInt64(Format.headerByteCount)
    let segment = SegmentView(
      record: record, damages: [], writtenEnd: start, durableEnd: start, seal: nil, file: file)
    shared.withLock { $0.view.unfinished = segment }
  }

  func publish(seal: FileSeal) {
    shared.withLock { shared in
      guard var segment = shared.view.unfinished else { return }
      segment.seal = seal
      segment.record.seal = seal
      segment.file = nil
      shared.view.finished = shared.view.finished + [segment]
      shared.view.unfinished = nil
      shared.view.durable = max(shared.view.durable, seal.last)
    }
  }

  func publish(keptErasures: [KeptErasure], from: LSN?) {
    shared.withLock { shared in
      shared.view.keptErasures = keptErasures
      shared.view.erasuresKeptFrom = from
    }
  }

  func publishRemoved() {
    shared.withLock { $0.view.unfinished = nil }
  }

  /// Raises the floor above segments that end at `lasts`, in order, up to the first that a pin holds; returns how many.
  ///
  /// Judged and done at once, so that no pin can come in between.
  func giveUp(upTo lasts: [LSN]) -> Int {
    shared.withLock { shared in
      let lowest = shared.pins.values.min()
      let free = lasts.prefix { last in lowest.map { last < $0 } ?? true }
      guard let floor = free.last?.next else { return 0 }
      shared.view.floor = floor
      shared.view.keptErasures.removeAll { $0.lsn < floor }
      shared.view.finished = shared.view.finished.filter { ($0.seal?.last ?? floor) >= floor }
      shared.view.gaps = shared.view.gaps.filter { $0.last >= floor }
      return free.count
    }
  }

  /// Shows the log with these files added and removed and this floor; false, and nothing happened, when a pin holds one that goes.
  ///
  /// Judged and done at once, as above.
  func rearrange(adding added: [FileRecord], removing gone: [FileRecord], floor: LSN) -> Bool {
    shared.withLock { shared in
      let ids = Set(gone.map(\.id))
      let lowest = shared.pins.values.min()
      for file in gone {
        if let last = file.seal?.last, let lowest, lowest <= last { return false }
        if file.kind != .segment, !shared.historyPins.isEmpty { return false }
      }
      var history = shared.view.history.filter { !ids.contains($0.id) }
      history += added
      history.sort { $0.id < $1.id }
      shared.view.history = history
      shared.view.floor = floor
      shared.view.keptErasures.removeAll { $0.lsn < floor }
      shared.view.finished = shared.view.finished.filter { !ids.contains($0.record.id) }
      shared.view.gaps = shared.view.gaps.filter { $0.last >= floor }
      return true
    }
  }

  /// Takes back what was published since `view`, which the writer's own thread took.
  func publish(_ view: LogView) { shared.withLock { $0.view = view } }
}

/// Holds the log's segments from an LSN on.
package final class LogPin: Sendable {
  private let id: UInt64
  package let lsn: LSN
  private let reader: LogReader

  fileprivate init(id: UInt64, lsn: LSN, reader: LogReader) {
    self.id = id
    self.lsn = lsn
    self.reader = reader
  }

  deinit { reader.unpin(id) }
}
