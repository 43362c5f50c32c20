// Which entities are asked: of each role those whose keys have the least hashes under a seed, whatever page they lie on, and among them some that the
// store never heard of. One seed and one state of the store give one sample.

import ApusBytes
package import ApusContracts
package import ApusStore

package struct SkewSample: Sendable {
  package let entities: [[String: Value]]
  /// How many of them were made up: nobody said anything of them, as far as chance can tell.
  package let unknown: Int

  /// Of `count` entities an eighth is made up.
  package init(_ count: Int, of vector: PreparedVector, from store: Store, seed: UInt64) throws(StoreError) {
    let made = max(1, count / 8)
    var known: [[[Value]]] = []
    for role in vector.roles.indices {
      known.append(try Self.keys(max(0, count - made), role, vector, store, seed))
    }
    let rows = known.map(\.count).max() ?? 0
    var entities: [[String: Value]] = []
    var dice = Dice(seed: seed)
    for row in 0..<(rows + made) {
      // One role is unknown at a time, since a row that is nobody in each says the least.
      let stranger = row < rows ? -1 : (row - rows) % max(1, vector.roles.count)
      var entity: [String: Value] = [:]
      for (place, role) in vector.roles.enumerated() {
        let found = known[place].isEmpty || place == stranger ? nil : known[place][row % known[place].count]
        for (part, key) in role.keys.enumerated() where entity[key.requested] == nil {
          entity[key.requested] = found?[part] ?? dice.value(key.key.type)
        }
      }
      entities.append(entity)
    }
    self.entities = entities
    unknown = made
  }

  /// The keys of a role, in the order of their hashes.
  private static func keys(
    _ count: Int, _ role: Int, _ vector: PreparedVector, _ store: Store, _ seed: UInt64
  ) throws(StoreError) -> [[Value]] {
    if count == 0 { return [] }
    var least = Least(count)
    let schema = vector.roles[role].keySchema
    for group in vector.roles[role].groups {
      let catalog = store.catalog
      guard let view = catalog[vector.groups[group].view],
        let project = catalog.registry[view.project]?.name
      else { continue }
      let whole = try catalog.vector(of: view, in: project)
      var reader = try store.reader()
      var start = ScanStart.beginning
      while true {
        let page = try reader.scan(whole, start, rowsMax: rowsPerPage) { key, _ in
          var hash = SipHash(seed, UInt64(truncatingIfNeeded: role))
          hash.take(counted: key)
          least.add(hash.finish(), key)
        }
        guard let next = page.next else { break }
        start = .after(next)
      }
    }
    return least.keys.compactMap { try? schema.decode(unsafe $0.span.bytes) }
  }

  private static let rowsPerPage = 10_000

  /// The keys with the least hashes of all that were added, each once.
  private struct Least {
    private let count: Int
    private var found: [(hash: UInt64, key: [UInt8])] = []
    private var bound = UInt64.max

    init(_ count: Int) { self.count = count }

    mutating func add(_ hash: UInt64, _ key: RawSpan) {
      guard hash <= bound else { return }
      found.append((hash, key.copied()))
      if found.count >= 2 * count + 64 { cut() }
    }

    private mutating func cut() {
      found.sort { $0.hash != $1.hash ? $0.hash < $1.hash : $0.key.lexicographicallyPrecedes($1.key) }
      var kept: [(hash: UInt64, key: [UInt8])] = []
      for each in found where kept.count < count && kept.last?.key != each.key { kept.append(each) }
      found = kept
      if found.count == count, let last = found.last { bound = last.hash }
    }

    var keys: [[UInt8]] {
      var all = self
      all.cut()
      return all.found.map(\.key)
    }
  }

  /// Keys that are nobody's.
  private struct Dice {
    private let seed: UInt64
    private var thrown: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    private mutating func next() -> UInt64 {
      thrown += 1
      var hash = SipHash(seed, .max)
      hash.take(thrown)
      return hash.finish()
    }

    mutating func value(_ type: KeyType) -> Value {
      let word = next()
      return switch type {
      case .bool: .bool(word & 1 == 1)
      case .int32: .int32(Int32(truncatingIfNeeded: word))
      case .int64: .int64(Int64(bitPattern: word))
      case .string: .string("nobody-\(String(word, radix: 16))")
      case .bytes: .bytes((0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) })
      case .timestamp: .timestamp(nanoseconds: Int64(bitPattern: word))
      }
    }
  }
}
