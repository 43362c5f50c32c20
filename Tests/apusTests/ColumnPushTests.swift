import ApusColumnar
import ApusSystem
import Foundation
import Testing

@Suite("apus push of files of columns")
struct ColumnPushTests {
  private static let batchRows = 20_000
  private static let batches = 6

  private func batch(_ first: Int, _ count: Int) throws -> ColumnBatch {
    var keys = ColumnBuilder(ColumnType(.string), named: "card_id")
    var times = ColumnBuilder(ColumnType(.timestamp(.milliseconds, isUTC: true)), named: "event_timestamp")
    var counts = ColumnBuilder(ColumnType(.int64), named: "count")
    var actions = ColumnBuilder(ColumnType(.string), named: "action")
    for row in first..<first + count {
      try keys.append("c\(row)")
      times.append(Int64(1_600_000_000_000 + row))
      counts.append(Int64(row))
      if row % 5 == 0 { actions.appendNull() } else { try actions.append(row == 7 ? "steal" : "buy") }
    }
    let columns = [try keys.finish(), try times.finish(), try counts.finish(), try actions.finish()]
    let names = ["card_id", "event_timestamp", "count", "action"]
    let schema = ColumnSchema(zip(names, columns).map { ColumnField($0, $1.type) })
    return try ColumnBatch(schema, columns, rowCount: count)
  }

  /// A whole stream, and how long it is behind each of its batches.
  private func stream() throws -> (bytes: [UInt8], ends: [Int]) {
    let sink = MemorySink()
    var writer = try ArrowStreamWriter(try batch(0, 0).schema, to: sink)
    var ends: [Int] = []
    for number in 0..<Self.batches {
      try writer.write(try batch(number * Self.batchRows, Self.batchRows))
      ends.append(Int(sink.byteCount))
    }
    try writer.finish()
    return (sink.copied(), ends)
  }

  private func shop(_ name: String, _ bytes: [UInt8]) throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    try Data(bytes).write(to: URL(filePath: shop.path(name)))
    return shop
  }

  private func parquet(_ count: Int) throws -> [UInt8] {
    let sink = MemorySink()
    let rows = try batch(0, count)
    let writer = try ParquetWriter(rows.schema, to: sink)
    try writer.append(rows)
    _ = try writer.finish()
    return sink.copied()
  }

  private func events(_ words: [String]) throws -> Int? {
    let described = try Program.run(["describe", "activity", "--json"] + words).json()
    return (described["view"] as? [String: Any])?["events"] as? Int
  }

  @Test(
    "Parquet is told by its first bytes, and a refused row is named with its row group",
    arguments: [true, false])
  func parquet(isServed: Bool) throws {
    let shop = try shop("rows.csv", try parquet(100))
    let served = isServed ? try Served(shop.data, []) : nil
    let place = try served.map { ["--server", try $0.address()] } ?? ["--data", shop.data]
    let run = try Program.run(["push", "activity", shop.path("rows.csv")] + place)
    #expect(run.code == 2, "\(run.errors)")
    #expect(run.lines.first == "99 accepted   1 set aside")
    #expect(run.output.contains("rows.csv: row 8 (row group 0) \"steal\""), "\(run.output)")
    #expect(try events(place) == 99)
    if let served { #expect(try served.stop() == 0) }
  }

  @Test("Parquet needs a file, and a file of a name and bytes that tell nothing needs --format")
  func refused() throws {
    let shop = try shop("rows.parquet", try parquet(10))
    let piped = try Program.shell(
      "cat \"$1/rows.parquet\" | exec \"$APUS\" push activity - --data \"$1/store\"", shop.path(""))
    #expect(piped.code == Code.failed && piped.errors.contains("a pipe has none"), "\(piped.errors)")
    try Data("card_id\n".utf8).write(to: URL(filePath: shop.path("rows")))
    let unknown = try shop.apus("push", "activity", shop.path("rows"))
    #expect(unknown.code == Code.failed && unknown.errors.contains("which format"), "\(unknown.errors)")
  }

  @Test(
    "after kill -9 in the middle the same command goes on, and no row is there twice or missing",
    arguments: [true, false])
  func killed(isServed: Bool) throws {
    let (bytes, ends) = try stream()
    let shop = try shop("rows.arrows", bytes)
    let served = isServed ? try Served(shop.data, []) : nil
    let place = try served.map { ["--server", try $0.address()] } ?? ["--data", shop.data]
    let words = ["push", "activity", "-", "--producer", "p", "--json"] + place

    let process = Process()
    process.executableURL = URL(filePath: try Program.path())
    process.arguments = words
    let input = Pipe()
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // All but a pipe's bytes of this was read when the call returns: batches that are read, and whose rows were sent.
    try input.fileHandleForWriting.write(contentsOf: Data(bytes[..<(ends[4] + 1)]))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)

    let all = Self.batches * Self.batchRows
    let file = try Program.shell(
      "exec \"$APUS\" \(words.joined(separator: " ")) < \(shop.path("rows.arrows"))")
    let report = try file.json()
    let passed = try #require(report["passed_over"] as? Int)
    #expect(file.code == (passed > 7 ? Code.done : 2), "\(file.errors)")
    #expect(passed > 0 && passed < all, "killed in the middle: \(passed)")
    #expect(report["rows"] as? Int == all && report["complete"] as? Bool == true)
    // One of them was set aside, in whichever run.
    #expect(try events(place) == all - 1)
    let again = try Program.shell(
      "exec \"$APUS\" \(words.joined(separator: " ")) < \(shop.path("rows.arrows"))")
    #expect(try again.json()["passed_over"] as? Int == all)
    #expect(try events(place) == all - 1)
    if let served { #expect(try served.stop() == 0) }
  }
}
