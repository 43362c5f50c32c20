// How tests look at admission: catalogs made of a few words, and batches as arrays of what their records say.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

/// A registry of views over one entity, all in version 1.
struct Admitting {
  var registry = Registry()
  var erasures = Erasures()
  var number: UInt64 = 1

  struct Wrong: Error { let what: String }

  /// Views in the order of the array: the first has the id 1.
  init(
    _ views: [(name: String, features: [FeatureDefinition])], keys: [KeyDefinition] = [Self.userID],
    settings: ViewSettings = ViewSettings()
  ) throws {
    let plan = try registry.plan(
      ProjectDefinition(
        name: "p", entities: [EntityDefinition(name: "user", keys: keys)],
        views: views.map {
          ViewDefinition(name: $0.name, entity: "user", settings: settings, features: $0.features)
        },
        services: []))
    for change in try registry.changes(applying: plan, accepting: [.producers, .readers]) {
      try registry.apply(change)
    }
  }

  static let userID = KeyDefinition(name: "user_id", type: .int64)

  static func feature(
    _ name: String, _ type: FeatureType, _ change: (inout FeatureRules) -> Void = { _ in }
  ) -> FeatureDefinition {
    var definition = FeatureDefinition(name: name, type: type)
    change(&definition.rules)
    return definition
  }

  var catalog: Catalog { Catalog(number: number, registry: registry, erasures: erasures) }

  /// The version's contract becomes another, and the catalog a newer one.
  mutating func revise(_ id: UInt32 = 1, _ change: (inout [RegisteredFeature]) -> Void) throws {
    let version = try #require(registry[ViewVersionID(id)])
    var features = version.features
    change(&features)
    try registry.apply(.revised(version.id, revision: version.revision + 1, version.settings, features))
    number += 1
  }

  /// Erases a value of the entity's first key from now on.
  mutating func erase(_ value: Value, at nanoseconds: Int64) throws {
    let salt = (0..<32).map { UInt8($0) }
    let key = try #require(registry.entities.first?.keys.first)
    var encoder = KeyEncoder()
    try KeySchema([key.type]).encode([value], into: &encoder)
    let hash = ErasureHasher(salt: salt).hash(project: ProjectID(1), key, encoder.bytes)
    let erase = Erase(floor: LSN(UInt64(erasures.count + 1)), time: WallTime(nanoseconds: nanoseconds))
    guard erasures.add(hash, salt: salt, erase) else { throw Wrong(what: "another salt") }
    number += 1
  }

  func batch(
    at now: Int64 = 1000, _ choice: KnownAtChoice = .live, _ policy: RefusalPolicy = .setAside
  ) throws -> Batch {
    let catalog = catalog
    var batch = Batch(catalog, now: WallTime(nanoseconds: now), choice: choice, policy: policy)
    try batch.turn(to: try #require(catalog[ViewVersionID(1)]))
    return batch
  }

  /// What becomes of rows under these definitions.
  func admit(
    at now: Int64 = 1000, _ rows: [RowInput], deletes: [RowInput] = [], choice: KnownAtChoice = .live,
    policy: RefusalPolicy = .setAside
  ) throws -> AdmittedBatch {
    var batch = try batch(at: now, choice, policy)
    for row in rows { batch.upsert(row: row) }
    for row in deletes { batch.delete(row: row) }
    return try batch.admitted()
  }
}

/// What a record of a batch says.
enum Admitted: Equatable {
  case event(EventOperation, view: UInt32, EventTimes, key: [Value], [FeatureInput])
  case letter(DeadLetter)

  var rule: String? { if case .letter(let letter) = self { letter.rule } else { nil } }

