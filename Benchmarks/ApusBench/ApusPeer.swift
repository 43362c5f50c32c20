// `apus serve` itself, as it is built, with one loop: as Redis has one thread. Its replies are first read strictly, cell by
// cell; the load driver then only sums their values.

import ApusBytes
import ApusContracts
import ApusWire
import Foundation

final class ApusPeer {
  let process: PeerProcess
  private let address: LoadAddress
  private let entities: ServedEntities

  init(
    _ bench: Bench, store: String, _ entities: ServedEntities, environment: [String: String] = [:]
  ) throws {
    self.entities = entities
    address = try LoadAddress.fresh(bench)
    process = try PeerProcess(
      bench, "apus serve", PeerProcess.sibling("apus"),
      [
        "serve", "--data", store, "--listen", "127.0.0.1:\(address.port)", "--unix-socket", address.unixPath,
        "--loops", "1",
      ], at: address, environment: environment)
  }

  /// A connection that may ask for the features of the first views, by the handle that every connection gets first.
  func connection(views: Int, isUnix: Bool = false) throws -> LoadConnection {
    let connection = try LoadConnection(address, isUnix: isUnix)
    _ = try prepare(connection, views)
    return connection
  }

  static let handle: UInt32 = 1

  private func prepare(_ connection: LoadConnection, _ views: Int) throws -> PrepareReply {
    let hello = Self.frame(.hello, id: 0) { HelloRequest(client: "ApusBench").encode(into: &$0) }
    _ = try Self.ask(connection, hello, .hello)
    let features = (0..<views).flatMap { view in
      ServedEntities.shape.names(view).map { "v\(view):\($0)" }
    }
    let prepare = Self.frame(.prepare, id: 1) {
      PrepareRequest.features(features, project: "bench").encode(into: &$0)
    }
    let body = try Self.ask(connection, prepare, .prepare)
    let reply = try unsafe PrepareReply(decoding: body.span.bytes)
    guard reply.handle == Self.handle else { throw BenchError("the first handle is \(reply.handle)") }
    return reply
  }

  static func frame(_ type: MessageType, id: UInt64, _ body: (inout ByteWriter) throws -> Void)
    rethrows
    -> [UInt8]
  {
    var buffer = ByteWriter()
    let frame = FrameWriter.begin(type, id: id, in: &buffer)
    try body(&buffer)
    frame.finish(in: &buffer)
    return buffer.bytes.copied()
  }

  /// The body of what answers a frame.
  static func ask(
    _ connection: LoadConnection, _ frame: [UInt8], _ type: MessageType
  ) throws -> [UInt8] {
    let head = try connection.exchange(frame, replyByteCount: FrameHeader.byteCount)
    guard let header = try unsafe FrameHeader.decode(head.span.bytes), header.type == type.reply else {
      throw BenchError("apus does not answer \(type)")
    }
    let rest = try connection.exchange([], replyByteCount: header.frameByteCount - FrameHeader.byteCount)
    return Array(rest.prefix(Int(header.length)))
  }

  /// Requests for the features of the first views, the answers to some of them read in full.
  func plan(_ asked: [[Int]], views: Int, _ layout: ReplyLayout) throws -> LoadPlan {
    var encoder = KeyEncoder()
    let requests = try asked.enumerated().map { number, some in
      try Self.frame(.get, id: UInt64(number) + 2) { buffer in
        GetRequest.encode(handle: Self.handle, rows: some.count, layout: layout, into: &buffer)
        for entity in some {
          encoder.removeAll()
          try encoder.append(int64: Int64(entity))
          buffer.write(short: encoder.bytes)
        }
      }
    }
    let connection = try LoadConnection(address)
    let columns = try prepare(connection, views).columns
    var map = GetReplyMap(ReplyShape(columns))
    var byteCount = 0
    for number in 0..<min(asked.count, 50) {
      let body = try Self.ask(connection, requests[number], .get)
      byteCount = body.count
      try map.check(unsafe body.span.bytes, rows: asked[number].count, layout: layout, options: [])
      let view = unsafe GetReplyView(body.span.bytes, map)
      for (row, entity) in asked[number].enumerated() {
        for column in columns.indices {
          let expected = Value.float64(entities.value(entity, column / 10, column % 10))
          guard view.code(row, column) == .present, try view.value(row, column) == expected else {
            throw BenchError("apus answers wrongly for \(columns[column].name) of entity \(entity)")
          }
        }
      }
    }
    // Every cell is there, so behind the head are the values and nothing else.
    let values = 8 * asked[0].count * columns.count
    guard byteCount == GetReplyHead.byteCount + values else {
      throw BenchError("\(byteCount) bytes of a reply are not its values")
    }
    return LoadPlan(
      requests: requests, sums: entities.sums(asked, views: views),
      place: PayloadPlace(
        replyByteCount: FrameHeader.byteCount + byteCount,
        at: FrameHeader.byteCount + GetReplyHead.byteCount, byteCount: values))
  }
}
