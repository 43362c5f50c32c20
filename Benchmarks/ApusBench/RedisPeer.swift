// Redis with one packed value for every row: its best layout. Nothing is persisted.

final class RedisPeer {
  let process: PeerProcess
  private let address: LoadAddress
  private let entities: ServedEntities

  init(_ bench: Bench, _ entities: ServedEntities) throws {
    self.entities = entities
    address = try LoadAddress.fresh(bench)
    process = try PeerProcess(
      bench, "redis-server", PeerProcess.installed("redis-server"),
      [
        "--port", "\(address.port)", "--bind", "127.0.0.1", "--unixsocket", address.unixPath, "--save", "",
        "--appendonly", "no", "--daemonize", "no",
      ], at: address)
    try fill()
  }

  func connection() throws -> LoadConnection { try LoadConnection(address) }

  /// Keys of one length, so that requests are, too.
  private func key(_ entity: Int, _ view: Int) -> String {
    let digits = String(entity)
    return "v\(view):" + String(repeating: "0", count: 7 - digits.count) + digits
  }

  private func command(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words {
      bytes += Array("$\(word.count)\r\n".utf8)
      bytes += word
      bytes += Array("\r\n".utf8)
    }
    return bytes
  }

  private func fill() throws {
    let connection = try connection()
    let answer = Array("+OK\r\n".utf8)
    for view in 0..<ServedEntities.views {
      for first in stride(from: 0, to: entities.count, by: 1_000) {
        let some = first..<min(first + 1_000, entities.count)
        let request = some.flatMap {
          command([Array("SET".utf8), Array(key($0, view).utf8), entities.packed($0, view)])
        }
        let reply = try connection.exchange(request, replyByteCount: answer.count * some.count)
        guard reply == some.flatMap({ _ in answer }) else { throw BenchError("Redis refuses a SET") }
      }
    }
  }

  /// `GET` of an entity's row in the first view.
  func one(_ asked: [[Int]]) -> LoadPlan {
    let requests = asked.map { command([Array("GET".utf8), Array(key($0[0], 0).utf8)]) }
    // $80\r\n, the value, \r\n.
    let place = PayloadPlace(replyByteCount: 5 + 80 + 2, at: 5, byteCount: 80)
    return LoadPlan(requests: requests, sums: entities.sums(asked, views: 1), place: place)
  }

  /// `MGET` of the rows of some entities in all views.
  func many(_ asked: [[Int]]) -> LoadPlan {
    let views = ServedEntities.views
    let requests = asked.map { some in
      command(
        [Array("MGET".utf8)] + some.flatMap { entity in (0..<views).map { Array(key(entity, $0).utf8) } })
    }
    let pieces = asked[0].count * views
    let head = "*\(pieces)\r\n".utf8.count
    let place = PayloadPlace(
      replyByteCount: head + pieces * 87, at: head + 5, byteCount: 80, stride: 87, pieces: pieces)
    return LoadPlan(requests: requests, sums: entities.sums(asked, views: views), place: place)
  }
}
