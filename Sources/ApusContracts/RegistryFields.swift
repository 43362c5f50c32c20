// The bytes of a change are fields: a tag, a length, a payload. Tags ascend (a list repeats one), and what has its usual
// value is left out, so one change has one encoding. An even tag must be understood by whoever reads it; an odd one may be
// skipped. Evolution.md lists the tags.

internal import ApusBytes

struct RegistryFieldWriter: ~Copyable {
  private var writer = ByteWriter()

  var bytes: [UInt8] { writer.bytes.copied() }

  private mutating func field(_ tag: UInt64, _ payload: [UInt8]) {
    writer.writeVarint(tag)
    writer.writeVarint(UInt64(payload.count))
    writer.write(payload)
  }

  mutating func number(_ tag: UInt64, _ value: UInt64) {
    var payload = ByteWriter()
    payload.writeVarint(value)
    field(tag, payload.bytes.copied())
  }

  mutating func signed(_ tag: UInt64, _ value: Int64) {
    var payload = ByteWriter()
    payload.writeSignedVarint(value)
    field(tag, payload.bytes.copied())
  }

  mutating func float(_ tag: UInt64, _ value: Double) {
    var payload = ByteWriter()
    payload.write(float64: value)
    field(tag, payload.bytes.copied())
  }

  mutating func id(_ tag: UInt64, _ id: some RawRepresentable<UInt32>) { number(tag, UInt64(id.rawValue)) }

  /// Written when true.
  mutating func flag(_ tag: UInt64, _ value: Bool) { if value { field(tag, []) } }

  mutating func text(_ tag: UInt64, _ value: String) { field(tag, Array(value.utf8)) }

  mutating func bytes(_ tag: UInt64, _ value: [UInt8]) { field(tag, value) }

  /// Written unless empty.
  mutating func words(_ tag: UInt64, _ value: String) { if !value.isEmpty { text(tag, value) } }

  mutating func period(_ tag: UInt64, _ value: Period?) {
    if let value { number(tag, UInt64(value.nanoseconds)) }
  }

  mutating func nested(_ tag: UInt64, _ body: (inout RegistryFieldWriter) -> Void) {
    var inner = RegistryFieldWriter()
    body(&inner)
    field(tag, inner.bytes)
  }
}

extension RegistryFieldWriter {
  mutating func value(_ tag: UInt64, _ value: Literal) {
    nested(tag) { inner in
      switch value {
      case .bool(let value): inner.number(2, value ? 1 : 0)
      case .integer(let value): inner.signed(4, value)
      case .float(let value): inner.float(6, value)
      case .string(let value): inner.text(8, value)
      case .bytes(let value): inner.bytes(10, value)
      case .timestamp(let value): inner.signed(12, value)
      case .many(let values):
        inner.flag(14, true)
        for value in values { inner.value(16, value) }
      }
    }
  }

  mutating func type(_ tag: UInt64, _ type: FeatureType) { text(tag, "\(type)") }

  mutating func key(_ tag: UInt64, _ key: KeyDefinition) {
    nested(tag) { inner in
      inner.text(2, key.name)
      inner.text(4, "\(key.type)")
    }
  }

  mutating func settings(_ tag: UInt64, _ settings: ViewSettings) {
    nested(tag) { inner in
      inner.period(2, settings.ttl)
      switch settings.history {
      case .forever: break
      case .lasting(let period): inner.period(4, period)
      case .none: inner.number(4, 0)
      }
      inner.period(6, settings.freshness)
      inner.period(8, settings.maxLateness)
      inner.period(10, settings.maxFutureSkew)
      inner.words(13, settings.owner)
      inner.words(15, settings.description)
      for tag in settings.tags { inner.text(17, tag) }
    }
  }

  mutating func feature(_ tag: UInt64, _ feature: RegisteredFeature) {
    nested(tag) { inner in
      let definition = feature.definition
      let rules = definition.rules
      inner.text(2, definition.name)
      inner.type(4, definition.type)
      inner.flag(6, feature.isRemoved)
      inner.flag(8, !rules.isNullable)
      inner.flag(10, rules.isRequired)
      inner.flag(12, !rules.isFinite)
      if let min = rules.min { inner.value(14, min.literal) }
      if let max = rules.max { inner.value(16, max.literal) }
      for choice in rules.oneOf?.listed ?? [] { inner.value(18, choice.literal) }
      if let length = rules.maxLength { inner.number(20, UInt64(length)) }
      if let pattern = rules.pattern { inner.text(22, pattern.source) }
      inner.words(25, definition.description)
      for tag in definition.tags { inner.text(27, tag) }
    }
  }

  mutating func serviceWords(_ tag: UInt64, _ words: ServiceWords) {
    nested(tag) { inner in
      inner.words(3, words.owner)
      inner.words(5, words.description)
      for tag in words.tags { inner.text(7, tag) }
    }
  }

  mutating func rename(_ tag: UInt64, _ rename: KeyRename) {
    nested(tag) { inner in
      inner.text(2, rename.key)
      inner.text(4, rename.requested)
    }
  }

  mutating func member(_ tag: UInt64, _ member: PinnedMember) {
    nested(tag) { inner in
      inner.id(2, member.version)
      for feature in member.features { inner.number(4, UInt64(feature)) }
      if let role = member.role { inner.text(6, role) }
      for rename in member.keys { inner.rename(8, rename) }
    }
  }

  mutating func filled(_ tag: UInt64, _ filled: ServiceDefault) {
    nested(tag) { inner in
      inner.text(2, filled.output)
      inner.value(4, filled.value)
    }
  }
}
