// One seed, one story: a store on a simulated disk is told things, asked things and killed, and after each step everything
// it answers is compared with the oracle's. Each step draws from a generator of its own, so that a failing story can be told
// again with steps left out.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

struct OracleFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The power failed in the middle of a request.
struct PowerIsGone: Error {}

final class OracleStory {
  struct Summary: Sendable {
    var stories = 0
    var counts: [String: Int] = [:]

    static func += (a: inout Summary, b: Summary) {
      a.stories += b.stories
      a.counts.merge(b.counts) { $0 + $1 }
    }
  }

  static let project = "p"

  let seed: UInt64
  let clock = SimulatedClock()
  private let folder: TemporaryFolder
  var options = StoreOptions()
  var disk: SimulatedDisk
  private var opened: Store?
  /// Kept over many reads, and let go of before the store is.
  var reader: StoreReader?

  var told = ToldStore()
  var toldClock = ToldClock()
  var vectors: [OracleVector]?
  /// Batches of this opening that wait to be written.
  var stale: [(batch: AdmittedBatch, told: ToldBatch)] = []
  /// Whether the clock was disturbed, and nobody looked since.
  var isClockDisturbed = false
  /// And nothing was opened since.
  private var isIndexDeleted = false
  /// After each frame.
  private(set) var past: [ToldStore] = [ToldStore()]
  /// What a request in flight would have made, frame by frame, when the power failed.
  private var inFlight: [ToldStore] = []
  /// The next LSN; and the greatest that anyone was told.
  private(set) var nextLSN: UInt64 = 1
  private(set) var visible: UInt64 = 0
  /// Before the first LSNs of openings.
  private(set) var gapEnds: Set<UInt64> = []
  private var highest: UInt64 = 0
  private var durable: UInt64 = 0

  var summary = Summary()
  /// Whether `lines` are kept.
  var isTold = false
  private(set) var lines: [String] = []

  init(_ seed: UInt64) throws {
    self.seed = seed
    var random = SplitMix64(seed: seed)
    folder = try TemporaryFolder("apus-oracle", inMemory: true)
    disk = SimulatedDisk(seed: seed, folders: ["store"])
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.generationAgeNanoseconds = 1 << 60
    options.generationByteCount = random.pick([128, 600, 3_000, 1 << 20])
    options.durability = random.chance(0.3) ? .buffered : .durable
    options.log.segmentByteCount = random.pick([1 << 15, 1 << 16])
    options.mergeRunsMin = random.pick([2, 3])
    options.packByteCountMax = random.pick([1 << 15, 1 << 20])
    options.log.ceilingStep = random.pick([16, 64, 1_000])
    options.index.dirtyPagesMax = random.pick([3, 8, IndexFormat.dirtyPagesMax])
    options.index.appendRunMin = random.pick([1, 4, IndexFormat.appendRunMin])
    options.index.mapByteCount = 1 << 26
    options.producerIdleNanosecondsMax = random.pick([20_000_000_000, 604_800_000_000_000])
    options.deadLetterAgeNanosecondsMax = random.chance(0.1) ? 5_000_000_000 : 2_592_000_000_000_000
    options.lettersOfFrameMax = random.pick([1, 2, 5, 4_096])
    told.wanted = .random(&random)
    past = [told]
  }

  deinit {
    reader = nil
    opened?.abandon()
  }

  var store: Store {
    get throws {
      guard let opened else { throw OracleFailure("the store is not open") }
      return opened
    }
  }

  var wall: Int64 { clock.wall().nanoseconds }
  var isBuffered: Bool { options.durability == .buffered }

  func say(_ line: @autoclosure () -> String) { if isTold { lines.append("\(lines.count): \(line())") } }
  func count(_ what: String, _ by: Int = 1) { summary.counts[what, default: 0] += by }

  func check<T: Equatable>(_ found: T, _ expected: T, _ what: @autoclosure () -> String) throws {
    guard found == expected else {
      throw OracleFailure("\(what()): found \(found), expected \(expected)")
    }
  }
}

// MARK: Opening and ending

extension OracleStory {
  enum End: CaseIterable { case closed, killed, powerCut }

  /// Ends the store, and opens what is left of it.
  func restart(_ end: End, deletingIndex: Bool = false, _ random: inout SplitMix64) throws {
    count("\(end)\(deletingIndex ? ", index deleted" : "")")
    reader = nil
    vectors = nil
    stale = []
    if let opened {
      noteDurable(opened.statistics.durable)
      if end == .closed { try opened.close() } else { opened.abandon() }
    }
    opened = nil
    switch end {
    case .closed: break
    case .killed: disk = disk.killProcess()
    case .powerCut: disk = disk.crash(seed: random.next())
    }
    if deletingIndex {
      isIndexDeleted = true
      let listing = try IndexFolder.list(in: folder.path)
      for epoch in listing.ready + listing.building + listing.retired {
        try IndexFolder(in: folder.path, epoch: epoch).remove()
      }
    }
    // An opening may be cut short, too, and as often as one likes.
    var isCutShort = false
    var mayLose = end == .powerCut && isBuffered
    while random.chance(0.1) {
      disk.failPower(beforeCall: disk.calls.total + random.within(1...60))
      if let store = try? open(&random) { store.abandon() }
      let isCut = random.coin()
      disk = isCut ? disk.crash(seed: random.next()) : disk.killProcess()
      if isCut, end == .killed, isBuffered { mayLose = true }
      isCutShort = true
      count("opening cut short")
    }
    let mustKeep = mayLose ? durable : told.lastLSN
    // An opening that was cut short may have left an index.
    try begin(
      mustKeep: mustKeep, isRebuilt: isCutShort || isIndexDeleted && !deletingIndex ? nil : deletingIndex,
      &random)
  }

