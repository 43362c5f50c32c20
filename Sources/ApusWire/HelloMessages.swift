// HELLO: who speaks, which version, and what both sides may do. Here is only what the bytes can show; whether a version,
// a feature or a token will do is the server's to say.

package import ApusBytes

package struct HelloRequest: Equatable, Sendable {
  package static let magic: UInt64 = 0x4552_4957_5355_5041
  package static let version: UInt16 = 1
  package static let secretByteCount = 32

  package var lowestVersion: UInt16
  package var highestVersion: UInt16
  /// The shortest body that is wanted compressed; 0: none.
  package var compressFrom: UInt32
  package var required: UInt64
  package var optional: UInt64
  package var client: String
  package var token: Token?

  package struct Token: Equatable, Sendable {
    package var id: String
    /// 32 bytes.
    package var secret: [UInt8]
    package init(id: String, secret: [UInt8]) { (self.id, self.secret) = (id, secret) }
  }

  package init(
    lowestVersion: UInt16 = version, highestVersion: UInt16 = version, compressFrom: UInt32 = 0,
    required: UInt64 = 0, optional: UInt64 = 0, client: String, token: Token? = nil
  ) {
    (self.lowestVersion, self.highestVersion) = (lowestVersion, highestVersion)
    self.compressFrom = compressFrom
    (self.required, self.optional) = (required, optional)
    (self.client, self.token) = (client, token)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(Self.magic)
    writer.write(lowestVersion)
    writer.write(highestVersion)
    writer.write(compressFrom)
    writer.write(required)
    writer.write(optional)
    writer.write(short: client)
    writer.write(short: token?.id ?? "")
    let secret = token?.secret ?? []
    writer.write(short: unsafe secret.span.bytes)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    guard try reader.number("HELLO's magic", as: UInt64.self) == Self.magic else {
      throw .malformed("this is not the protocol of Apus", at: 0)
    }
    lowestVersion = try reader.number("the lowest version")
    highestVersion = try reader.number("the highest version")
    guard lowestVersion >= 1, lowestVersion <= highestVersion else {
      throw .malformed("there is no version from \(lowestVersion) to \(highestVersion)", at: 8)
    }
    compressFrom = try reader.number("HELLO's compression")
    required = try reader.number("the required features")
    optional = try reader.number("the optional features")
    client = try reader.short("the client's name")
    let id = try reader.short("the token's id")
    let secretAt = reader.offset
    let secret = try reader.shortBytes("the token's secret").copied()
    guard secret.count == (id.isEmpty ? 0 : Self.secretByteCount) else {
      throw .malformed("a token is an id and 32 bytes, or nothing", at: secretAt)
    }
    token = id.isEmpty ? nil : Token(id: id, secret: secret)
    try reader.finish("HELLO")
  }
}

package struct HelloReply: Equatable, Sendable {
  package struct Scopes: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let read = Scopes(rawValue: 1)
    package static let ingest = Scopes(rawValue: 2)
    package static let admin = Scopes(rawValue: 4)
    package static let all: Scopes = [.read, .ingest, .admin]
  }

  package enum Durability: UInt8, Sendable {
    case durable = 1
    case buffered = 2
  }

  package var version: UInt16
  package var compressFrom: UInt32
  package var features: UInt64
  /// 16 bytes each.
  package var storeID: [UInt8]
  package var timeline: [UInt8]
  package var visible: LSN
  package var clockNanoseconds: Int64
  package var frameByteCountMax: UInt32
  package var inFlightMax: UInt32
  package var rowsMax: UInt32
  package var durability: Durability
  package var scopes: Scopes
  package var server: String

  package init(
    version: UInt16 = HelloRequest.version, compressFrom: UInt32 = 0, features: UInt64 = 0, storeID: [UInt8],
    timeline: [UInt8], visible: LSN, clockNanoseconds: Int64, frameByteCountMax: UInt32, inFlightMax: UInt32,
    rowsMax: UInt32, durability: Durability, scopes: Scopes, server: String
  ) {
    precondition(storeID.count == 16 && timeline.count == 16, "a store and a timeline are 16 bytes each")
    (self.version, self.compressFrom, self.features) = (version, compressFrom, features)
    (self.storeID, self.timeline) = (storeID, timeline)
    (self.visible, self.clockNanoseconds) = (visible, clockNanoseconds)
    (self.frameByteCountMax, self.inFlightMax, self.rowsMax) = (frameByteCountMax, inFlightMax, rowsMax)
    (self.durability, self.scopes, self.server) = (durability, scopes, server)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(version)
    writer.write(0 as UInt16)
    writer.write(compressFrom)
    writer.write(features)
    writer.write(storeID)
    writer.write(timeline)
    writer.write(visible.rawValue)
    writer.write(clockNanoseconds)
    writer.write(frameByteCountMax)
    writer.write(inFlightMax)
    writer.write(rowsMax)
    writer.write(durability.rawValue)
    writer.write(scopes.rawValue)
    writer.write(0 as UInt16)
    writer.write(short: server)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    version = try reader.number("the version")
    guard version >= 1 else { throw .malformed("there is no version 0", at: 0) }
    try reader.zero(2)
    compressFrom = try reader.number("HELLO's compression")
    features = try reader.number("the features")
    storeID = try reader.span(16, "the store's id").copied()
    timeline = try reader.span(16, "the timeline").copied()
    visible = LSN(rawValue: try reader.number("the visible LSN"))
    clockNanoseconds = try reader.number("the server's clock")
    frameByteCountMax = try reader.number("the longest body")
    inFlightMax = try reader.number("the most requests in flight")
    rowsMax = try reader.number("the most rows")
    let at = reader.offset
    guard let durability = Durability(rawValue: try reader.number("the durability")) else {
      throw .malformed("an unknown durability", at: at)
    }
    self.durability = durability
    scopes = Scopes(rawValue: try reader.number("the scopes"))
    guard scopes.isSubset(of: .all) else { throw .malformed("unknown scopes", at: at &+ 1) }
    try reader.zero(2)
    server = try reader.short("the server's name")
    try reader.finish("HELLO's reply")
  }
}
