// The columns of a run, from what is known of its view version. Names of the store begin with `_`, those of features and keys have no `__`; so
// a name with `__` is free for what the store says of a feature.

import ApusBytes
package import ApusColumnar
package import ApusContracts

package struct RunSchema: Sendable {
  package struct Key: Hashable, Sendable {
    package var name: String
    package var type: KeyType
    package init(_ name: String, _ type: KeyType) {
      self.name = name
      self.type = type
    }
  }

  package struct Feature: Hashable, Sendable {
    package var name: String
    package var type: FeatureType
    package init(_ name: String, _ type: FeatureType) {
      self.name = name
      self.type = type
    }
  }

  package let viewVersion: ViewVersionID
  /// `project/view@n`.
  package let view: String
  package let keys: [Key]
  /// By index, removed ones included.
  package let features: [Feature]
  package let layout: RowLayout
  package let fields: [ColumnField]

  /// Nil when there are more features than a layout can have.
  package init?(viewVersion: ViewVersionID, view: String, keys: [Key], features: [Feature]) {
    guard let layout = RowLayout(features.map(\.type)) else { return nil }
    self.layout = layout
    self.viewVersion = viewVersion
    self.view = view
    self.keys = keys
    self.features = features
    let names = Self.featureNames(features.map(\.name))
    let taken = Set(names)
    var fields = [ColumnField(Self.keyName, ColumnType(.bytes), isNullable: false)]
    for key in keys {
      let name = taken.contains(key.name) ? "\(Self.keyName)_\(key.name)" : key.name
      fields.append(ColumnField(name, ColumnType(Self.element(of: key.type.element)), isNullable: false))
    }
    fields += Self.storeFields
    for (name, feature) in zip(names, features) {
      fields.append(ColumnField(name, Self.columnType(of: feature.type), isNullable: true))
      fields.append(ColumnField(name + Self.saidSuffix, ColumnType(.bool), isNullable: false))
    }
    self.fields = fields
  }

  /// A feature that was removed may have the name of a later one, which keeps it: the earlier one's is followed by its index.
  private static func featureNames(_ names: [String]) -> [String] {
    var last: [String: Int] = [:]
    for (index, name) in names.enumerated() { last[name] = index }
    return names.enumerated().map { index, name in last[name] == index ? name : "\(name)__\(index)" }
  }

  /// The names of keys and features, from those of the columns. Nil when there are not as many columns.
  static func names(
    ofKeys keys: Int, features: Int, in columns: [String]
  ) -> (keys: [String], features: [String])? {
    let before = 1 + keys + storeFields.count
    guard columns.count == before + 2 * features else { return nil }
    let keyNames = columns[1..<(1 + keys)].map { name in
      name.hasPrefix("\(keyName)_") ? String(name.dropFirst(keyName.utf8.count + 1)) : name
    }
    let featureNames = (0..<features).map { index in
      let name = columns[before + 2 * index]
      // No name has `__` of its own, so what ends in it and digits has its index there.
      let head = name.reversed().drop { $0.isNumber }
      return head.count < name.count && head.starts(with: "__") ? String(head.dropFirst(2).reversed()) : name
    }
    return (keyNames, featureNames)
  }

  // MARK: Places

  static let keyName = "_key"
  static let saidSuffix = "__said"
  private static let moment = ColumnType(.timestamp(.nanoseconds, isUTC: true))

  /// In the order of `StoreColumn`.
  private static let storeFields = [
    ColumnField("_event_time", moment, isNullable: false),
    ColumnField("_created_at", moment, isNullable: false),
    ColumnField("_known_at", moment, isNullable: false),
    ColumnField("_lsn", ColumnType(.int64), isNullable: false),
    ColumnField("_known_at_assumed", ColumnType(.bool), isNullable: false),
    ColumnField("_deleted", ColumnType(.bool), isNullable: false),
    ColumnField("_created_at_given", ColumnType(.bool), isNullable: false),
    ColumnField("_producer", ColumnType(.string), isNullable: true),
  ]

  /// The columns that every run has, behind those of the key.
  enum StoreColumn: Int {
    case eventTime = 0
    case createdAt, knownAt, lsn, isKnownAtAssumed, isDeleted, isCreatedAtGiven, producer
  }

  func place(of column: StoreColumn) -> Int { 1 + keys.count + column.rawValue }
  func place(ofFeature index: Int) -> Int { 1 + keys.count + Self.storeFields.count + 2 * index }
  func place(ofSaid index: Int) -> Int { place(ofFeature: index) + 1 }

  /// The columns that a run is sorted by, in their order.
  package var sortedBy: [Int] {
    [0, place(of: .eventTime), place(of: .createdAt), place(of: .lsn)]
  }

  // MARK: Types

  static func element(of type: ElementType) -> ColumnElement {
    switch type {
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp(.nanoseconds, isUTC: true)
    }
  }

  package static func columnType(of type: FeatureType) -> ColumnType {
    let element = element(of: type.element)
    return switch type.shape {
    case .scalar: ColumnType(element)
    case .list: ColumnType(element, .list)
    case .vector: ColumnType(element, .vector(type.count))
    }
  }
}
