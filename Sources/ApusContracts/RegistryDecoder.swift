// Bytes from a log become a change, or an error that says which field of what. Whether the change fits the registry is
// asked when it is applied.

internal import ApusBytes

extension RegistryChange {
  package init(decoding bytes: [UInt8]) throws(RegistryError) {
    var reader = ByteReader(unsafe bytes.span.bytes)
    guard let kind = try? reader.readVarint() else { throw .bytes(.cut(at: 0)) }
    guard let record = RegistryRecord(rawValue: kind) else { throw .unknownRecord(kind) }
    let fields = try RegistryFields(Array(bytes.dropFirst(reader.offset)), of: .record)
    switch record {
    case .project:
      try fields.finish([2, 4])
      self = .project(try fields.id(2), name: try fields.text(4))
    case .entity:
      try fields.finish([2, 4, 6, 8, 11], repeated: [8])
      var keys: [KeyDefinition] = []
      for key in fields.all(8) { keys.append(try KeyDefinition(decoding: key)) }
      self = .entity(
        RegisteredEntity(
          id: try fields.id(2), project: try fields.id(4), name: try fields.text(6), keys: keys,
          description: try fields.words(11)))
    case .entityDescribed:
      try fields.finish([2, 5])
      self = .entityDescribed(try fields.id(2), try fields.words(5))
    case .view:
      try fields.finish([2, 4, 6])
      self = .view(try fields.id(2), try fields.id(4), name: try fields.text(6))
    case .version:
      try fields.finish([2, 4, 6, 8, 10, 12], repeated: [12])
      var features: [FeatureDefinition] = []
      for bytes in fields.all(12) {
        let feature = try RegisteredFeature(decoding: bytes)
        guard !feature.isRemoved else { throw .badField(6, in: .feature) }
        features.append(feature.definition)
      }
      self = .version(
        try fields.id(2), try fields.id(4), try fields.small(6), try fields.id(8),
        try ViewSettings(decoding: try fields.one(10)), features)
    case .revised:
      try fields.finish([2, 4, 6, 8], repeated: [8])
      var features: [RegisteredFeature] = []
      for bytes in fields.all(8) { features.append(try RegisteredFeature(decoding: bytes)) }
      self = .revised(
        try fields.id(2), revision: try fields.small(4), try ViewSettings(decoding: try fields.one(6)),
        features)
    case .promoted:
      try fields.finish([2])
      self = .promoted(try fields.id(2))
    case .retired:
      try fields.finish([2])
      self = .retired(try fields.id(2))
    case .service:
      try fields.finish([2, 4, 6, 8])
      self = .service(
        try fields.id(2), try fields.id(4), name: try fields.text(6),
        try ServiceWords(decoding: try fields.one(8)))
    case .serviceDescribed:
      try fields.finish([2, 4])
      self = .serviceDescribed(try fields.id(2), try ServiceWords(decoding: try fields.one(4)))
    case .serviceVersion:
      try fields.finish([2, 4, 6, 8, 10], repeated: [8, 10])
      var members: [PinnedMember] = []
      for bytes in fields.all(8) { members.append(try PinnedMember(decoding: bytes)) }
      var defaults: [ServiceDefault] = []
      for bytes in fields.all(10) { defaults.append(try ServiceDefault(decoding: bytes)) }
      self = .serviceVersion(try fields.id(2), try fields.id(4), try fields.small(6), members, defaults)
    case .serviceRetired:
      try fields.finish([2])
      self = .serviceRetired(try fields.id(2))
    }
  }
}

/// The fields of a record or of one of its parts, cut but not yet understood.
struct RegistryFields {
  private let owner: RegistryError.Kind
  private var fields: [(tag: UInt64, payload: [UInt8])] = []

  init(_ bytes: [UInt8], of owner: RegistryError.Kind) throws(RegistryError) {
    self.owner = owner
    var reader = ByteReader(unsafe bytes.span.bytes)
    var last: UInt64 = 0
    while !reader.isAtEnd {
      let start = reader.offset
      guard let tag = try? reader.readVarint(),
        let count = (try? reader.readVarint()).flatMap({ Int(exactly: $0) }),
        let payload = try? reader.readArray(count)
      else { throw .bytes(.cut(at: start)) }
      guard tag >= last, tag > 0 else { throw .bytes(.order(at: start)) }
      last = tag
      fields.append((tag, payload))
    }
  }

