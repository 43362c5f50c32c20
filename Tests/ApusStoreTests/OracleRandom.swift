// What the oracle's stories are made of: few keys, few moments and few values, so that ties, late events and overwrites
// abound, and among them those at the edges of their types.

import ApusContracts
import ApusTestSupport

extension ToldElement {
  func value(_ random: inout SplitMix64) -> Value {
    let isExtreme = random.chance(0.06)
    let small = random.within(-2...3)
    switch self {
    case .bool: return .bool(random.coin())
    case .int32: return .int32(isExtreme ? random.pick([.min, .max]) : Int32(small))
    case .int64: return .int64(isExtreme ? random.pick([.min, .max]) : Int64(small))
    case .float32:
      return .float32(
        isExtreme ? random.pick([.nan, .infinity, -0.0, .leastNonzeroMagnitude]) : Float(small) / 2)
    case .float64:
      return .float64(isExtreme ? random.pick([.nan, -.infinity, -0.0, 1e308]) : Double(small) / 2)
    case .string:
      return .string(random.pick(["", "a", "b", "ab", "cab", "é", "e\u{301}", "a\u{0}b", "żółw"]))
    case .bytes: return .bytes(random.bytes(random.pick([0, 1, 3, 9])))
    case .timestamp: return .timestamp(nanoseconds: isExtreme ? random.pick([.min, .max]) : Int64(small))
    }
  }

  func values(_ count: Int, _ random: inout SplitMix64) -> Value.Elements {
    let all = (0..<count).map { _ in value(&random) }
    switch self {
    case .bool: return .bool(all.map { if case .bool(let value) = $0 { value } else { false } })
    case .int32: return .int32(all.map { if case .int32(let value) = $0 { value } else { 0 } })
    case .int64: return .int64(all.map { if case .int64(let value) = $0 { value } else { 0 } })
    case .float32: return .float32(all.map { if case .float32(let value) = $0 { value } else { 0 } })
    case .float64: return .float64(all.map { if case .float64(let value) = $0 { value } else { 0 } })
    case .string: return .string(all.map { if case .string(let value) = $0 { value } else { "" } })
    case .bytes: return .bytes(all.map { if case .bytes(let value) = $0 { value } else { [] } })
    case .timestamp:
      return .timestamp(nanoseconds: all.map { if case .timestamp(let value) = $0 { value } else { 0 } })
    }
  }

  /// A part of a key. Two of them that look alike differ all the same.
  func keyValue(_ random: inout SplitMix64) -> Value {
    switch self {
    case .string: .string(random.pick(["1", "11", "", "a", "a\u{0}", "é", "e\u{301}"]))
    case .bytes: .bytes(random.pick([[], [0], [0, 0], [1], [255]]))
    case .int32: .int32(random.pick([1, 11, -1, .min, .max]))
    case .timestamp: .timestamp(nanoseconds: random.pick([0, 1, -1, .min, .max]))
    case .bool: .bool(random.coin())
    case .int64, .float32, .float64: .int64(random.pick([1, 11, -1, 0, .min, .max]))
    }
  }
}

extension ToldType {
  static func random(_ random: inout SplitMix64) -> ToldType {
    let element = random.pick(ToldElement.allCases)
    if random.chance(0.15) { return .list(element) }
    if element.isNumber, random.chance(0.15) { return .vector(element, random.pick([1, 3, 17])) }
    return .one(element)
  }

  func value(_ random: inout SplitMix64) -> Value {
    switch self {
    case .one(let element): element.value(&random)
    case .list(let element): .list(element.values(random.below(4), &random))
    case .vector(let element, let count): .vector(element.values(count, &random))
    }
  }
}

extension ToldRules {
  static func random(_ type: ToldType, _ random: inout SplitMix64) -> ToldRules {
    var rules = ToldRules()
    rules.isNullable = random.chance(0.9)
    rules.isRequired = random.chance(0.04)
    let element = type.element
    if element.isFloat { rules.isFinite = random.chance(0.6) }
    guard random.chance(0.2) else { return rules }
    switch element {
    case .int32, .int64, .float32, .float64, .timestamp:
      func bound(_ number: Int) -> Value? {
        switch element {
        case .int32: .int32(Int32(number))
        case .int64: .int64(Int64(number))
        case .float32: .float32(Float(number))
        case .float64: .float64(Double(number))
        case .timestamp: .timestamp(nanoseconds: Int64(number))
        default: nil
        }
      }
      if random.coin() { rules.least = bound(random.within(-2...0)) }
      if random.coin() { rules.most = bound(random.within(1...3)) }
      if !element.isFloat, element != .timestamp, random.chance(0.2) {
        rules.oneOf = [-1, 0, 1, 2].compactMap { bound($0) }
      }
    case .string:
      if random.coin() {
        rules.isPatterned = true
      } else {
        rules.oneOf = ["a", "ab", "é"].map { .string($0) }
      }
    case .bool: rules.oneOf = [.bool(true)]
    case .bytes: break
    }
    switch type {
    case .one(.string), .one(.bytes), .list: if random.coin() { rules.maxLength = random.within(1...3) }
    default: break
    }
    return rules
  }
}

extension ToldSettings {
  static func random(_ random: inout SplitMix64) -> ToldSettings {
    var settings = ToldSettings()
    settings.ttl = random.pick([nil, nil, 1, 5, 1_000, 10_000_000_000, .max])
    settings.skew = random.pick([1, 10, 60_000_000_000, 60_000_000_000, 60_000_000_000])
    settings.lateness = random.pick([nil, nil, nil, nil, nil, nil, 7, 20_000_000_000])
    return settings
  }
}

