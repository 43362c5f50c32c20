// Who was erased, as hashes that cannot be read back without trying values, and from where on they are somebody new.
//
// An event of an erased key with an LSN at or below the floor is not there, for whoever asks and at whatever LSN. A key with
// several parts is erased by any of them.

package import ApusBytes
package import ApusContracts
package import ApusSystem

/// What an erasure left of a key.
package struct Erase: Equatable, Sendable {
  /// Events up to this LSN are not there.
  package let floor: LSN
  /// Later events with an event time up to here are refused. When it was logged, or the greatest event time before, if
  /// that is later: so every event that is admitted beats every one that is hidden.
  package let time: WallTime

  package init(floor: LSN, time: WallTime) {
    self.floor = floor
    self.time = time
  }

  /// What both say of one key. Of two, the later one's clock may have been set back.
  func joined(with other: Erase) -> Erase {
    Erase(floor: max(floor, other.floor), time: max(time, other.time))
  }
}

/// Keys of which nothing answers any more, and whose bytes are still in the store's files.
package struct PendingErasures: Equatable, Sendable {
  /// Keys, by their hashes.
  package let count: Int
  /// The last of the erasures.
  package let last: LSN
  /// When the first of them was said, or later where event times were ahead of the clock.
  package let oldest: WallTime

  package init(count: Int, last: LSN, oldest: WallTime) {
    self.count = count
    self.last = last
    self.oldest = oldest
  }

  /// Whether they are to be carried out now: at half of the time that they are given. Of a moment that lies ahead nobody knows how old
  /// the erasure is; a quarter of the time is granted for that.
  package func isDue(at now: WallTime, within period: Int64) -> Bool {
    let (age, overflow) = now.nanoseconds.subtractingReportingOverflow(oldest.nanoseconds)
    return overflow || age >= period / 2 || age < -(period / 4)
  }

  /// By when their bytes are to be gone.
  package func deadline(within period: Int64) -> WallTime {
    let (sum, overflow) = oldest.nanoseconds.addingReportingOverflow(period)
    return WallTime(nanoseconds: overflow ? .max : sum)
  }
}

/// The hash of one (project, key name, type, value), under a store's salt.
package struct ErasureHash: Hashable, Comparable, Sendable {
  package let first: UInt64
  package let second: UInt64

  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  package static func < (a: ErasureHash, b: ErasureHash) -> Bool { (a.first, a.second) < (b.first, b.second) }
}

package struct Erasures: Equatable, Sendable {
  package static let saltByteCount = 32

  /// Empty before the first erasure; then the same for good.
  package private(set) var salt: [UInt8] = []
  /// By the first half of a hash: nearly always one.
  private var floors: [UInt64: [(second: UInt64, erase: Erase)]] = [:]

  package init() {}

  package var isEmpty: Bool { floors.isEmpty }
  package var count: Int { floors.values.reduce(0) { $0 + $1.count } }

  /// Takes in an erasure; two of one key are one. False, and nothing happened, when the salt is another.
  package mutating func add(_ hash: ErasureHash, salt: [UInt8], _ erase: Erase) -> Bool {
    guard salt.count == Erasures.saltByteCount, self.salt.isEmpty || self.salt == salt else { return false }
    self.salt = salt
    var those = floors[hash.first] ?? []
    if let at = those.firstIndex(where: { $0.second == hash.second }) {
      those[at].erase = those[at].erase.joined(with: erase)
    } else {
      those.append((hash.second, erase))
    }
    floors[hash.first] = those
    return true
  }

  package func erase(of hash: ErasureHash) -> Erase? {
    floors[hash.first]?.first { $0.second == hash.second }?.erase
  }

  /// All of them, in the order of their hashes.
  package var listed: [(hash: ErasureHash, erase: Erase)] {
    floors.keys.sorted().flatMap { first in
      (floors[first] ?? []).sorted { $0.second < $1.second }.map {
        (ErasureHash(first: first, second: $0.second), $0.erase)
      }
    }
  }

  /// What of the erasures behind `through` is to be carried out; nil when nothing is.
  package func pending(after through: LSN) -> PendingErasures? {
    var pending: PendingErasures?
    for those in floors.values {
      for (_, erase) in those where erase.floor > through {
        guard let before = pending else {
          pending = PendingErasures(count: 1, last: erase.floor, oldest: erase.time)
          continue
        }
        pending = PendingErasures(
          count: before.count + 1, last: max(before.last, erase.floor), oldest: min(before.oldest, erase.time)
        )
      }
    }
    return pending
  }

  package static func == (a: Erasures, b: Erasures) -> Bool {
    a.salt == b.salt && a.listed.elementsEqual(b.listed) { $0 == $1 }
  }
}

extension Erasures {
  /// The erasures of an encoded key, by whichever parts, as one; nil when there is none.
  package func erase(of key: RawSpan, in view: CatalogView) -> Erase? {
    if isEmpty { return nil }
    var scratch = ByteWriter(capacity: 64)
    return erase(of: key, in: view, ErasureHasher(salt: salt), &scratch)
  }

  /// The same with a hasher of this salt and a writer that the caller keeps: it allocates nothing once the writer has grown.
  package func erase(
    of key: RawSpan, in view: CatalogView, _ hasher: ErasureHasher, _ scratch: inout ByteWriter
  ) -> Erase? {
    var newest: Erase?
    KeyParts.forEach(of: key, view.keySchema) { part, bytes in
      let hash = hasher.hash(project: view.project, view.keys[part], bytes, &scratch)
      if let found = erase(of: hash) { newest = newest?.joined(with: found) ?? found }
    }
    return newest
  }
}

/// Hashes parts of keys as StoreFormat.md says.
package struct ErasureHasher: Sendable {
  private let first: OverlayHash
  private let second: OverlayHash

  package init(salt: [UInt8]) {
    precondition(salt.count == Erasures.saltByteCount, "a salt has 32 bytes")
    func word(_ at: Int) -> UInt64 {
      salt[at..<(at + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    first = OverlayHash(seed: (word(0), word(8)))
    second = OverlayHash(seed: (word(16), word(24)))
  }

  package func hash(project: ProjectID, _ key: KeyDefinition, _ part: RawSpan) -> ErasureHash {
    var scratch = ByteWriter(capacity: 64)
    return hash(project: project, key, part, &scratch)
  }

  package func hash(
    project: ProjectID, _ key: KeyDefinition, _ part: RawSpan, _ scratch: inout ByteWriter
  ) -> ErasureHash {
    scratch.removeAll()
    scratch.write(project.rawValue)
    scratch.write(utf8: key.name)
    scratch.write(0 as UInt8)
    scratch.write(key.type.rawValue)
    scratch.write(part)
    return ErasureHash(first: first.hash(scratch.bytes), second: second.hash(scratch.bytes))
  }
}
