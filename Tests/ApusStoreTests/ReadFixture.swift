// A store without threads: definitions, an overlay and an index of its own, which a test feeds, freezes, checkpoints and
// rebuilds as it likes, tied together as readers see them.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusStore
import ApusSystem
import ApusTestSupport

struct ReadFixture: ~Copyable {
  static let storeID: [UInt8] = Array(1...16)
  static let salt: [UInt8] = Array(0..<32)

  let temporary: TemporaryFolder
  let clock: SimulatedClock
  /// What readers reported.
  let reports: Monitor<[IndexError]>
  let shared: StoreShared
  private(set) var registry = Registry()
  private(set) var catalog: Catalog
  var writer: OverlayWriter
  private(set) var index: Index
  private(set) var lastLSN: UInt64
  /// Whole keys of which anything was said.
  private(set) var known: Set<[UInt8]> = []
  /// Frozen, in the index, and not dropped yet.
  private var checkpointed = 0

  init(_ text: String, after checkpoint: UInt64 = 0) throws {
    let temporary = try TemporaryFolder("apus-read")
    var registry = Registry()
    try Self.apply(text, to: &registry)
    let catalog = Catalog(number: 1, registry: registry, erasures: Erasures())
    let index = try Self.build([], in: temporary, epoch: 1, complete: LSN(checkpoint))
    let (clock, reports) = (SimulatedClock(), Monitor<[IndexError]>([]))
    writer = OverlayWriter(
      after: LSN(checkpoint), byteCountBudget: 1 << 30, hash: OverlayHash(seed: (1, 2)))
    shared = StoreShared(
      overlay: writer.overlay, clock: clock, StoreShared.Published(catalog: catalog, index: index)
    ) { _, why in reports.withLock { $0.append(why) } }
    (self.temporary, self.clock, self.reports) = (temporary, clock, reports)
    (self.registry, self.catalog, self.index) = (registry, catalog, index)
    lastLSN = checkpoint
  }

  var now: Int64 { clock.wall().nanoseconds }

  // MARK: Definitions

  /// Applies other definitions, as the appender does: published before anything that rests on them.
  mutating func apply(_ text: String) throws {
    try Self.apply(text, to: &registry)
    publish(catalog.with(registry))
  }

  mutating func publish(_ catalog: Catalog) {
    self.catalog = catalog
    shared.publish { $0.catalog = catalog }
  }

  private static func apply(_ text: String, to registry: inout Registry) throws {
    let definition = try DefinitionReader.read([DefinitionFile(name: "p.yaml", bytes: Array(text.utf8))])
    let plan = try registry.plan(definition)
    for change in try registry.changes(applying: plan, accepting: [.producers, .readers]) {
      try registry.apply(change)
    }
  }

  func view(_ name: String) throws -> CatalogView {
    guard let name = VersionedName(spelling: name), let view = catalog.view(name, in: "p") else {
      throw Missing(what: name)
    }
    return view
  }

  struct Missing: Error { let what: String }

  // MARK: Writing

  static func encoded(_ key: [Value], _ schema: KeySchema) throws -> [UInt8] {
    var encoder = KeyEncoder()
    try schema.encode(key, into: &encoder)
    return encoder.bytes.copied()
  }

  static func wholeKey(_ view: CatalogView, _ key: [Value]) throws -> [UInt8] {
    let encoded = try encoded(key, view.keySchema)
    var whole = IndexKey()
    whole.set(
      project: view.project.rawValue, entity: view.entity.rawValue, key: unsafe encoded.span.bytes,
      view: view.id.rawValue)
    return whole.bytes.copied()
  }

  /// Puts an event under the next LSN; features that are not named are absent. It is seen when it is published.
  @discardableResult
  mutating func put(
    _ name: String, _ key: [Value], _ inputs: [String: FeatureInput], at eventTime: Int64
  ) throws -> Stamp {
    lastLSN += 1
    let view = try view(name)
    let stamp = Stamp(
      eventTime: EventTime(nanoseconds: eventTime), createdAt: CreatedAt(nanoseconds: 0), lsn: LSN(lastLSN))
    var builder = RowBuilder(view.layout)
    for feature in registry[view.id]?.features ?? [] {
      try builder.append(inputs[feature.definition.name] ?? .absent)
    }
    var row = ByteWriter()
    builder.writeRow(at: stamp, into: &row)
    try fold(row.bytes.copied(), view, key)
    return stamp
  }

  @discardableResult
  mutating func delete(_ name: String, _ key: [Value], at eventTime: Int64) throws -> Stamp {
    lastLSN += 1
    let stamp = Stamp(
      eventTime: EventTime(nanoseconds: eventTime), createdAt: CreatedAt(nanoseconds: 0), lsn: LSN(lastLSN))
    var row = ByteWriter()
    RowView(deletedAt: stamp).write(into: &row)
    try fold(row.bytes.copied(), try view(name), key)
    return stamp
  }

  private mutating func fold(_ event: [UInt8], _ view: CatalogView, _ key: [Value]) throws {
    let key = try Self.wholeKey(view, key)
    known.insert(key)
    try writer.apply(key: unsafe key.span.bytes, lsn: LSN(lastLSN)) { before, result in
      let event = try RowView(unsafe event.span.bytes, layout: view.layout)
      guard let before else {
        event.write(into: &result)
        return .write
      }
      let outcome = Fold.fold(
        try RowView(before, layout: view.layout), event, layout: view.layout, into: &result)
      return outcome == .unchanged ? .unchanged : .write
    }
  }

