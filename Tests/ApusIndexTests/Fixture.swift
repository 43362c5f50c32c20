// An index in a folder of its own, rows that tests understand, and a model to compare with.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport

/// A row as tests keep it.
struct TestRow: Equatable {
  var lsn: UInt64
  var bytes: [UInt8]
}

/// What is to become of a key: a row, or none.
struct TestUpdate: Equatable {
  var key: [UInt8]
  var lsn: UInt64
  /// Nil removes the row.
  var row: [UInt8]?
}

enum Keys {
  /// A whole key of number `id`, in the order of (project, entity, id, view).
  static func whole(_ id: Int, view: UInt32 = 1, entity: UInt32 = 1, project: UInt32 = 1) -> [UInt8] {
    var encoder = KeyEncoder()
    try? encoder.append(int64: Int64(id))
    var key = IndexKey()
    key.set(project: project, entity: entity, key: encoder.bytes, view: view)
    return key.bytes.copied()
  }

  static func prefix(_ id: Int, entity: UInt32 = 1, project: UInt32 = 1) -> [UInt8] {
    Array(whole(id, entity: entity, project: project).dropLast(4))
  }
}

/// Updates from an array, as a checkpoint takes them: LSN, whether there is a row, the row.
struct TestUpdates: IndexUpdates, ~Copyable {
  private let keys: [[UInt8]]
  private let rows: [[UInt8]]
  private var at = -1
  private var currentKey = ByteWriter()
  private var currentRow = ByteWriter()

  init(_ updates: [TestUpdate]) {
    keys = updates.map(\.key)
    rows = updates.map { update in
      (0..<8).map { UInt8(truncatingIfNeeded: update.lsn >> (8 * $0)) } + [update.row == nil ? 0 : 1]
        + (update.row ?? [])
    }
  }

  mutating func next() -> Bool {
    at += 1
    guard at < keys.count else { return false }
    currentKey.removeAll()
    currentKey.write(keys[at])
    currentRow.removeAll()
    currentRow.write(rows[at])
    return true
  }

  var key: RawSpan { @_lifetime(borrow self) get { currentKey.bytes } }
  var row: RawSpan { @_lifetime(borrow self) get { currentRow.bytes } }
}

/// The later LSN wins.
func latest(_ row: IndexRow?, _ update: RawSpan, _ result: inout ByteWriter) -> IndexOutcome {
  var reader = ByteReader(update)
  guard let lsn = try? reader.read(UInt64.self), let hasRow = try? reader.read(UInt8.self) else {
    return .unreadable
  }
  if let row, row.lsn.rawValue >= lsn { return .unchanged }
  guard hasRow == 1 else { return .remove }
  result.write(reader.rest)
  return .write(LSN(lsn))
}

struct Fixture {
  static let storeID: [UInt8] = Array(1...16)
  let temporary: TemporaryFolder
  let folder: IndexFolder

  init(_ temporary: TemporaryFolder? = nil, epoch: UInt64 = 1) throws {
    let temporary = try temporary ?? TemporaryFolder("apus-index")
    self.temporary = temporary
    folder = IndexFolder(in: temporary.path, epoch: epoch)
  }

  /// Builds an index of `rows`, whose keys ascend.
  @discardableResult
  func build(
    _ rows: [(key: [UInt8], row: TestRow)] = [], complete: UInt64? = nil, note: [UInt8] = [],
    options: IndexOptions = IndexOptions()
  ) throws -> Index {
    var builder = try IndexBuilder(folder, of: Fixture.storeID, options: options)
    for (key, row) in rows {
      try builder.append(unsafe key.span.bytes, lsn: LSN(row.lsn), row: unsafe row.bytes.span.bytes)
    }
    let last = LSN(complete ?? rows.map(\.row.lsn).max() ?? 0)
    return try builder.finish(complete: last, note: unsafe note.span.bytes)
  }

