import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

/// A whole store in a folder of its own, and the files of its project, which a test may change. Rows come in by the store
/// itself, as long as it is open here.
final class Shop {
  private let folder: TemporaryFolder
  let clock: SimulatedClock
  private var random = SplitMix64(seed: 11)

  static let text = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      activity:
        entity: card
        ttl: 30d
        freshness: 15m
        features:
          count: {type: int64, min: 0}
          action: {type: string, one_of: [buy, refund]}
    services:
      score:
        features:
          - {view: activity, take: [count, action]}
        defaults: {count: 0}

    """

  /// Long before any clock that a test runs on, so that the program finds no jump.
  init(wall: WallTime = WallTime(nanoseconds: 1_600_000_000_000_000_000), _ text: String = Shop.text) throws {
    folder = try TemporaryFolder("apus-shop")
    clock = SimulatedClock(wall: wall)
    try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: false)
    try write(text)
  }

  var data: String { folder.path("store") }
  var files: String { folder.path("definitions") }
  func path(_ name: String) -> String { folder.path(name) }

  func write(_ text: String, to name: String = "shop.yaml") throws {
    try Data(text.utf8).write(to: URL(filePath: "\(files)/\(name)"))
  }

  func change(_ old: String, to new: String) throws {
    let url = URL(filePath: "\(files)/shop.yaml")
    let text = try String(contentsOf: url, encoding: .utf8)
    try #require(text.contains(old))
    try write(text.replacingOccurrences(of: old, with: new))
  }

  /// The program, with the store's folder behind the words.
  @discardableResult
  func apus(_ words: String...) throws -> Program.Run {
    try Program.run(words + ["--data", data])
  }

  @discardableResult
  func apply(_ more: String...) throws -> Program.Run {
    try Program.run(["apply", files, "--data", data] + more)
  }

  /// Opens the store here, and closes it, or kills it.
  func open<T>(killing: Bool = false, _ body: (ApusStore.Store) throws -> T) throws -> T {
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.log.segmentByteCount = 1 << 20
    let store = try ApusStore.Store.open(data, clock: clock, random: &random, options: options)
    do {
      let result = try body(store)
      if killing { store.abandon() } else { try store.close() }
      return result
    } catch {
      store.abandon()
      throw error
    }
  }

  /// Puts the definitions in place by the store itself, under the simulated clock.
  func prepare() throws {
    let text = try Data(contentsOf: URL(filePath: "\(files)/shop.yaml"))
    let definition = try DefinitionReader.read([DefinitionFile(name: "shop.yaml", bytes: Array(text))])
    try open { _ = try $0.apply(definition) }
  }

  /// One row for each card.
  @discardableResult
  func push(_ rows: [(card: String, count: Int64, action: String)], into store: ApusStore.Store) throws
    -> AppendAnswer
  {
    clock.advance(nanoseconds: 1_000_000_000)
    var batch = store.batch()
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(store.catalog.view(name, in: "shop")))
    let now = EventTime(nanoseconds: clock.wall().nanoseconds)
    for row in rows {
      batch.upsert(
        key: [.string(row.card)], GivenTimes(eventTime: now),
        [.value(.int64(row.count)), .value(.string(row.action))])
    }
    return try store.append(batch.admitted())
  }

  /// Everything about every file but LMDB's table of readers, which any look takes a place in.
  func everything() throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: data).sorted()
    return try ([""] + names).filter { !$0.hasSuffix("lock.mdb") }.map { name in
      let path = "\(data)/\(name)"
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
      let content = isFolder ? 0 : try Data(contentsOf: URL(filePath: path)).hashValue
      let time = attributes[.modificationDate] as? Date
      return "\(name) \(content) \(time?.timeIntervalSince1970 ?? 0)"
    }
  }
}
