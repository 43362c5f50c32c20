// Which feature of a view version tells which of another, and how: decided before the first row, from the definitions alone. Only what widens
// without loss is converted; a value that another type could change is refused by its name.

package import ApusBytes
package import ApusContracts

/// Why one view version cannot be filled from another.
package enum BackfillRefusal: Error, Equatable, Sendable {
  case sameVersion(String)
  case otherProject
  /// The keys of both, as they are spelled.
  case otherKeys(source: String, target: String)
  case unknownFeature(String, view: String)
  /// Two features are to tell one.
  case mappedTwice(String, view: String)
  /// It is to be left out, and to tell another one.
  case mappedAndLeftOut(String, view: String)
  /// `old`, its type, `new`, its type.
  case types([Types])
  /// Required ones that nothing tells.
  case untold([String], view: String)
  case nothingInCommon
  /// It was begun with another map.
  case otherMap
  /// The producer of this name has read something else.
  case foreignOffset(producer: String)
  /// An event that is ahead of the clock.
  case ahead(LSN, now: Int64)
  /// This pin keeps a moment of the target that the source has no more.
  case pinned(String)

  package struct Types: Equatable, Sendable {
    package var old: String
    package var oldType: FeatureType
    package var new: String
    package var newType: FeatureType

    package init(old: String, oldType: FeatureType, new: String, newType: FeatureType) {
      self.old = old
      self.oldType = oldType
      self.new = new
      self.newType = newType
    }
  }
}

/// `old=new`.
package struct FeatureRename: Hashable, Sendable {
  package var old: String
  package var new: String

  package init(old: String, new: String) {
    self.old = old
    self.new = new
  }
}

package struct BackfillMap: Sendable {
  package struct Way: Sendable {
    package let old: String
    package let new: String
    let slot: FeatureSlot
    let widening: Widening?
  }

  /// In the order of the target's contract.
  package let ways: [Way]
  /// Features of the source that nothing of the target takes.
  package let left: [String]
  /// Features of the target that nothing tells: they stay absent.
  package let untold: [String]

  package init(
    from source: CatalogView, to target: CatalogView, _ renames: [FeatureRename],
    leavingOut except: [String] = []
  ) throws(BackfillRefusal) {
    guard source.id != target.id else { throw .sameVersion(source.spelling) }
    guard source.project == target.project else { throw .otherProject }
    guard source.keys == target.keys else {
      throw .otherKeys(source: Self.spelled(source.keys), target: Self.spelled(target.keys))
    }
    let told = try Self.told(source, target, renames, except)
    var ways: [Way] = []
    var untold: [String] = []
    var types: [BackfillRefusal.Types] = []
    for feature in target.contract.features {
      guard let old = told[feature.name] else {
        untold.append(feature.name)
        continue
      }
      guard let widening = Widening.from(old.type, to: feature.type) else {
        types.append(
          BackfillRefusal.Types(
            old: old.name, oldType: old.type, new: feature.name, newType: feature.type))
        continue
      }
      ways.append(
        Way(
          old: old.name, new: feature.name, slot: source.layout.slots[Int(old.index)],
          widening: widening == .same ? nil : widening))
    }
    guard types.isEmpty else { throw .types(types) }
    let missing = target.contract.features.filter { $0.rules.isRequired && untold.contains($0.name) }
    guard missing.isEmpty else { throw .untold(missing.map(\.name), view: target.spelling) }
    guard !ways.isEmpty else { throw .nothingInCommon }
    self.ways = ways
    self.untold = untold
    let taken = Set(ways.map(\.old))
    left = source.contract.features.map(\.name).filter { !taken.contains($0) }
  }

  /// By the name of the target's feature. One that is renamed goes where that says, and not also where its own name would.
  private static func told(
    _ source: CatalogView, _ target: CatalogView, _ renames: [FeatureRename], _ except: [String]
  ) throws(BackfillRefusal) -> [String: Contract.Feature] {
    for name in except {
      guard source.contract.features.contains(where: { $0.name == name }) else {
        throw .unknownFeature(name, view: source.spelling)
      }
      guard !renames.contains(where: { $0.old == name }) else {
        throw .mappedAndLeftOut(name, view: source.spelling)
      }
    }
    var told: [String: Contract.Feature] = [:]
    let moved = Set(renames.map(\.old) + except)
    let names = Set(target.contract.features.map(\.name))
    for rename in renames {
      guard let old = source.contract.features.first(where: { $0.name == rename.old }) else {
        throw .unknownFeature(rename.old, view: source.spelling)
      }
      guard names.contains(rename.new) else { throw .unknownFeature(rename.new, view: target.spelling) }
      guard told.updateValue(old, forKey: rename.new) == nil else {
        throw .mappedTwice(rename.new, view: target.spelling)
      }
    }
    for old in source.contract.features
    where !moved.contains(old.name) && names.contains(old.name) && told[old.name] == nil {
      told[old.name] = old
    }
    return told
  }

  private static func spelled(_ keys: [KeyDefinition]) -> String {
    "{\(keys.map { "\($0.name): \($0.type)" }.joined(separator: ", "))}"
  }

  /// What an event says, in the order of the ways; nil when it says nothing that is taken.
  func inputs(_ cells: borrowing RowCells) throws(RowError) -> [FeatureInput]? {
    var inputs: [FeatureInput] = []
    inputs.reserveCapacity(ways.count)
    var isSaid = false
    for way in ways {
      let input = try cells.input(way.slot)
      if input != .absent { isSaid = true }
      if let widening = way.widening, case .value(let value) = input {
        inputs.append(.value(widening.widened(value)))
      } else {
        inputs.append(input)
      }
    }
    return isSaid ? inputs : nil
  }
}

/// What every value of one type is in a wider one.
enum Widening: Equatable, Sendable {
  case same
  case int32ToInt64
  case int32ToFloat64
  case float32ToFloat64

  /// Nil where a value could become another.
  static func from(_ old: FeatureType, to new: FeatureType) -> Widening? {
    if old == new { return .same }
    guard old.shape == new.shape, old.count == new.count else { return nil }
    switch (old.element, new.element) {
    case (.int32, .int64): return .int32ToInt64
    case (.int32, .float64): return .int32ToFloat64
    case (.float32, .float64): return .float32ToFloat64
    default: return nil
    }
  }

  func widened(_ value: Value) -> Value {
    switch (self, value) {
    case (.int32ToInt64, .int32(let number)): .int64(Int64(number))
    case (.int32ToFloat64, .int32(let number)): .float64(Double(number))
    case (.float32ToFloat64, .float32(let number)): .float64(Double(number))
    case (_, .list(let elements)): .list(widened(elements))
    case (_, .vector(let elements)): .vector(widened(elements))
    default: value
    }
  }

  private func widened(_ elements: Value.Elements) -> Value.Elements {
    switch (self, elements) {
    case (.int32ToInt64, .int32(let all)): .int64(all.map { Int64($0) })
    case (.int32ToFloat64, .int32(let all)): .float64(all.map { Double($0) })
    case (.float32ToFloat64, .float32(let all)): .float64(all.map { Double($0) })
    default: elements
    }
  }
}