  func open(checkpoint: UInt64 = 0, options: IndexOptions = IndexOptions()) throws -> IndexOpening {
    try Index.open(folder, of: Fixture.storeID, checkpoint: LSN(checkpoint), options: options)
  }

  func opened(options: IndexOptions = IndexOptions()) throws -> Index {
    let opening = try open(options: options)
    guard case .usable(let index) = opening else { throw NotUsable(opening: opening) }
    return index
  }

  struct NotUsable: Error { let opening: IndexOpening }
}

extension Index {
  @discardableResult
  func checkpoint(_ updates: [TestUpdate], through lsn: UInt64, note: [UInt8] = []) throws -> IndexCheckpoint
  {
    var writer = try writer()
    var updates = TestUpdates(updates)
    return try writer.checkpoint(
      &updates, through: LSN(lsn), note: unsafe note.span.bytes, fold: latest)
  }

  func row(_ key: [UInt8]) throws -> TestRow? {
    var reader = try reader()
    try reader.renew()
    return try reader.row(key)
  }

  /// (touched, complete), as a reader sees them.
  func progress() throws -> [UInt64] {
    var reader = try reader()
    try reader.renew()
    return [reader.touched.rawValue, reader.complete.rawValue]
  }

  func scrubbed(step: Int = 1_000) throws -> IndexScrubReport {
    var scrub = try scrub()
    while true {
      if let report = scrub.step(step) { return report }
    }
  }
}

extension IndexReader {
  mutating func row(_ key: [UInt8]) throws(IndexError) -> TestRow? {
    guard let row = try get(unsafe key.span.bytes) else { return nil }
    return TestRow(lsn: row.lsn.rawValue, bytes: row.bytes.copied())
  }

  /// The same for many keys, sought together.
  mutating func rows(_ keys: some Collection<[UInt8]>) throws(IndexError) -> [TestRow?] {
    var rows: [TestRow?] = []
    var sought = SoughtKeys()
    var rest = keys[...]
    while !rest.isEmpty {
      sought.removeAll()
      for key in rest.prefix(SoughtKeys.countMax) { unsafe sought.append(key.span.bytes) }
      rest = rest.dropFirst(SoughtKeys.countMax)
      try seek(&sought)
      for place in 0..<sought.count {
        if let row = try row(of: &sought, at: place) {
          rows.append(TestRow(lsn: row.lsn.rawValue, bytes: row.bytes.copied()))
        } else {
          rows.append(nil)
        }
      }
    }
    return rows
  }

  /// Lends every row of an entity's key in the order of view versions. `prefix` is an `IndexKey.entityPrefix`, and `rows` about how many there
  /// are: a hint.
  mutating func forEachView(
    of prefix: RawSpan, rows: Int = 16, _ body: (_ view: UInt32, IndexRow) -> Void
  ) throws(IndexError) {
    var sought = SoughtKeys()
    sought.append(prefix: prefix, rows: rows)
    try seek(&sought)
    var next: UInt32? = 0
    while let wanted = next, let found = try view(of: &sought, at: 0, from: wanted) {
      guard let row = try row(of: &sought, at: 0, view: found) else { return }
      body(found, row)
      next = found == .max ? nil : found + 1
    }
  }
}

/// The error `body` throws, or nil.
func failure<T>(_ body: () throws -> T) -> IndexError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? IndexError
  }
}

/// All bytes of a file.
func bytes(of path: String) throws -> [UInt8] {
  let file = try RealDisk().open(path, .read)
  defer { file.close() }
  var block = ByteBlock(byteCount: Int(try file.size()))
  var target = block.mutableBytes
  let count = try file.readFully(into: &target, at: 0)
  return Array(block.bytes.copied()[..<count])
}

/// Makes a file of these bytes, in place of what was there.
func write(_ bytes: [UInt8], to path: String) throws {
  let disk = RealDisk()
  if try disk.entry(at: path) != nil { try disk.remove(path) }
  let file = try disk.open(path, .create)
  defer { file.close() }
  try file.writeAll(unsafe bytes.span.bytes, at: 0)
}
