// Reading a store as a caller in the process does, the server for one: the key is encoded, looked up, and every value is judged and looked at. Values that lie
// side by side are judged together and taken as one piece of bytes.

import ApusBytes
import ApusContracts
import ApusStore

struct BenchReading: ~Copyable {
  private let vector: PreparedVector
  private let shape: RowShape
  /// Of each group.
  private let runs: [Run?]
  private var reader: StoreReader
  private var keys: RequestKeys
  private var encoder = KeyEncoder()

  init(_ bench: BenchStore, views: Int = 1) throws {
    let vector = try bench.vector(views: views)
    let reader = try bench.store.reader()
    self.vector = vector
    self.reader = reader
    shape = bench.shape
    runs = vector.groups.map { Run($0.features) }
    keys = RequestKeys(for: vector)
  }

  /// The values of a group, all of which are there if all features before `end` are present.
  private struct Run {
    private(set) var values: SlotRun
    private(set) var end: Int

    /// Nil where they do not lie side by side.
    init?(_ features: [PreparedVector.Feature]) {
      guard let first = features.first, let run = SlotRun(first.slot) else { return nil }
      (values, end) = (run, first.slot.index + 1)
      for feature in features.dropFirst() {
        guard values.extend(by: feature.slot) else { return nil }
        end = feature.slot.index + 1
      }
    }
  }

  /// The sum over all values of an entity. A value that may not be shown adds nothing.
  @inline(__always) mutating func sum(_ number: Int) throws -> UInt64 {
    encoder.removeAll()
    try encoder.append(int64: Int64(number))
    keys.removeAll()
    try Self.add(encoder, to: &keys)
    var floats = 0.0
    var words: UInt64 = 0
    let (vector, runs) = (vector, runs)
    switch shape {
    case .features:
      _ = try reader.read(vector, keys) { _, group, row in
        if let run = runs[group], row.arePresent(below: run.end) {
          unsafe row.raw(run.values).withUnsafeBytes { floats += unsafe RowShape.summed($0) }
          return
        }
        for feature in vector.groups[group].features where row.status(feature) == .present {
          unsafe row.raw(feature).withUnsafeBytes {
            floats += unsafe $0.loadUnaligned(as: Double.self)
          }
        }
      }
      return floats.bitPattern
    case .vector:
      _ = try reader.read(vector, keys) { _, group, row in
        for feature in vector.groups[group].features where row.status(feature) == .present {
          unsafe row.raw(feature).withUnsafeBytes { words &+= unsafe RowShape.folded($0) }
        }
      }
      return words
    }
  }

  // It borrows one part while another changes.
  @inline(__always)
  private static func add(_ encoder: borrowing KeyEncoder, to keys: inout RequestKeys) throws {
    try keys.append(encoded: encoder.bytes)
  }

  /// Reads `count` entities below `bound` as they come from the seed.
  mutating func pass(_ count: Int, below bound: Int, seed: UInt64) throws -> AnswerHash {
    var hash = AnswerHash()
    var random = Uniform(seed: seed)
    for _ in 0..<count { hash.add(try sum(random.below(bound))) }
    return hash
  }
}

extension BareLMDB {
  /// The same from bare LMDB.
  func pass(_ store: BenchStore, _ count: Int, below bound: Int, seed: UInt64) throws -> AnswerHash {
    var hash = AnswerHash()
    var random = Uniform(seed: seed)
    var key = store.key()
    let shape = store.shape
    let at = store.valueByteCount - shape.byteCount
    for _ in 0..<count {
      try key.set(random.below(bound))
      unsafe hash.add(try read(key.bytes) { unsafe shape.sum(UnsafeRawBufferPointer(rebasing: $0[at...])) })
    }
    return hash
  }

  /// Puts updates 0 to `count` − 1, a thousand in a transaction.
  func push(_ store: BenchStore, _ count: Int, keyOf: (Int) -> Int) throws {
    var key = store.key()
    var value = BareValue(of: store)
    var number = 0
    while number < count {
      let end = min(count, number + BenchPusher.rowsPerBatch)
      try write { bare in
        while number < end {
          try key.set(keyOf(number))
          value.set(number)
          try bare.put(key.bytes, value.bytes)
          number += 1
        }
      }
    }
  }
}
