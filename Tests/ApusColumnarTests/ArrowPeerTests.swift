// Arrow streams with others: pyarrow, Polars and pandas read ours, and we read theirs.
//
// To show that a peer knows the rows, and not only hands bytes on, it writes them from the last to the first.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(.serialized, .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
final class ArrowPeerTests {
  /// One interpreter for all tests of the suite, as long as the process lives.
  private static let shared = Result { try PythonPeer() }
  private let peer: PythonPeer
  private let folder: TemporaryFolder

  init() throws {
    peer = try Self.shared.get()
    folder = try TemporaryFolder("apus-arrow")
  }

  /// Polars knows no vectors of text, and no list of nothing that it would write again as one.
  private static let polarsTypes = Columns.types.filter {
    if case .vector = $0.shape { return $0.element.fixedByteCount != nil }
    return true
  }

  @discardableResult
  private func save(_ bytes: [UInt8], _ name: String = "ours") throws -> String {
    try Data(bytes).write(to: URL(filePath: folder.path(name)))
    return folder.path(name)
  }

  private func read(_ name: String, columns: [String]? = nil) throws -> ColumnBatch {
    var reader = try ArrowStreamReader(InputStream(path: folder.path(name)), columns: columns)
    let batch = try #require(try reader.next(), "a stream without batches")
    #expect(try reader.next() == nil)
    return batch
  }

  /// Compares what came back with the rows turned round.
  private func expectReversed(
    _ name: String, _ batches: [ColumnBatch], _ schema: ColumnSchema, _ comment: String
  ) throws {
    var reader = try ArrowStreamReader(InputStream(path: folder.path(name)))
    var found: [ColumnBatch] = []
    while let batch = try reader.next() { found.append(batch) }
    #expect(found.reduce(0) { $0 + $1.rowCount } == batches.reduce(0) { $0 + $1.rowCount }, "\(comment)")
    for (index, field) in schema.fields.enumerated() {
      let expected = Column.reversed(batches.map { $0.columns[index] })
      let rows = found.map(\.columns[index]).flatMap { column in
        (0..<column.count).map { column.slice($0..<($0 + 1)) }
      }
      let different = zip(expected, rows).enumerated().first { $1.0.type != $1.1.type || $1.0 != $1.1 }?
        .offset
      #expect(different == nil, "\(comment): \(field.name)")
    }
  }

  @Test(
    "pyarrow reads and validates every type, and gives the rows back in every layout it has",
    arguments: [0, 1, 7, 8, 9, 1000])
  func pyarrow(_ rows: Int) throws {
    for (seed, nulls) in [0, 0.3, 1].enumerated() {
      var dice = SplitMix64(seed: UInt64(seed + 10 * rows))
      let schema = ArrowStreams.schema(Columns.types, metadata: [ColumnMetadata(key: "who", value: "é")])
      let batches = try [rows, dice.below(12)].map {
        try ArrowStreams.batch(schema, rows: $0, nulls: nulls, using: &dice)
      }
      let path = try save(ArrowStreams.write(schema, batches, compression: seed == 1 ? .standard : nil))
      let description = try JSONSerialization.jsonObject(
        with: Data(peer.ask("arrow_peer", "describe", path).utf8))
      let parts = try #require(description as? [Any])
      #expect(parts[0] as? [String] == schema.fields.map { Self.pyarrowName($0.type) })
      #expect(parts[1] as? [[String]] == [["who", "é"]])
      #expect(parts[2] as? [Int] == batches.map(\.rowCount))
      for way in ["plain", "zstd", "slices", "large", "view", "dictionary"] {
        try peer.ask("arrow_peer", "flip", path, folder.path("theirs"), way)
        try expectReversed("theirs", batches, schema, "seed \(seed + 10 * rows), \(way)")
      }
    }
  }

  @Test("Polars reads what it has types for, and gives the rows back", arguments: [0, 1, 9, 1000])
  func polars(_ rows: Int) throws {
    for nulls in [0, 0.3, 1] {
      var dice = SplitMix64(seed: UInt64(rows))
      let schema = ArrowStreams.schema(
        Self.polarsTypes.filter { $0.element != .timestamp(.seconds, isUTC: true) })
      let batches = try [rows, dice.below(12)].map {
        try ArrowStreams.batch(schema, rows: $0, nulls: nulls, using: &dice)
      }
      let path = try save(ArrowStreams.write(schema, batches))
      try peer.ask("arrow_peer", "flip_with_polars", path, folder.path("theirs"))
      try expectReversed("theirs", batches, schema, "seed \(rows), nulls \(nulls)")
    }
  }

