import ApusBytes
import ApusColumnar
import ApusSystem
import Foundation

/// `apus push` of a Parquet file with ten features into a new folder, against Redis that is given the same rows, packed, by pipelined
/// `SET`s and keeps nothing on disk. Reading the file, judging its rows, the log, its syncs and the index are ours alone.
enum BulkBenchmark {
  private static let features = 10
  private static let rowsOfGroup = 131_072
  private static let rowsOfPipe = 1_000

  static func run(_ bench: Bench) throws -> [Row] {
    try [(1_000_000, "1 M"), (10_000_000, "10 M")].map {
      try compare(bench, bench.size($0, toy: $0 / 500), $1)
    }
  }

  private static func compare(_ bench: Bench, _ rows: Int, _ name: String) throws -> Row {
    let place = bench.scratch.fresh()
    try bench.disk.makeFolder(place)
    defer { bench.scratch.remove(place) }
    try writeFile(place + "/rows.parquet", rows)
    try Data(definition.utf8).write(to: URL(filePath: place + "/bulk.yaml"))
    let apus = try PeerProcess.sibling("apus")
    let redis = try Redis(bench)
    defer { redis.process.stop() }
    Processors.free()
    var answers = AnswerHash()
    var number = 0
    let turns = try Turns(bench.isToy || rows > 1_000_000 ? 1 : bench.longRounds, warmsUp: false) {
      number += 1
      let data = "\(place)/store\(number)"
      _ = try call(apus, ["apply", place + "/bulk.yaml", "--data", data])
      let taken = try seconds {
        let told = try call(apus, ["push", "act", place + "/rows.parquet", "--data", data, "--json"])
        let report = try JSONSerialization.jsonObject(with: told) as? [String: Any]
        guard report?["accepted"] as? Int == rows else { throw BenchError("not all rows were accepted") }
      }
      // One of its rows is what the file says.
      let last = rows - 1
      let shown = try call(apus, ["get", "card_id=\(last)", "--view", "act", "--json", "--data", data])
      guard String(decoding: shown, as: UTF8.self).contains("\(value(last, 0))") else {
        throw BenchError("the last row is not in the store")
      }
      answers.add(UInt64(rows))
      bench.scratch.remove(data)
      return taken
    } peer: {
      try redis.fill(rows)
    }
    return Row(
      "load a Parquet file of \(name) rows, against Redis' pipelined SET", ours: rate(rows, turns.oursMedian),
      peer: rate(rows, turns.peerMedian), turns.speedups, goal: .atLeast(1), answers: answers,
      note: "10 features; ours durable and judged, from the file; theirs in memory, requests made beforehand")
  }

  private static func value(_ row: Int, _ feature: Int) -> Int64 {
    Int64(truncatingIfNeeded: row &* 1_000_003 &+ feature &* 7_919) & 0xFFFF_FFFF
  }

  private static let definition =
    "project: bench\nentities:\n  card: {keys: {card_id: int64}}\nviews:\n  act:\n    entity: card\n    ttl: none\n"
    + "    features:\n" + (0..<features).map { "      f\($0): {type: int64}\n" }.joined()

  private static func writeFile(_ path: String, _ rows: Int) throws {
    let names = ["card_id", "event_timestamp"] + (0..<features).map { "f\($0)" }
    let time = ColumnType(.timestamp(.microseconds, isUTC: true))
    let types = [ColumnType(.int64), time] + (0..<features).map { _ in ColumnType(.int64) }
    let schema = ColumnSchema(zip(names, types).map { ColumnField($0, $1, isNullable: false) })
    let sink = FileSink(try RealDisk().open(path, .create))
    let writer = try ParquetWriter(schema, to: sink)
    for first in stride(from: 0, to: rows, by: rowsOfGroup) {
      let some = first..<min(rows, first + rowsOfGroup)
      var columns: [Column] = []
      for (place, type) in types.enumerated() {
        var builder = ColumnBuilder(type, named: names[place], capacity: some.count)
        for row in some {
          switch place {
          case 0: builder.append(Int64(row))
          case 1: builder.append(1_600_000_000_000_000 + Int64(row))
          default: builder.append(value(row, place - 2))
          }
        }
        columns.append(try builder.finish())
      }
      try writer.append(try ColumnBatch(schema, columns, rowCount: some.count))
    }
    _ = try writer.finish()
    try sink.flush()
  }

  private static func call(_ program: String, _ words: [String]) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = words
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let told = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BenchError("apus \(words[0]) failed") }
    return told
  }

  private final class Redis {
    let process: PeerProcess
    private let connection: LoadConnection

    init(_ bench: Bench) throws {
      let address = try LoadAddress.fresh(bench)
      process = try PeerProcess(
        bench, "redis-server", PeerProcess.installed("redis-server"),
        [
          "--port", "\(address.port)", "--bind", "127.0.0.1", "--unixsocket", address.unixPath, "--save", "",
          "--appendonly", "no", "--daemonize", "no",
        ], at: address)
      connection = try LoadConnection(address, isUnix: true)
    }

    /// Seconds that the requests took, without making them.
    func fill(_ rows: Int) throws -> Double {
      guard try connection.exchange(Array("FLUSHALL\r\n".utf8), replyByteCount: 5) == Array("+OK\r\n".utf8)
      else {
        throw BenchError("Redis refuses to be emptied")
      }
      let answer = Array("+OK\r\n".utf8)
      var taken = 0.0
      for first in stride(from: 0, to: rows, by: rowsOfPipe) {
        let some = first..<min(rows, first + rowsOfPipe)
        var request: [UInt8] = []
        for row in some {
          let key = Array("act:\(row)".utf8)
          request += Array("*3\r\n$3\r\nSET\r\n$\(key.count)\r\n".utf8) + key
          request += Array("\r\n$\(features * 8)\r\n".utf8)
          for feature in 0..<features {
            var number = UInt64(bitPattern: value(row, feature))
            for _ in 0..<8 {
              request.append(UInt8(truncatingIfNeeded: number))
              number >>= 8
            }
          }
          request += [0x0D, 0x0A]
        }
        var reply: [UInt8] = []
        taken += try seconds {
          reply = try connection.exchange(request, replyByteCount: answer.count * some.count)
        }
        guard reply == some.flatMap({ _ in answer }) else { throw BenchError("Redis refuses a SET") }
      }
      return taken
    }
  }
}