extension ToldFeature {
  static func random(_ name: String, _ random: inout SplitMix64) -> ToldFeature {
    let type = ToldType.random(&random)
    return ToldFeature(name: name, type: type, rules: .random(type, &random))
  }
}

extension ToldEntity {
  static func random(_ name: String, _ parts: [ToldKey], _ random: inout SplitMix64) -> ToldEntity {
    var pool: [[Value]] = []
    for _ in 0..<random.within(2...4) {
      let key = parts.map { $0.type.keyValue(&random) }
      if !pool.contains(key) { pool.append(key) }
    }
    return ToldEntity(name: name, keys: parts, pool: pool)
  }
}

extension Wanted {
  static func random(_ random: inout SplitMix64) -> Wanted {
    var wanted = Wanted()
    let card = ToldKey(name: "card_id", type: .string)
    let account = ToldKey(name: "account_id", type: random.pick([.int64, .int32, .string]))
    wanted.entities = [.random("card", [card], &random), .random("account", [account], &random)]
    if random.coin() { wanted.entities.append(.random("link", [account, card], &random)) }
    if random.coin() {
      let parts = (0..<random.within(1...3)).map { at in
        ToldKey(name: "part_\(at)", type: random.pick(ToldElement.keys))
      }
      wanted.entities.append(.random("device", parts, &random))
    }
    for at in 0..<random.within(2...5) {
      let features = (0..<random.within(1...5)).map { ToldFeature.random("v\(at)f\($0)", &random) }
      wanted.views.append(
        WantedView(
          name: "view\(at)", entity: random.pick(wanted.entities).name, settings: .random(&random),
          features: features))
    }
    return wanted
  }

  /// Mends what the definitions no longer allow, then changes something.
  mutating func change(_ told: ToldDefinitions, mayReadd: Bool, _ random: inout SplitMix64) -> String {
    services.removeAll { service in
      service.members.contains { member in
        let version = told.versions[member.version]
        return version.isRetired || member.features.contains { version.features[$0].isRemoved }
      }
    }
    let at = random.below(views.count)
    switch random.below(9) {
    case 0, 1:
      let name = "v\(at)f\(random.below(8))"
      let isTaken = told.newest(views[at].name).map { told.versions[$0] }?.features.contains {
        $0.name == name
      }
      if views[at].features.contains(where: { $0.name == name }) || !mayReadd && isTaken == true {
        return "nothing new"
      }
      views[at].features.append(.random(name, &random))
      return "\(views[at].name) gets \(name)"
    case 2:
      let feature = random.below(views[at].features.count)
      views[at].features[feature] = .random(views[at].features[feature].name, &random)
      return "\(views[at].features[feature].name) is \(views[at].features[feature].type)"
    case 3:
      let feature = random.below(views[at].features.count)
      views[at].features[feature].rules = .random(views[at].features[feature].type, &random)
      return "\(views[at].features[feature].name) has other rules"
    case 4:
      views[at].settings = .random(&random)
      return "\(views[at].name) has \(views[at].settings)"
    case 5:
      let isTaken = services.contains { service in
        service.members.contains { told.versions[$0.version].view == views[at].name }
      }
      guard views[at].features.count > 1, !isTaken else { return "nothing removed" }
      let gone = views[at].features.remove(at: random.below(views[at].features.count))
      return "\(gone.name) is removed"
    case 6:
      let entity = random.below(entities.count)
      let parts = entities[entity].keys.map { key in
        ToldKey(name: key.name, type: random.coin() ? key.type : random.pick(ToldElement.keys))
      }
      if parts != entities[entity].keys { entities[entity] = .random(entities[entity].name, parts, &random) }
      return "\(entities[entity].name) has \(parts)"
    case 7:
      views[at].entity = random.pick(entities).name
      return "\(views[at].name) is of \(views[at].entity)"
    default: return service(told, &random)
    }
  }

  /// A service over versions that there are.
  private mutating func service(_ told: ToldDefinitions, _ random: inout SplitMix64) -> String {
    let name = random.pick(["score", "rank"])
    let live = told.versions.indices.filter { !told.versions[$0].isRetired }
    guard !live.isEmpty else { return "no service" }
    var members: [ToldMember] = []
    var defaults: [String: Value] = [:]
    for at in 0..<random.within(1...3) {
      let version = random.pick(live)
      let known = told.versions[version]
      let taken = known.inUse.filter { _ in random.chance(0.7) }
      let features = taken.isEmpty ? Array(known.inUse.prefix(1)) : taken
      let role = at == 0 ? nil : "r\(at)"
      members.append(
        ToldMember(
          version: version, features: features, role: role,
          requested: told.entities[known.entity].keys.map { key in
            role.map { "\($0)_\(key.name)" } ?? key.name
          }))
      for feature in features where random.chance(0.4) {
        let definition = known.features[feature]
        let output = role.map { "\($0)__\(definition.name)" } ?? definition.name
        switch definition.type {
        case .one(.int32): defaults[output] = .int32(7)
        case .one(.int64): defaults[output] = .int64(7)
        case .one(.bool): defaults[output] = .bool(true)
        case .one(.string): defaults[output] = .string("none")
        default: break
        }
      }
    }
    services.removeAll { $0.name == name }
    services.append(WantedService(name: name, members: members, defaults: defaults))
    return "\(name) reads \(members.map { told.versions[$0.version].spelling })"
  }
}
