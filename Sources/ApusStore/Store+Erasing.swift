// Erasing is for people's rights: from the acknowledgement on nothing answers with what was said of the key before. What
// is written holds hashes only. That the bytes go, too, is compaction's work.

import ApusBytes
import ApusLog
package import ApusContracts

/// A key's part by name: every entity of the project that has a key of that name and type is meant.
package struct ErasedKey: Equatable, Sendable {
  package var name: String
  package var value: Value

  package init(name: String, value: Value) {
    self.name = name
    self.value = value
  }
}

extension Store {
  /// Erases everything that was ever said of these keys in a project, composite keys that contain one of them included.
  package func erase(_ keys: [ErasedKey], in project: String) throws(StoreError) -> FrameMoment {
    let salt = salt
    return try writing().perform { (core) throws(StoreError) in try core.erase(keys, in: project, salt) }
  }

  /// The same without waiting: `completion` is called exactly once, on the appender's thread, unless this throws.
  package func erase(
    _ keys: [ErasedKey], in project: String,
    completion: @escaping @Sendable (Result<FrameMoment, StoreError>) -> Void
  ) throws(StoreError) {
    let salt = salt
    try writing().perform(
      { (core) throws(StoreError) in try core.erase(keys, in: project, salt) }, completion: completion)
  }

  /// The key that is meant, which some entity of the project has.
  fileprivate static func definition(
    of key: ErasedKey, in project: RegisteredProject, _ registry: Registry
  ) throws(StoreError) -> KeyDefinition {
    let named = registry.entities.filter { $0.project == project.id }.flatMap(\.keys).filter {
      $0.name == key.name
    }
    guard let first = named.first else { throw .unknownKeyName(key.name, project: project.name) }
    guard let same = named.first(where: { $0.type.element == key.value.scalarType }) else {
      throw .badKey(
        row: 0, role: key.name, .partType(part: 0, expected: first.type, found: key.value.scalarType))
    }
    return same
  }

  fileprivate static func encoded(_ key: ErasedKey) throws(StoreError) -> [UInt8] {
    guard let type = KeyType.allCases.first(where: { $0.element == key.value.scalarType }) else {
      throw .badKey(row: 0, role: key.name, .partType(part: 0, expected: .string, found: nil))
    }
    var encoder = KeyEncoder()
    do throws(KeyError) { try KeySchema([type]).encode([key.value], into: &encoder) } catch {
      throw .badKey(row: 0, role: key.name, error)
    }
    return encoder.bytes.copied()
  }
}

extension AppenderCore {
  /// `salt` is for a store that nobody was erased from yet.
  fileprivate func erase(
    _ keys: [ErasedKey], in project: String, _ salt: [UInt8]
  ) throws(StoreError) -> FrameMoment {
    let registry = applier.catalog.registry
    guard let found = registry.project(project) else { throw .unknownProject(project) }
    let known = applier.state.erasures.salt
    let used = known.isEmpty ? salt : known
    let hasher = ErasureHasher(salt: used)
    var hashes: [ErasureHash] = []
    for key in keys {
      let definition = try Store.definition(of: key, in: found, registry)
      let encoded = try Store.encoded(key)
      // Any byte is a raw byte.
      hashes.append(hasher.hash(project: found.id, definition, unsafe encoded.span.bytes))
    }
    guard !hashes.isEmpty else { throw .emptyBatch }
    let now = try moment()
    try checkErasures(adding: hashes.count)
    let frame = try write(recordCount: 1, at: now) {
      $0.writeErase(project: found.id, salt: used, hashes)
    }
    let time = applier.state.momentOfErasure(loggedAt: frame.time)
    unkept.append(KeptErasure(frame.lsns.last, time, salt: used, Set(hashes).sorted()))
    try keepErasures()
    return frame
  }
}
