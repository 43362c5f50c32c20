// A whole store in a folder of its own, opened, closed, killed and opened again as a test likes.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

final class StoreFixture {
  let folder: TemporaryFolder
  let clock = SimulatedClock()
  let disk = HookedDisk(RealDisk())
  /// How often the store said that it stopped.
  let stops = Monitor(0)
  /// What it said of its index.
  let news = Monitor<[IndexNews]>([])
  var options = StoreOptions()
  private(set) var store: Store
  private var random: SplitMix64
  /// What the log lies on, when it is not the machine's disk; the index always is.
  private(set) var simulated: SimulatedDisk?
  /// Rows that `push` was told of.
  private(set) var acknowledged = 0

  static let text = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      activity:
        entity: card
        ttl: 30d
        features:
          count: {type: int64, min: 0}
          mean: {type: float64}
          action: {type: string, one_of: [buy, refund]}
    services:
      score:
        features:
          - {view: activity, take: [count, mean, action]}
        defaults: {count: 0}
    """

  /// Stores of one seed have one id.
  init(
    _ text: String = StoreFixture.text, seed: UInt64 = 7, on simulated: SimulatedDisk? = nil,
    change: (inout StoreOptions) -> Void = { _ in }
  ) throws {
    random = SplitMix64(seed: seed)
    folder = try TemporaryFolder("apus-store")
    self.simulated = simulated
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.log.segmentByteCount = 1 << 20
    change(&options)
    store = try Self.open(folder, simulated, disk, clock, &random, options, stops, news)
    if !text.isEmpty { try apply(text) }
  }

  deinit { store.abandon() }

  private static func open(
    _ folder: TemporaryFolder, _ simulated: SimulatedDisk?, _ disk: HookedDisk, _ clock: SimulatedClock,
    _ random: inout SplitMix64, _ options: StoreOptions, _ stops: Monitor<Int>,
    _ news: Monitor<[IndexNews]>
  ) throws(StoreError) -> Store {
    let onIndex: @Sendable (IndexNews) -> Void = { each in
      news.withLock { $0.append(each) }
      news.notifyAll()
    }
    let onStop: @Sendable (StoreError) -> Void = { _ in stops.withLock { $0 += 1 } }
    guard let simulated else {
      return try Store.open(
        folder.path("store"), on: disk, clock: clock, random: &random, options: options, onStop: onStop,
        onIndex: onIndex)
    }
    return try Store.open(
      "store", on: simulated, indexes: folder.path("index"), clock: clock, random: &random,
      options: options, onStop: onStop, onIndex: onIndex)
  }

  static let row: [FeatureInput] = [.value(.int64(1)), .absent, .absent]

  var path: String { folder.path("store") }

  @discardableResult
  func apply(_ text: String, accepting: Set<PlanParty> = []) throws -> FrameMoment? {
    try store.apply(Self.definition(text), accepting: accepting).frame
  }

  static func definition(_ text: String) throws -> ProjectDefinition {
    try DefinitionReader.read([DefinitionFile(name: "shop.yaml", bytes: Array(text.utf8))])
  }

  func reopen() throws {
    store = try Self.open(folder, simulated, disk, clock, &random, options, stops, news)
  }

  /// Goes on with what is left of the log's disk.
  func reopen(on disk: SimulatedDisk) throws {
    simulated = disk
    try reopen()
  }

  func closeAndReopen() throws {
    try store.close()
    try reopen()
  }

  func killAndReopen() throws {
    store.abandon()
    try reopen()
  }

  var now: EventTime { EventTime(nanoseconds: clock.wall().nanoseconds) }

  func batch(_ rows: [(card: String, [FeatureInput])], _ policy: RefusalPolicy = .setAside) throws
    -> AdmittedBatch
  {
    var batch = store.batch(.live, policy)
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(store.catalog.view(name, in: "shop")))
    for row in rows {
      batch.upsert(key: [.string(row.card)], GivenTimes(eventTime: now), row.1)
    }
    return try batch.admitted()
  }

  func admitted(_ rows: [(card: String, [FeatureInput])]) throws(StoreError) -> AdmittedBatch {
    do { return try batch(rows) } catch let error as StoreError { throw error } catch { throw .emptyBatch }
  }

  @discardableResult
  func push(_ card: String, _ count: Int64, _ mean: Double = 0.5, _ action: String = "buy") throws
    -> AppendAnswer
  {
    let answer = try store.append(
      batch([(card, [.value(.int64(count)), .value(.float64(mean)), .value(.string(action))])]))
    acknowledged += 1
    return answer
  }

  /// What `score` says of a card.
  func read(_ card: String) throws -> [FeatureTable.Cell] {
    let service = try #require(VersionedName(spelling: "score"))
    let vector = try store.vector(service: service, in: "shop")
    var keys = RequestKeys(for: vector)
    try keys.append(named: ["card_id": .string(card)])
    var reader = try store.reader()
    let table = try reader.table(vector, keys)
    return (0..<table.names.count).map { table[0, $0] }
  }
}
