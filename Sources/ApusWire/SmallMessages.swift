// WAIT, PING, STATS and DESCRIBE: small bodies, each in a struct with its fields.

package import ApusBytes

package struct WaitRequest: Equatable, Sendable {
  package enum Point: UInt8, Sendable {
    case visible = 1
    case durable = 2
  }

  package var lsn: LSN
  package var point: Point
  package init(_ lsn: LSN, _ point: Point) { (self.lsn, self.point) = (lsn, point) }

  package func encode(into writer: inout ByteWriter) {
    writer.write(lsn.rawValue)
    writer.write(point.rawValue)
    writer.writeZeroes(7)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    lsn = LSN(rawValue: try reader.number("the LSN"))
    guard let point = Point(rawValue: try reader.number("what is waited for")) else {
      throw .malformed("nobody can wait for this", at: 8)
    }
    self.point = point
    try reader.zero(7)
    try reader.finish("WAIT")
  }
}

package struct WaitReply: Equatable, Sendable {
  package var visible: LSN
  package var durable: LSN
  package init(visible: LSN, durable: LSN) { (self.visible, self.durable) = (visible, durable) }

  package func encode(into writer: inout ByteWriter) {
    writer.write(visible.rawValue)
    writer.write(durable.rawValue)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    visible = LSN(rawValue: try reader.number("the visible LSN"))
    durable = LSN(rawValue: try reader.number("the durable LSN"))
    try reader.finish("WAIT's reply")
  }
}

package struct PingRequest: Equatable, Sendable {
  package static let byteCountMax = 64
  /// At most 64.
  package var bytes: [UInt8]
  package init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  package func encode(into writer: inout ByteWriter) { writer.write(bytes) }

  package init(decoding body: RawSpan) throws(WireError) {
    guard body.byteCount <= Self.byteCountMax else {
      throw .malformed("a PING of \(body.byteCount) bytes", at: Self.byteCountMax)
    }
    bytes = body.copied()
  }
}

package struct PingReply: Equatable, Sendable {
  package var clockNanoseconds: Int64
  package var visible: LSN
  package var bytes: [UInt8]
  package init(clockNanoseconds: Int64, visible: LSN, bytes: [UInt8]) {
    (self.clockNanoseconds, self.visible, self.bytes) = (clockNanoseconds, visible, bytes)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(clockNanoseconds)
    writer.write(visible.rawValue)
    writer.write(bytes)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    clockNanoseconds = try reader.number("the server's clock")
    visible = LSN(rawValue: try reader.number("the visible LSN"))
    guard reader.remaining <= PingRequest.byteCountMax else {
      throw .malformed("PING's reply repeats \(reader.remaining) bytes", at: reader.offset)
    }
    bytes = try reader.span(reader.remaining, "what was sent").copied()
  }
}

package enum StatsRequest: UInt8, CaseIterable, Sendable {
  case server = 1
  case store = 2
  case connections = 3

  package func encode(into writer: inout ByteWriter) { writer.write(rawValue) }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    let raw = try reader.number("the kind", as: UInt8.self)
    guard let kind = StatsRequest(rawValue: raw) else {
      throw .malformed("no statistics of kind \(raw)", at: 0)
    }
    try reader.finish("STATS")
    self = kind
  }
}

package struct StatsReply: Equatable, Sendable {
  package enum Entry: Equatable, Sendable {
    case int64(Int64)
    case float64(Double)
    case text(String)
  }

  package var entries: [(name: String, value: Entry)]
  package init(_ entries: [(name: String, value: Entry)]) { self.entries = entries }

  package static func == (a: StatsReply, b: StatsReply) -> Bool {
    a.entries.elementsEqual(b.entries) { $0.name == $1.name && $0.value == $1.value }
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(UInt32(entries.count))
    for (name, value) in entries {
      writer.write(short: name)
      switch value {
      case .int64(let number):
        writer.write(3 as UInt8)
        writer.write(number)
      case .float64(let number):
        writer.write(5 as UInt8)
        writer.write(float64: number)
      case .text(let text):
        writer.write(6 as UInt8)
        writer.write(text: text)
      }
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    entries = []
    for _ in 0..<(try reader.count("entries", as: UInt32.self, ofAtLeast: 7)) {
      let name = try reader.short("an entry's name")
      let at = reader.offset
      switch try reader.number("an entry's type", as: UInt8.self) {
      case 3: entries.append((name, .int64(try reader.number("an entry"))))
      case 5: entries.append((name, .float64(Double(bitPattern: try reader.number("an entry")))))
      case 6: entries.append((name, .text(try reader.text("an entry"))))
      default: throw .malformed("no entry is of such a type", at: at)
      }
    }
    try reader.finish("STATS' reply")
  }
}

package struct DescribeRequest: Equatable, Sendable {
  /// Empty: the only one.
  package var project: String
  /// Empty: all.
  package var name: String
  package init(project: String = "", name: String = "") { (self.project, self.name) = (project, name) }

  package func encode(into writer: inout ByteWriter) {
    writer.write(short: project)
    writer.write(short: name)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    project = try reader.short("the project")
    name = try reader.short("the name")
    try reader.finish("DESCRIBE")
  }
}

package struct DescribeReply: Equatable, Sendable {
  package var json: String
  package init(json: String) { self.json = json }

  package func encode(into writer: inout ByteWriter) { writer.write(text: json) }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    json = try reader.text("the description")
    try reader.finish("DESCRIBE's reply")
  }
}