  /// Refuses fields that are not known though they must be, and those that come twice though they may not.
  func finish(_ known: [UInt64], repeated: [UInt64] = []) throws(RegistryError) {
    var last: UInt64 = 0
    for field in fields {
      if field.tag % 2 == 0, !known.contains(field.tag) { throw .unknownField(field.tag, in: owner) }
      if field.tag == last, known.contains(last), !repeated.contains(last) {
        throw .badField(last, in: owner)
      }
      last = field.tag
    }
  }

  func all(_ tag: UInt64) -> [[UInt8]] { fields.filter { $0.tag == tag }.map(\.payload) }

  func optional(_ tag: UInt64) -> [UInt8]? { fields.first { $0.tag == tag }?.payload }

  func one(_ tag: UInt64) throws(RegistryError) -> [UInt8] {
    guard let payload = optional(tag) else { throw .missingField(tag, in: owner) }
    return payload
  }

  func bad(_ tag: UInt64) -> RegistryError { .badField(tag, in: owner) }

  func number(_ tag: UInt64, _ payload: [UInt8]) throws(RegistryError) -> UInt64 {
    var reader = ByteReader(unsafe payload.span.bytes)
    guard let value = try? reader.readVarint(), reader.isAtEnd else { throw bad(tag) }
    return value
  }

  func signed(_ tag: UInt64, _ payload: [UInt8]) throws(RegistryError) -> Int64 {
    var reader = ByteReader(unsafe payload.span.bytes)
    guard let value = try? reader.readSignedVarint(), reader.isAtEnd else { throw bad(tag) }
    return value
  }

  func small(_ tag: UInt64) throws(RegistryError) -> UInt32 { try small(tag, try one(tag)) }

  func small(_ tag: UInt64, _ payload: [UInt8]) throws(RegistryError) -> UInt32 {
    guard let value = UInt32(exactly: try number(tag, payload)) else { throw bad(tag) }
    return value
  }

  func id<ID: RawRepresentable<UInt32>>(_ tag: UInt64) throws(RegistryError) -> ID {
    guard let id = ID(rawValue: try small(tag)) else { throw bad(tag) }
    return id
  }

  func flag(_ tag: UInt64) throws(RegistryError) -> Bool {
    guard let payload = optional(tag) else { return false }
    guard payload.isEmpty else { throw bad(tag) }
    return true
  }

  func text(_ tag: UInt64, _ payload: [UInt8]) throws(RegistryError) -> String {
    guard let text = unsafe payload.span.bytes.validatedString() else { throw bad(tag) }
    return text
  }

  func text(_ tag: UInt64) throws(RegistryError) -> String { try text(tag, try one(tag)) }

  /// Left out when empty.
  func words(_ tag: UInt64) throws(RegistryError) -> String {
    guard let payload = optional(tag) else { return "" }
    guard !payload.isEmpty else { throw bad(tag) }
    return try text(tag, payload)
  }

  func texts(_ tag: UInt64) throws(RegistryError) -> [String] {
    var texts: [String] = []
    for payload in all(tag) { texts.append(try text(tag, payload)) }
    return texts
  }

  func period(_ tag: UInt64) throws(RegistryError) -> Period? {
    guard let payload = optional(tag) else { return nil }
    guard let period = Int64(exactly: try number(tag, payload)).flatMap({ Period(nanoseconds: $0) }) else {
      throw bad(tag)
    }
    return period
  }

  func value(_ tag: UInt64, as type: ElementType) throws(RegistryError) -> Value? {
    guard let payload = optional(tag) else { return nil }
    return try value(tag, payload, as: type)
  }

  /// What `Value.literal` made of a value of the type; nothing else stands for it.
  func value(_ tag: UInt64, _ payload: [UInt8], as type: ElementType) throws(RegistryError) -> Value {
    guard let value = Value(exactly: try Literal(decoding: payload), as: .scalar(type)) else {
      throw bad(tag)
    }
    return value
  }
}

