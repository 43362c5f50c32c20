// What all servers hold: entities with a row of ten float64 in each of some views, and which number stands where.

import ApusStore
import CLoad

struct ServedEntities {
  static let views = 5
  static let shape = RowShape.features
  static let rowByteCount = 80

  let count: Int

  /// The number that the row of an entity in a view was made of.
  func number(_ entity: Int, _ view: Int) -> Int { view * count + entity }

  /// One feature, as it must be answered.
  func value(_ entity: Int, _ view: Int, _ place: Int) -> Double {
    Double(number(entity, view) * 16 + place)
  }

  /// What the words of an entity's rows add up to.
  func sum(_ entity: Int, views: Int) -> UInt64 {
    var sum: UInt64 = 0
    for view in 0..<views {
      for place in 0..<10 { sum &+= apus_load_mix(value(entity, view, place).bitPattern) }
    }
    return sum
  }

  /// Entities that requests ask for: so many of them, in each so many, all as likely.
  func asked(requests: Int, rows: Int) -> [[Int]] {
    var random = Uniform(seed: 7)
    return (0..<requests).map { _ in (0..<rows).map { _ in random.below(count) } }
  }

  func sums(_ asked: [[Int]], views: Int) -> [UInt64] {
    asked.map { $0.reduce(0) { $0 &+ sum($1, views: views) } }
  }

  /// A packed value, the bytes of a row's ten features.
  func packed(_ entity: Int, _ view: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.rowByteCount)
    let number = number(entity, view)
    unsafe bytes.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { unsafe Self.shape.write(number, to: start) }
    }
    return bytes
  }

  /// A store with all rows, in its index.
  func fill(_ path: String, _ bench: Bench) throws {
    let store = try BenchStore(path, bench, Self.shape, views: Self.views)
    for view in 0..<Self.views {
      var pusher = BenchPusher(store)
      try pusher.push(count, view: view, from: number(0, view)) { $0 }
    }
    try store.store.close()
  }
}
