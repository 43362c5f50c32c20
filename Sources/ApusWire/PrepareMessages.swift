// PREPARE gives a vector a handle on a connection, RELEASE takes it back. Counts are at most 65,535.

package import ApusBytes
package import ApusContracts

package enum PrepareRequest: Equatable, Sendable {
  /// `fraud@1`, or the current version of `fraud`.
  case service(String, project: String)
  /// `view:feature`, `view@2:feature`.
  case features([String], project: String)

  package var project: String {
    switch self {
    case .service(_, let project), .features(_, let project): project
    }
  }

  /// From this LSN the names of a list are understood; nil: from the newest.
  package var lsn: LSN? {
    guard case .features(let names, _) = self, let last = names.last else { return nil }
    return Self.lsn(ofName: last)
  }

  /// A list as it was meant at an LSN. What is found under its handle is the past alone.
  package static func features(_ names: [String], asOf lsn: LSN, project: String) -> PrepareRequest {
    .features(names + [lsnPrefix + "\(lsn)"], project: project)
  }

  private static let lsnPrefix = "lsn:"

  /// Of `lsn:88123`; nil for any other name. No feature's name begins with a digit.
  private static func lsn(ofName name: String) -> LSN? {
    guard name.hasPrefix(lsnPrefix) else { return nil }
    let digits = String(name.dropFirst(lsnPrefix.utf8.count))
    guard let number = UInt64(digits), "\(number)" == digits else { return nil }
    return LSN(number)
  }

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .service: writer.write(1 as UInt8)
    case .features: writer.write(2 as UInt8)
    }
    writer.writeZeroes(3)
    writer.write(short: project)
    let names =
      switch self {
      case .service(let name, _): [name]
      case .features(let names, _): names
      }
    writer.write(count: names.count)
    for name in names { writer.write(short: name) }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    let kind = try reader.number("what is prepared", as: UInt8.self)
    try reader.zero(3)
    let project = try reader.short("the project")
    let namesAt = reader.offset
    let names = try reader.names()
    try reader.finish("PREPARE")
    switch kind {
    case 1:
      guard names.count == 1, let name = names.first else {
        throw .malformed("a service has one name, not \(names.count)", at: namesAt)
      }
      self = .service(name, project: project)
    case 2: self = .features(names, project: project)
    default: throw .malformed("nothing is prepared as kind \(kind)", at: 0)
    }
  }
}

