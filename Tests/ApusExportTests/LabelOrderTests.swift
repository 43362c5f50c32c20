import ApusBytes
import ApusExport
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The order of labels")
struct LabelOrderTests {
  private struct Sorted: Comparable {
    let key: [UInt8]
    let limit: Int64
    let place: Int

    static func < (a: Sorted, b: Sorted) -> Bool {
      if a.key != b.key { return a.key.lexicographicallyPrecedes(b.key) }
      return a.limit != b.limit ? a.limit < b.limit : a.place < b.place
    }
  }

  /// Keys as spines have them: numbers near each other, numbers from end to end, names that begin alike, and none.
  private static func key(_ kind: Int, using random: inout SplitMix64) -> [UInt8] {
    switch kind {
    case 0: [0x80, 0, 0, 0, 0, 0, UInt8(random.below(4)), UInt8(random.below(256))]
    case 1: random.bytes(8)
    case 2: Array("customer-\(random.below(300))".utf8) + [0, 0]
    case 3: random.bytes(1 + random.below(12))
    default: random.below(10) == 0 ? [] : Self.key(random.below(4), using: &random)
    }
  }

  @Test("is that of keys, limits and rows, however many threads there are", arguments: 0..<5)
  func order(kind: Int) {
    for (seed, count) in [(1, 0), (2, 1), (3, 31), (4, 700), (5, 5_000)] {
      var random = SplitMix64(seed: UInt64(100 * kind + seed))
      var labels = LabelPiece()
      var expected: [Sorted] = []
      while labels.count < count {
        var piece = LabelPiece()
        for row in labels.count..<min(count, labels.count + 300) {
          let key = Self.key(kind, using: &random)
          let label = Label(row: row, time: 0, limit: Int64(random.below(5)))
          piece.add(unsafe key.span.bytes, label)
          expected.append(Sorted(key: key, limit: label.limit, place: row))
        }
        labels.add(piece)
      }
      expected.sort()
      for threads in 1...3 {
        let order = LabelOrder(labels, Crew(threads, name: "test"))
        #expect(order.stretches.count <= threads)
        let found = order.stretches.flatMap { $0 }.map { entry in
          let place = Int(entry.place)
          return Sorted(key: labels.key(place).copied(), limit: entry.limit, place: place)
        }
        #expect(found == expected, "seed \(seed), \(threads) threads")
      }
    }
  }
}