  func open(_ random: inout SplitMix64) throws -> Store {
    try Store.open("store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
  }

  /// Opens the store, and finds out which of the frames that might have been lost are there.
  func begin(mustKeep: UInt64, isRebuilt: Bool?, _ random: inout SplitMix64) throws {
    let store = try open(&random)
    opened = store
    let report = store.report
    try check(report.losses, [], "losses at the opening")
    let kept = report.log.lsns.last.rawValue
    // A segment that was begun and got no frame ends with the gap before it.
    let isGap = gapEnds.contains(kept)
    guard let found = (past + inFlight).last(where: { isGap ? $0.lastLSN <= kept : $0.lastLSN == kept })
    else {
      throw OracleFailure(
        "after LSN \(kept) no frame ends; they do after \((past + inFlight).map(\.lastLSN))")
    }
    guard found.lastLSN >= mustKeep else {
      throw OracleFailure("kept up to LSN \(kept), and \(mustKeep) was promised")
    }
    if found.lastLSN < told.lastLSN { count("frames lost of a buffered log") }
    if found.lastLSN > told.lastLSN { count("frames in flight kept") }
    if !inFlight.isEmpty { say("kept up to LSN \(kept)") }
    past = (past + inFlight).filter { $0.lastLSN <= kept }
    inFlight = []
    told = found
    // An index may be complete to the end of a gap that the log no longer begins a segment behind.
    visible = store.visible.rawValue
    guard visible == kept || visible > kept && visible < nextLSN && gapEnds.contains(visible) else {
      throw OracleFailure("visible up to LSN \(visible), and kept up to \(kept)")
    }
    durable = told.lastLSN
    toldClock = ToldClock(last: told.lastTime)
    isClockDisturbed = false
    nextLSN = report.log.nextLSN.rawValue
    gapEnds.insert(nextLSN - 1)
    guard nextLSN > highest else {
      throw OracleFailure("LSN \(nextLSN) is given out again; \(highest) was seen")
    }
    switch report.index {
    case .opened: try check(isRebuilt ?? false, false, "whether the index is rebuilt")
    case .rebuilt(let why):
      guard isRebuilt ?? true else { throw OracleFailure("the index is rebuilt, because \(why)") }
    case .made: try check(told.lastLSN, 0, "LSNs of a store that was made anew")
    }
    isIndexDeleted = false
    reader = try store.reader()
  }
}

// MARK: Writing

extension OracleStory {
  /// Does what writes frames, of which `planned` are the outcomes one by one. Nil: it threw what was expected.
  func write<T>(_ planned: [ToldStore], refusedBy expected: String? = nil, _ body: () throws -> T) throws
    -> T?
  {
    do {
      let result = try body()
      if let expected { throw OracleFailure("it was done, and \(expected) was expected") }
      commit(planned)
      return result
    } catch let error as StoreError {
      if disk.isOff, error.isOfPower {
        inFlight = planned
        throw PowerIsGone()
      }
      try check(error.tag, expected ?? "success", "outcome (\(error))")
      count("refused: \(error.tag)")
      return nil
    }
  }

  func commit(_ planned: [ToldStore]) {
    for state in planned {
      told = state
      past.append(state)
      nextLSN = state.lastLSN + 1
      visible = state.lastLSN
      highest = max(highest, state.lastLSN)
    }
    if !isBuffered { durable = told.lastLSN }
  }

  /// A log of which nothing was written since it was opened calls the gap before it durable, too: what counts are frames.
  func noteDurable(_ lsn: LSN) {
    let last = past.last { $0.lastLSN <= lsn.rawValue }?.lastLSN ?? 0
    durable = max(durable, last)
  }

  func noteAllDurable() { durable = told.lastLSN }

  /// Told as it will be after one frame of the store's own records.
  func planned(_ records: UInt64 = 1, at time: Int64, _ change: (inout ToldStore) -> Void) -> ToldStore {
    var state = told
    state.lastLSN = nextLSN + records - 1
    state.lastTime = time
    change(&state)
    return state
  }

  func check(_ frame: FrameMoment?, is state: ToldStore, records: UInt64 = 1) throws {
    guard let frame else { throw OracleFailure("no frame was written") }
    try check(frame.lsns.first.rawValue, state.lastLSN - records + 1, "first LSN")
    try check(frame.lsns.last.rawValue, state.lastLSN, "last LSN")
    try check(frame.time.nanoseconds, state.lastTime ?? .min, "append time")
  }

  /// The append time that a request gets now.
  func moment() -> Int64? {
    isClockDisturbed = false
    return toldClock.moment(wall, Int64(clamping: clock.monotonic().nanoseconds))
  }
}

extension StoreError {
  var isOfPower: Bool {
    switch self {
    case .stopped, .log, .closed: true
    case .history(let error): error.refusal != nil
    default: false
    }
  }

  /// The name of the case.
  var tag: String {
    Mirror(reflecting: self).children.first?.label ?? "\(self)"
  }
}