  mutating func publish() { writer.publish(lastLSN) }

  /// Erases whoever has this key, from the next LSN on.
  mutating func erase(_ name: String, part: Int, _ value: Value) throws {
    lastLSN += 1
    let view = try view(name)
    let part = view.keys[part]
    let encoded = try Self.encoded([value], KeySchema([part.type]))
    let hash = ErasureHasher(salt: Self.salt).hash(
      project: view.project, part, unsafe encoded.span.bytes)
    var erasures = catalog.erasures
    let erase = Erase(floor: LSN(lastLSN), time: WallTime(nanoseconds: now))
    guard erasures.add(hash, salt: Self.salt, erase) else { throw Missing(what: "the salt") }
    publish(catalog.with(erasures))
    publish()
  }

  // MARK: From the overlay to the index

  /// Freezes what is visible; false when there is nothing, or no room.
  mutating func freeze() throws -> Bool {
    publish()
    return writer.generationCount < OverlayLimits.generationsMax ? try writer.freeze() != nil : false
  }

  /// Folds the oldest generation that is not in the index into it.
  mutating func checkpoint() throws {
    guard checkpointed < writer.frozen.count else { return }
    var into = try index.writer()
    try Self.checkpoint(writer.frozen[checkpointed], catalog, &into)
    checkpointed += 1
  }

  /// Drops the oldest generation, if the index has it.
  mutating func drop() {
    guard checkpointed > 0, let oldest = writer.frozen.first else { return }
    writer.drop(oldest)
    checkpointed -= 1
  }

  /// The same rows in an index of the next epoch.
  mutating func rebuild() throws {
    index = try Self.rebuilt(index, rows: try Self.rows(of: index, known), in: temporary)
    shared.publish { [index] in $0.index = index }
  }

  mutating func use(_ index: Index) { self.index = index }

  static func build(
    _ rows: [(key: [UInt8], lsn: LSN, row: [UInt8])], in folder: TemporaryFolder, epoch: UInt64, complete: LSN
  ) throws -> Index {
    var builder = try IndexBuilder(IndexFolder(in: folder.path, epoch: epoch), of: storeID)
    for row in rows {
      try builder.append(unsafe row.key.span.bytes, lsn: row.lsn, row: unsafe row.row.span.bytes)
    }
    return try builder.finish(complete: complete, note: ByteWriter().bytes)
  }

  static func rebuilt(
    _ index: Index, rows: [(key: [UInt8], lsn: LSN, row: [UInt8])], in folder: TemporaryFolder
  ) throws -> Index {
    var reader = try index.reader()
    try reader.renew()
    let complete = reader.complete
    reader.reset()
    return try build(rows, in: folder, epoch: index.epoch + 1, complete: complete)
  }

  /// The rows that an index has of these keys, in order.
  static func rows(
    of index: Index, _ keys: Set<[UInt8]>
  ) throws -> [(key: [UInt8], lsn: LSN, row: [UInt8])] {
    var reader = try index.reader()
    try reader.renew()
    defer { reader.reset() }
    var rows: [(key: [UInt8], lsn: LSN, row: [UInt8])] = []
    for key in keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      if let row = try reader.get(unsafe key.span.bytes) { rows.append((key, row.lsn, row.bytes.copied())) }
    }
    return rows
  }

  static func checkpoint(
    _ generation: FrozenGeneration, _ catalog: Catalog, _ into: inout IndexWriter
  ) throws {
    var updates = GenerationUpdates(generation)
    _ = try into.checkpoint(&updates, through: generation.range.last, note: ByteWriter().bytes) {
      row, update, result in
      var update = ByteReader(update)
      guard let id = try? update.read(UInt32.self), let layout = catalog[ViewVersionID(id)]?.layout,
        let event = try? RowView(update.rest, layout: layout)
      else { return .unreadable }
      guard let row else {
        event.write(into: &result)
        return .write(event.greatestLSN)
      }
      guard let row = try? RowView(row.bytes, layout: layout) else { return .unreadable }
      if Fold.fold(row, event, layout: layout, into: &result) == .unchanged { return .unchanged }
      return .write(max(row.greatestLSN, event.greatestLSN))
    }
  }
}

/// A generation as a checkpoint takes it: before each row its view, little-endian, whose layout the fold needs.
struct GenerationUpdates: IndexUpdates, ~Copyable {
  private let keys: OverlayAscending
  private var at = -1
  private var current = ByteWriter()

  init(_ generation: FrozenGeneration) { keys = generation.ascendingKeys() }

  mutating func next() -> Bool {
    at += 1
    guard at < keys.count else { return false }
    let key = keys.key(at: at).copied()
    let row = keys.version(at: at).copied()
    current.removeAll()
    for byte in key.suffix(4).reversed() { current.write(byte) }
    current.write(row)
    return true
  }

  var key: RawSpan { @_lifetime(borrow self) get { keys.key(at: at) } }
  var row: RawSpan { @_lifetime(borrow self) get { current.bytes } }
}