  var times: EventTimes? { if case .event(_, _, let times, _, _) = self { times } else { nil } }
}

extension AdmittedBatch {
  /// Read as a log's reader does it, every check included.
  func read(_ catalog: Catalog) throws -> [Admitted] {
    var all: [Admitted] = []
    var walker = RecordWalker(bytes, base: LSN(1))
    while let record = try walker.next() {
      switch record.kind {
      case .event:
        let event = try EventView(record.body, appendNanoseconds: admittedAt.nanoseconds)
        let view = try #require(catalog[event.viewVersion])
        var inputs: [FeatureInput] = []
        if event.operation == .upsert {
          let cells = try RowCells(event.cellBytes, layout: view.layout)
          try cells.checkContent(view.layout)
          for slot in view.layout.slots { inputs.append(try cells.input(slot)) }
        }
        all.append(
          .event(
            event.operation, view: event.viewVersion.rawValue, event.recordedTimes,
            key: try view.keySchema.decode(event.key), inputs))
      case .deadLetter: all.append(.letter(try DeadLetter(record.body)))
      default: throw Admitting.Wrong(what: "a record of kind \(record.rawKind)")
      }
    }
    guard all.count == recordCount, counts.accepted + counts.setAside == recordCount else {
      throw Admitting.Wrong(what: "\(all.count) records, and \(recordCount) are told")
    }
    return all
  }
}

extension RowInput {
  /// A row of user 7 with an event time.
  init(_ event: Int64?, user: Int64 = 7, _ features: [(String, FeatureInput)]) {
    self.init(
      key: [.int64(user)], times: GivenTimes(eventTime: event.map { EventTime(nanoseconds: $0) }),
      features: features.map { DeadLetter.Feature($0, $1) })
  }
}

func givenTimes(_ event: Int64?, created: Int64? = nil, known: Int64? = nil) -> GivenTimes {
  GivenTimes(
    eventTime: event.map { EventTime(nanoseconds: $0) },
    createdAt: created.map { CreatedAt(nanoseconds: $0) },
    knownAt: known.map { KnownAt(nanoseconds: $0) })
}

func eventTimes(_ event: Int64, created: Int64? = nil, known: Int64? = nil, assumed: Bool = false)
  -> EventTimes
{
  EventTimes(
    eventTime: EventTime(nanoseconds: event), createdAt: created.map { CreatedAt(nanoseconds: $0) },
    knownAt: known.map { KnownAt(nanoseconds: $0) }, isKnownAtAssumed: assumed)
}

/// Values that may stand anywhere, also where no contract would have them.
enum RandomRows {
  static func type(_ random: inout SplitMix64) -> FeatureType {
    let element = random.pick(ElementType.allCases)
    switch random.below(6) {
    case 0: return .list(of: element)
    case 1:
      return .vector(of: random.pick([.int32, .int64, .float32, .float64]), count: random.within(1...5))
        ?? .bool
    default: return .scalar(element)
    }
  }

  static func value(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
    switch type.shape {
    case .scalar:
      switch type.element {
      case .bool: .bool(random.coin())
      case .int32: .int32(Int32(truncatingIfNeeded: random.next()))
      case .int64: .int64(Int64(bitPattern: random.next()))
      case .float32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
      case .float64: .float64(Double(bitPattern: random.next()))
      case .string: .string(text(&random))
      case .bytes: .bytes(random.bytes(random.below(20)))
      case .timestamp: .timestamp(nanoseconds: Int64(bitPattern: random.next()))
      }
    case .list: .list(elements(type.element, random.below(4), &random))
    case .vector: .vector(elements(type.element, type.count, &random))
    }
  }

  /// A value of any type, or a vector of none.
  static func value(_ random: inout SplitMix64) -> Value {
    if random.chance(0.15) {
      return .vector(
        elements(random.pick([.bool, .string, .bytes, .timestamp, .int64]), random.below(3), &random))
    }
    return value(type(&random), &random)
  }

  static func elements(_ type: ElementType, _ count: Int, _ random: inout SplitMix64) -> Value.Elements {
    let range = 0..<count
    return switch type {
    case .bool: .bool(range.map { _ in random.coin() })
    case .int32: .int32(range.map { _ in Int32(truncatingIfNeeded: random.next()) })
    case .int64: .int64(range.map { _ in Int64(bitPattern: random.next()) })
    case .float32: .float32(range.map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) })
    case .float64: .float64(range.map { _ in Double(bitPattern: random.next()) })
    case .string: .string(range.map { _ in text(&random) })
    case .bytes: .bytes(range.map { _ in random.bytes(random.below(20)) })
    case .timestamp: .timestamp(nanoseconds: range.map { _ in Int64(bitPattern: random.next()) })
    }
  }

  static func text(_ random: inout SplitMix64) -> String {
    String(
      (0..<random.below(12)).map { _ in random.pick(["a", "é", "e\u{301}", "\0", "\u{1}", "漢", "🦉", " "]) })
  }

  static func input(_ type: FeatureType, _ random: inout SplitMix64) -> FeatureInput {
    switch random.below(10) {
    case 0, 1: .absent
    case 2: .null
    default: .value(value(type, &random))
    }
  }
}
