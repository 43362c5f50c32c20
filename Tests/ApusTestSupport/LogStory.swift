// A log's life on a simulated disk, with all that can befall it, told by one seed.
//
// The story drives the writer as the appender's thread does, and compares everything with `LogModel`: no promised frame lost,
// none invented, order kept, no LSN given out twice, and never a word of damage where only a crash happened.

import ApusBytes
import ApusLog
import ApusSystem

package struct LogStory {
  /// What happened, for people and for counting.
  package struct Summary: Equatable, Sendable {
    package var openings = 0
    package var frames = 0
    package var kills = 0
    package var powerCuts = 0
    package var tornTails = 0
    package var diskFull = 0
    package var stops = 0
    package var failedOpenings = 0
    package var retired = 0
    package var clockJumps = 0
    package init() {}
  }

  package struct Failure: Error, CustomStringConvertible {
    package let seed: UInt64
    package let step: Int
    package let what: String
    package var description: String { "seed \(seed), step \(step): \(what)" }
  }

  private let seed: UInt64
  private var random: SplitMix64
  private var disk: SimulatedDisk
  private let clock = SimulatedClock()
  private var options = LogOptions()
  private var model = LogModel()
  private var log: Log?
  private var ending = LogModel.Ending.closed
  private var step = 0
  /// A failed sync leaves clean pages that the disk does not have: from then on a kill may take what a power cut may.
  private var syncFailed = false
  private let hasFaults: Bool
  private let hasFullDisks: Bool
  package private(set) var summary = Summary()

  private static let folder = "/store"

  private init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
    disk = SimulatedDisk(seed: random.next())
    options.segmentByteCount = UInt64(
      random.pick([Int(Format.segmentByteCountMin) + 72, 8192, 16_384, 65_536]))
    options.ceilingStep = UInt64(random.pick([1, 7, 100, 1 << 20]))
    hasFaults = random.chance(0.3)
    hasFullDisks = random.chance(0.3)
  }

  /// Plays the story of a seed to its end.
  package static func play(_ seed: UInt64, steps: Int = 150) throws(Failure) -> Summary {
    var story = LogStory(seed: seed)
    do {
      while story.step < steps {
        story.step += 1
        try story.advance()
      }
      // However it went: in the end the power is cut, and what was promised is there.
      try story.end(.powerCut)
      story.disk.faults = DiskFaults()
      try story.open()
      try story.end(.closed)
      try story.open()
    } catch {
      throw Failure(seed: seed, step: story.step, what: "\(error)")
    }
    return story.summary
  }

  private struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  // MARK: Steps

  private mutating func advance() throws {
    guard let writer = log?.writer else {
      disk.faults = hasFaults ? randomFaults() : DiskFaults()
      return try open()
    }
    clock.advance(nanoseconds: UInt64(random.below(20_000_000)))
    if random.chance(0.05) { clock.jumpWall(nanoseconds: Int64(random.within(-30...30)) * 1_000_000_000) }
    do {
      do {
        try act(on: writer)
      } catch LogError.clockJump {
        summary.clockJumps += 1
        try confirmClock(writer)
      }
    } catch LogError.diskFull {
      summary.diskFull += 1
      guard disk.capacity != nil else {
        throw Broken(description: "the disk is called full and has no limit")
      }
      if random.coin() { disk.capacity = nil }
    } catch let error as LogError {
      guard case .stopped = error else { throw error }
      guard hasFaults else { throw Broken(description: "stopped without a fault: \(error)") }
      summary.stops += 1
      try checkStopped(writer)
      try end(random.coin() ? .killed : .powerCut)
    }
  }

  private mutating func act(on writer: LogWriter) throws {
    switch random.below(100) {
    case 0..<50: try append(to: writer)
    case 50..<62:
      try noting(writer) { (writer) throws(LogError) in try writer.flush() }
      model.flushed()
    case 62..<74:
      try sync(writer)
      if random.coin() { try writer.mark() }
    case 74..<82:
      // A burst, so that many frames await one sync.
      for _ in 0..<random.below(12) { try append(to: writer) }
      try noting(writer) { (writer) throws(LogError) in try writer.flush() }
      model.flushed()
    case 82..<83:
      try noting(writer) { (writer) throws(LogError) in try writer.rotate() }
      model.synced()
      model.rotated()
    case 83..<84: try retire(writer)
    case 84..<88: try compare(.written)
    case 88..<90 where hasFullDisks: disk.capacity = random.coin() ? random.below(300_000) : nil
    case 90..<93: try end(.killed)
    case 93..<97: try end(.powerCut)
    case 97..<99: try end(.closed)
    default: try writer.mark()
    }
  }

  private mutating func append(to writer: LogWriter) throws {
    let count = random.within(1...5)
    let longest = writer.payloadByteCountMax
    let length =
      random.chance(0.05) ? longest - random.below(min(64, longest)) : random.below(min(700, longest))
    let payload = random.bytes(length)
    do {
      // Any byte is a raw byte.
      let appended = unsafe try writer.append(recordCount: count, payload: payload.span.bytes)
      // Making room may have flushed and synced what was there, or dropped it and gone on.
      noteRoom(writer, before: appended.lsns.first)
      try model.appended(LogModel.Entry(lsns: appended.lsns, payload: payload))
      summary.frames += 1
    } catch {
      noteRoom(writer, before: writer.nextLSN)
      throw error
    }
  }

  private mutating func noteRoom(_ writer: LogWriter, before lsn: LSN) {
    // What a full disk took is given out again.
    if model.lastAppended >= lsn { model.droppedBuffer() }
    if writer.written.next >= lsn { model.flushed() }
    if writer.durable.next >= lsn { model.synced() }
  }

  private mutating func sync(_ writer: LogWriter) throws {
    try noting(writer) { (writer) throws(LogError) in _ = try writer.sync() }
    model.synced()
  }

  /// Does what may meet a full disk, and notes what that took.
  private mutating func noting(
    _ writer: LogWriter, _ body: (LogWriter) throws(LogError) -> Void
  ) throws(LogError) {
    do throws(LogError) {
      try body(writer)
    } catch {
      noteRoom(writer, before: writer.nextLSN)
      throw error
    }
  }

  private mutating func confirmClock(_ writer: LogWriter) throws {
    let before = writer.nextLSN
    do {
      guard let confirmed = try writer.confirmClock() else { throw Broken(description: "no jump to confirm") }
      noteRoom(writer, before: confirmed.lsns.first)
      let payload = try writer.reader.read(at: confirmed.position).payload
      try model.appended(LogModel.Entry(lsns: confirmed.lsns, payload: payload))
      model.synced()
    } catch {
      noteRoom(writer, before: writer.nextLSN)
      // The frame may have reached the file before the sync failed.
      if case LogError.stopped = error, writer.nextLSN > before {
        try model.appended(LogModel.Entry(lsns: LSNRange(before, through: before), payload: LogModel.unknown))
      }
      throw error
    }
  }

  private mutating func retire(_ writer: LogWriter) throws {
    let through = LSN(UInt64(random.below(Int(writer.nextLSN.rawValue))))
    model.retires(through: through)
    if try !writer.retire(through: through).isEmpty {
      summary.retired += 1
      model.retired(below: writer.reader.view.floor)
    }
  }

  /// After a stop nothing is promised any more, whatever is asked.
  private func checkStopped(_ writer: LogWriter) throws {
    for _ in 0..<3 {
      do {
        try writer.sync()
        throw Broken(description: "a stopped log acknowledged a sync")
      } catch is LogError {}
    }
  }

  // MARK: Endings and openings

  private mutating func end(_ how: LogModel.Ending) throws {
    guard let log else { return }
    ending = how
    switch how {
    case .closed:
      do {
        try log.close()
        model.synced()
      } catch {
        // A close that failed promises nothing, and what it left is what a kill leaves.
        ending = .killed
        guard disk.capacity != nil || hasFaults else { throw error }
      }
      disk = disk.killProcess()
    case .killed:
      summary.kills += 1
      disk = disk.killProcess()
    case .powerCut:
      summary.powerCuts += 1
      disk = disk.crash()
    }
    self.log = nil
  }

  private mutating func open() throws {
    disk.capacity = nil
    while log == nil {
      do throws(LogError) {
        log = try Log.open(LogStory.folder, on: disk, clock: clock, random: &random, options: options)
      } catch {
        switch error {
        case .system, .stopped: break
        default: throw error
        }
        guard hasFaults else { throw error }
        // A start that failed is followed by another, on a disk that works again; what it left is part of the story.
        summary.failedOpenings += 1
        if random.coin() {
          disk = disk.crash()
          if ending != .closed { ending = .powerCut }
        } else {
          disk = disk.killProcess()
        }
        if hasFaults, ending == .killed { ending = .powerCut }
      }
    }
    summary.openings += 1
    guard let log, let writer = log.writer else {
      throw Broken(description: "read-only after a mere crash: \(log?.report.description ?? "")")
    }
    if case .torn = log.report.tail { summary.tornTails += 1 }
    guard log.report.damages.isEmpty else {
      throw Broken(description: "a mere crash is called damage: \(log.report)")
    }
    // Faults may have struck the syncs of the life before: then its pages were lies, and only synced frames are promised.
    if hasFaults, ending == .killed { ending = .powerCut }
    disk.faults = DiskFaults()
    let found = try read(.durable)
    try model.recovered(found, after: ending, floor: log.reader.view.floor, next: writer.nextLSN)
    ending = .killed
    if hasFaults, random.coin() { disk.faults = randomFaults() }
  }

  private mutating func randomFaults() -> DiskFaults {
    var faults = DiskFaults()
    faults.shortWrites = random.pick([0, 0.1])
    faults.shortReads = random.pick([0, 0.1])
    faults.writeErrors = random.pick([0, 0.005])
    faults.syncErrors = random.pick([0, 0.01])
    faults.failedSyncArrivals = random.pick([0, 0.5, 1])
    return faults
  }

  // MARK: Reading

  private func read(_ extent: LogView.Extent) throws -> [LogModel.Entry] {
    guard let reader = log?.reader else { return [] }
    var scanner = try reader.scan(from: reader.view.floor, extent)
    var found: [LogModel.Entry] = []
    while let frame = try scanner.next() {
      found.append(LogModel.Entry(lsns: frame.lsns, payload: scanner.payload.copied()))
    }
    guard scanner.damages.isEmpty else { throw Broken(description: "a scan found \(scanner.damages)") }
    return found
  }

  /// A reader beside the writer sees what is in the file, and all that is durable.
  private mutating func compare(_ extent: LogView.Extent) throws {
    let found = try read(extent)
    guard found == model.expected(extent) else {
      throw Broken(description: "a scan of what is \(extent) found \(found.count) frames")
    }
  }
}

extension LogModel {
  fileprivate func expected(_ extent: LogView.Extent) -> [Entry] {
    switch extent {
    case .written: kept + life[..<written]
    case .durable: kept + life[..<durable]
    }
  }
}