  @Test("a hundred thousand rows go there and back")
  func many() throws {
    var dice = SplitMix64(seed: 77)
    let schema = ArrowStreams.schema([
      ColumnType(.int64), ColumnType(.string), ColumnType(.bool), ColumnType(.float32, .vector(3)),
      ColumnType(.int32, .list),
    ])
    let batch = try ArrowStreams.batch(schema, rows: 100_000, nulls: 0.1, using: &dice)
    let path = try save(ArrowStreams.write(schema, [batch]))
    try peer.ask("arrow_peer", "flip", path, folder.path("theirs"), "plain")
    try peer.ask("arrow_peer", "flip", folder.path("theirs"), folder.path("again"), "plain")
    #expect(try read("again").columns == batch.columns)
  }

  @Test("pyarrow's columns of a mapped stream are the stream's own bytes, each buffer at a multiple of 64")
  func zeroCopy() throws {
    var dice = SplitMix64(seed: 78)
    let schema = ArrowStreams.schema(Columns.types, metadata: [ColumnMetadata(key: "a", value: "b")])
    let batches = try [100, 13].map { try ArrowStreams.batch(schema, rows: $0, nulls: 0, using: &dice) }
    let path = try save(ArrowStreams.write(schema, batches))
    #expect(try peer.ask("arrow_peer", "zero_copy", path) == "\(schema.fields.count)")
  }