extension Literal {
  init(decoding bytes: [UInt8], canBeMany: Bool = true) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .value)
    try fields.finish([2, 4, 6, 8, 10, 12, 14, 16], repeated: [16])
    var found: [Literal] = []
    if let payload = fields.optional(2) {
      let number = try fields.number(2, payload)
      guard number <= 1 else { throw fields.bad(2) }
      found.append(.bool(number == 1))
    }
    if let payload = fields.optional(4) { found.append(.integer(try fields.signed(4, payload))) }
    if let payload = fields.optional(6) {
      var reader = ByteReader(unsafe payload.span.bytes)
      guard let value = try? reader.readFloat64(), reader.isAtEnd, value.isFinite else { throw fields.bad(6) }
      found.append(.float(value))
    }
    if let payload = fields.optional(8) { found.append(.string(try fields.text(8, payload))) }
    if let payload = fields.optional(10) { found.append(.bytes(payload)) }
    if let payload = fields.optional(12) {
      found.append(.timestamp(nanoseconds: try fields.signed(12, payload)))
    }
    if try fields.flag(14) {
      guard canBeMany else { throw fields.bad(14) }
      var literals: [Literal] = []
      for payload in fields.all(16) { literals.append(try Literal(decoding: payload, canBeMany: false)) }
      found.append(.many(literals))
    } else if fields.optional(16) != nil {
      throw fields.bad(16)
    }
    guard found.count == 1 else { throw .missingField(2, in: .value) }
    self = found[0]
  }
}

extension KeyDefinition {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .key)
    try fields.finish([2, 4])
    guard let type = KeyType(spelling: try fields.text(4)) else { throw fields.bad(4) }
    self.init(name: try fields.text(2), type: type)
  }
}

extension ViewSettings {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .settings)
    try fields.finish([2, 4, 6, 8, 10, 13, 15, 17], repeated: [17])
    self.init(ttl: try fields.period(2))
    if let payload = fields.optional(4) {
      if try fields.number(4, payload) == 0 {
        history = .none
      } else if let period = try fields.period(4) {
        history = .lasting(period)
      }
    }
    freshness = try fields.period(6)
    maxLateness = try fields.period(8)
    guard let skew = try fields.period(10) else { throw .missingField(10, in: .settings) }
    maxFutureSkew = skew
    owner = try fields.words(13)
    description = try fields.words(15)
    tags = try fields.texts(17)
  }
}

extension RegisteredFeature {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .feature)
    try fields.finish([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 27], repeated: [18, 27])
    guard let type = try? FeatureType(spelling: try fields.text(4)) else { throw fields.bad(4) }
    var definition = FeatureDefinition(name: try fields.text(2), type: type)
    definition.rules.isNullable = try !fields.flag(8)
    definition.rules.isRequired = try fields.flag(10)
    definition.rules.isFinite = try !fields.flag(12)
    definition.rules.min = try fields.value(14, as: type.element)
    definition.rules.max = try fields.value(16, as: type.element)
    var choices: [Value] = []
    for payload in fields.all(18) { choices.append(try fields.value(18, payload, as: type.element)) }
    definition.rules.oneOf = choices.isEmpty ? nil : Choices(choices)
    if let payload = fields.optional(20) {
      guard let length = Int(exactly: try fields.number(20, payload)), length > 0 else {
        throw fields.bad(20)
      }
      definition.rules.maxLength = length
    }
    if let payload = fields.optional(22) {
      guard let pattern = try? Pattern(try fields.text(22, payload)) else { throw fields.bad(22) }
      definition.rules.pattern = pattern
    }
    definition.description = try fields.words(25)
    definition.tags = try fields.texts(27)
    self.init(definition: definition, isRemoved: try fields.flag(6))
  }
}

extension ServiceWords {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .service)
    try fields.finish([3, 5, 7], repeated: [7])
    self.init(owner: try fields.words(3), description: try fields.words(5), tags: try fields.texts(7))
  }
}

extension PinnedMember {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .member)
    try fields.finish([2, 4, 6, 8], repeated: [4, 8])
    var features: [FeatureIndex] = []
    for payload in fields.all(4) { features.append(try fields.small(4, payload)) }
    var keys: [KeyRename] = []
    for payload in fields.all(8) {
      let rename = try RegistryFields(payload, of: .key)
      try rename.finish([2, 4])
      keys.append(KeyRename(key: try rename.text(2), requested: try rename.text(4)))
    }
    let role = try fields.optional(6).map { payload throws(RegistryError) in try fields.text(6, payload) }
    self.init(version: try fields.id(2), features: features, role: role, keys: keys)
  }
}

extension ServiceDefault {
  init(decoding bytes: [UInt8]) throws(RegistryError) {
    let fields = try RegistryFields(bytes, of: .value)
    try fields.finish([2, 4])
    self.init(output: try fields.text(2), value: try Literal(decoding: try fields.one(4)))
  }
}
