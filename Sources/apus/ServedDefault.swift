// What a service gives in place of a blank: EXPLAIN's reply says that a cell is blank, the service's definition what stands there.

import ApusBytes
import ApusContracts
import ApusWire

struct ServedDefault {
  let words: String
  let json: JSON

  init(_ value: Value) {
    words = value.inWords
    json = value.json
  }

  /// As a description has it.
  private init(described: JSON) {
    json = described
    var bytes: [UInt8] = []
    described.write(into: &bytes)
    words = described.string ?? String(decoding: bytes, as: UTF8.self)
  }

  /// By column, of those that are blank and have one; the server is asked only if there are such.
  static func ofBlanks(
    _ reply: ExplainReply, _ vector: RemoteVector, _ project: String, _ connection: inout RemoteConnection
  ) throws(Trouble) -> [String: ServedDefault] {
    let filled = Set(vector.prepared.columns.filter(\.hasDefault).map(\.name))
    let isWanted = zip(reply.columns, reply.cells).contains { column, cell in
      filled.contains(column.name) && cell.isBlank
    }
    guard isWanted, !reply.service.isEmpty else { return [:] }
    let body = try connection.ask(.describe, milliseconds: 30_000) {
      DescribeRequest(project: project, name: reply.service).encode(into: &$0)
    }
    let described = try connection.read("DESCRIBE's answer", body) { (body) throws(WireError) in
      try DescribeReply(decoding: body)
    }
    guard case .list(let columns)? = JSON(reading: Array(described.json.utf8))?["service"]?["columns"] else {
      return [:]
    }
    var found: [String: ServedDefault] = [:]
    for column in columns {
      guard let name = column["name"]?.string, let value = column["default"], filled.contains(name) else {
        continue
      }
      found[name] = ServedDefault(described: value)
    }
    return found
  }
}