package struct PrepareReply: Equatable, Sendable {
  package struct Part: Equatable, Sendable {
    /// As a request calls it.
    package var name: String
    package var type: KeyType
    package init(name: String, type: KeyType) { (self.name, self.type) = (name, type) }
  }

  /// What a row of a request names with one key.
  package struct Role: Equatable, Sendable {
    package var entity: String
    /// Empty: none.
    package var name: String
    package var parts: [Part]
    package init(entity: String, name: String, parts: [Part]) {
      (self.entity, self.name, self.parts) = (entity, name, parts)
    }
  }

  package struct Column: Equatable, Sendable {
    package var name: String
    package var type: FeatureType
    /// `view@1:feature`.
    package var feature: String
    package var hasDefault: Bool
    /// Nil: never out of age.
    package var ttlNanoseconds: UInt64?
    package init(name: String, type: FeatureType, feature: String, hasDefault: Bool, ttlNanoseconds: UInt64?)
    {
      (self.name, self.type, self.feature) = (name, type, feature)
      (self.hasDefault, self.ttlNanoseconds) = (hasDefault, ttlNanoseconds)
    }
  }

  package static let fingerprintByteCount = 32

  package var handle: UInt32
  /// 32 bytes.
  package var fingerprint: [UInt8]
  package var roles: [Role]
  package var columns: [Column]

  package init(handle: UInt32, fingerprint: [UInt8], roles: [Role], columns: [Column]) {
    precondition(fingerprint.count == Self.fingerprintByteCount, "a fingerprint has 32 bytes")
    (self.handle, self.fingerprint, self.roles, self.columns) = (handle, fingerprint, roles, columns)
  }

  /// Whether every column is a number, so that a dense layout can hold it.
  package var isDense: Bool { columns.allSatisfy { ReplyLayout.denseFloat64.takes($0.type) } }

  package func encode(into writer: inout ByteWriter) {
    writer.write(handle)
    writer.write(isDense ? 1 as UInt32 : 0)
    writer.write(fingerprint)
    writer.write(count: roles.count)
    for role in roles {
      writer.write(short: role.entity)
      writer.write(short: role.name)
      writer.write(count: role.parts.count)
      for part in role.parts {
        writer.write(short: part.name)
        writer.write(part.type.rawValue)
      }
    }
    writer.write(count: columns.count)
    for column in columns {
      writer.write(short: column.name)
      writer.write(column.type.id)
      writer.write(short: column.feature)
      writer.write(column.hasDefault)
      writer.write(column.ttlNanoseconds ?? 0)
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    handle = try reader.number("the handle")
    guard handle != 0 else { throw .malformed("no handle is 0", at: 0) }
    let flags = try reader.number("PREPARE's flags", as: UInt32.self)
    fingerprint = try reader.span(Self.fingerprintByteCount, "the fingerprint").copied()
    roles = []
    for _ in 0..<(try reader.count("roles", as: UInt16.self, ofAtLeast: 6)) {
      roles.append(try Self.role(&reader))
    }
    columns = []
    for _ in 0..<(try reader.count("columns", as: UInt16.self, ofAtLeast: 17)) {
      columns.append(try Self.column(&reader))
    }
    try reader.finish("PREPARE's reply")
    guard flags == (isDense ? 1 : 0) else {
      throw .malformed("PREPARE's flags \(flags) do not fit its columns", at: 4)
    }
  }

  @_lifetime(reader: copy reader)
  private static func role(_ reader: inout BodyReader) throws(WireError) -> Role {
    var role = Role(entity: try reader.short("an entity"), name: try reader.short("a role"), parts: [])
    for _ in 0..<(try reader.count("parts", as: UInt16.self, ofAtLeast: 3)) {
      let name = try reader.short("a part's name")
      let at = reader.offset
      guard let type = KeyType(rawValue: try reader.number("a part's type")) else {
        throw .malformed("no key is of such a type", at: at)
      }
      role.parts.append(Part(name: name, type: type))
    }
    return role
  }

  @_lifetime(reader: copy reader)
  private static func column(_ reader: inout BodyReader) throws(WireError) -> Column {
    let name = try reader.short("a column's name")
    let type = try reader.type()
    let feature = try reader.short("a column's feature")
    let at = reader.offset
    let hasDefault = try reader.number("a column's default", as: UInt8.self)
    guard hasDefault <= 1 else { throw .malformed("a bool is \(hasDefault)", at: at) }
    let ttl = try reader.number("a column's ttl", as: UInt64.self)
    return Column(
      name: name, type: type, feature: feature, hasDefault: hasDefault == 1,
      ttlNanoseconds: ttl == 0 ? nil : ttl)
  }
}

package struct ReleaseRequest: Equatable, Sendable {
  package var handle: UInt32
  package init(handle: UInt32) { self.handle = handle }

  package func encode(into writer: inout ByteWriter) { writer.write(handle) }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    handle = try reader.number("the handle")
    try reader.finish("RELEASE")
  }
}

/// Of a request that is answered with nothing but that it was done.
package enum EmptyReply {
  package static func decode(_ body: RawSpan) throws(WireError) {
    try BodyReader(body).finish("an empty reply")
  }
}

extension BodyReader {
  /// A feature's type, as 4 bytes.
  @_lifetime(self: copy self)
  package mutating func type() throws(WireError) -> FeatureType {
    let start = offset
    let id = try number("a type", as: UInt32.self)
    guard let type = FeatureType(id: id) else { throw .malformed("there is no type \(id)", at: start) }
    return type
  }
}