  @Test("Python prints the values that were written")
  func values() throws {
    var numbers = ColumnBuilder(ColumnType(.int16), named: "n")
    numbers.append(-2 as Int16)
    numbers.appendNull()
    var texts = ColumnBuilder(ColumnType(.string, .list), named: "t")
    try texts.append("é")
    try texts.append("")
    texts.endRow()
    texts.endRow()
    var moments = ColumnBuilder(ColumnType(.timestamp(.milliseconds, isUTC: false)), named: "m")
    moments.append(86_400_001 as Int64)
    moments.appendNull()
    var days = ColumnBuilder(ColumnType(.date), named: "d")
    days.append(-1 as Int32)
    days.append(1 as Int32)
    let columns = [try numbers.finish(), try texts.finish(), try moments.finish(), try days.finish()]
    let batch = try ColumnBatch(ArrowStreams.schema(columns.map(\.type)), columns, rowCount: 2)
    let path = try save(ArrowStreams.write(batch.schema, [batch]))
    let said = try JSONSerialization.jsonObject(with: Data(peer.ask("arrow_peer", "values", path).utf8))
    #expect(
      said as? [String] == [
        "[-2, None]", "[['é', ''], []]", "[datetime.datetime(1970, 1, 2, 0, 0, 0, 1000), None]",
        "[datetime.date(1969, 12, 31), datetime.date(1970, 1, 2)]",
      ])
  }

  @Test("what pandas writes by default is read")
  func pandas() throws {
    try peer.ask("arrow_peer", "from_pandas", folder.path("theirs"))
    let batch = try read("theirs")
    #expect(
      batch.schema.fields.map { "\($0.name): \($0.type)" } == [
        "text: string", "none: null", "empty: list<null>", "category: string", "moment: timestamp[us]",
        "zone: timestamp[us, UTC]", "whole: int64", "real: float64",
      ])
    #expect(batch.schema.metadata("pandas")?.contains("index_columns") == true)
    let text = try #require(batch.column("text"))
    #expect(text.string(0) == "a" && text.isNull(1) && text.string(2) == "é")
    #expect(batch.column("none")?.nullCount == 3 && batch.column("empty")?.nullCount == 0)
    let category = try #require(batch.column("category"))
    #expect((0..<3).map { category.string($0) } == ["u", "v", "u"])
    let moment = try #require(batch.column("moment"))
    #expect(moment.int64(0) == 1_577_836_800_000_000 && moment.isNull(1))
    #expect(batch.column("zone")?.int64(0) == 1_577_833_200_000_000)
    let whole = try #require(batch.column("whole"))
    #expect(whole.int64(0) == 1 && whole.isNull(1) && whole.int64(2) == 3)
    #expect(batch.column("real")?.float64(2) == 2.5)
  }

  @Test("what Polars writes by default is read, views included")
  func polarsDefaults() throws {
    try peer.ask("arrow_peer", "from_polars", folder.path("theirs"))
    let batch = try read("theirs")
    #expect(
      batch.schema.fields.map { "\($0.name): \($0.type)" } == [
        "text: string", "bytes: bytes", "list: list<int64>", "texts: list<string>", "category: string",
        "none: null", "vector: float32[2]",
      ])
    let text = try #require(batch.column("text"))
    #expect(text.string(0) == "a" && text.isNull(1))
    #expect(
      text.string(2) == "longer than twelve bytes" && text.string(3) == String(repeating: "é", count: 20))
    let bytes = try #require(batch.column("bytes"))
    #expect([0, 1, 3].map { bytes.byteRange($0).count } == [0, 13, 12] && bytes.isNull(2))
    let texts = try #require(batch.column("texts"))
    #expect(texts.elements(of: 0).map { texts.string($0) } == ["a", "another that is no short one"])
    #expect(texts.elements(of: 1).isEmpty && texts.isNull(2) && texts.elements(of: 3).count == 1)
    let category = try #require(batch.column("category"))
    #expect(category.string(1) == "v" && category.isNull(2) && category.string(3) == "u")
    let vector = try #require(batch.column("vector"))
    #expect(vector.isNull(2) && vector.elements(of: 3).map { vector.float32($0) } == [5, 6])
  }

  @Test("half floats, long dates, bytes of one size and encoded lists are read as what the model has")
  func oddities() throws {
    try peer.ask("arrow_peer", "oddities", folder.path("theirs"))
    let batch = try read("theirs")
    #expect(
      batch.schema.fields.map { "\($0.type)" } == [
        "float32", "timestamp[ms]", "bytes", "int8[2]", "list<string>",
      ])
    let half = batch.columns[0]
    #expect((0..<3).map { half.float32($0) } == [1.5, -2, 65504])
    #expect(
      batch.columns[1].int64(0) == 0 && batch.columns[1].isNull(1) && batch.columns[1].int64(2) == -86_400_000
    )
    let fixed = batch.columns[2]
    let last = fixed.bytes(2).copied()
    #expect(last == Array("xyz".utf8) && fixed.isNull(1))
    #expect(
      batch.columns[3].isNull(1)
        && batch.columns[3].elements(of: 2).map { batch.columns[3].int64($0) } == [3, 4])
    let categories = batch.columns[4]
    #expect(categories.elements(of: 0).map { categories.string($0) } == ["u", "v"])
    #expect(categories.isNull(1) && categories.elements(of: 2).map { categories.string($0) } == ["u"])
  }

  @Test("dictionaries grow and are replaced from batch to batch")
  func deltas() throws {
    try peer.ask("arrow_peer", "deltas", folder.path("theirs"))
    var reader = try ArrowStreamReader(InputStream(path: folder.path("theirs")))
    var said: [[String?]] = []
    while let batch = try reader.next() {
      said += batch.columns.map { column in (0..<3).map { column.isNull($0) ? nil : column.string($0) } }
    }
    #expect(
      said == [
        ["a", "a", nil], ["x", "x", nil], ["b", "a", nil], ["z", "y", nil], ["c", "a", nil], ["x", "w", nil],
      ])
  }

  @Test(
    "what is not read is refused by column, reason and advice, and does not keep the others from being read")
  func refused() throws {
    let names = try JSONSerialization.jsonObject(
      with: Data(peer.ask("arrow_peer", "refused", folder.path).utf8))
    for name in try #require(names as? [String]) {
      do {
        _ = try read(name)
        Issue.record("\(name) was read")
      } catch let error as ColumnarError {
        guard case .unsupported(let what, let advice, let place) = error else { throw error }
        // A list of structs is refused for its items.
        #expect(place.column?.hasPrefix(name) == true || name == "lz4", "\(error)")
        #expect(!what.isEmpty && !advice.isEmpty)
      }
      if name == "lz4" { continue }
      let others = try read(name, columns: ["before", "after"])
      #expect(others.columns[0].string(2) == "b" && others.columns[1].int64(2) == 3, "\(name)")
    }
  }

  private static func pyarrowName(_ type: ColumnType) -> String {
    let element =
      switch type.element {
      case .float32: "float"
      case .float64: "double"
      case .bytes: "binary"
      case .date: "date32[day]"
      case .timestamp(let unit, let isUTC): "timestamp[\(unit)\(isUTC ? ", tz=UTC" : "")]"
      default: "\(type.element)"
      }
    return switch type.shape {
    case .scalar: element
    case .list: "list<item: \(element)>"
    case .vector(let count): "fixed_size_list<item: \(element)>[\(count)]"
    }
  }
}
