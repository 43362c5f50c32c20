import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Scans")
struct ScanTests {
  /// The cards of a view that any read finds something of, page by page: the naive answer asks for each key ever written.
  @Test(
    "pages together are every entity that is there, once, in order of keys, wherever its row lies",
    arguments: 0..<6)
  func pages(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var fixture = try ReadFixture(readingText)
    var written: Set<String> = []
    for _ in 0..<300 {
      let card = String(repeating: "k", count: random.below(3)) + "\(random.below(90))"
      let now = fixture.now
      switch random.below(12) {
      case 0: try fixture.delete("activity", [.string(card)], at: now)
      case 1: try fixture.erase("activity", part: 0, .string(card))
      case 2, 3: try fixture.put("risk", [.string(card)], ["score": .value(.float64(1))], at: now)
      case 4: if try fixture.freeze(), random.coin() { try fixture.checkpoint() }
      case 5: fixture.drop()
      default:
        written.insert(card)
        let said: FeatureInput = random.chance(0.2) ? .null : .value(.int64(Int64(random.below(9))))
        try fixture.put("activity", [.string(card)], ["count": said], at: now)
      }
      fixture.clock.advance(nanoseconds: 1)
    }
    fixture.publish()
    let view = try fixture.view("activity")
    let vector = try fixture.catalog.vector(of: view, in: "p")
    var reader = try fixture.reader()

    let naive = try Self.naive(written, vector, view, &reader)
    for rowsMax in [1, 2, 7, 1_000] {
      var found: [[UInt8]] = []
      var start = ScanStart.beginning
      var pages = 0
      while true {
        var count = 0
        let page = try reader.scan(vector, start, rowsMax: rowsMax) { key, row in
          found.append(key.copied())
          count += 1
        }
        #expect(count <= rowsMax && page.moment.lsn == LSN(fixture.lastLSN))
        pages += 1
        guard let next = page.next else { break }
        start = .after(next)
      }
      #expect(found == naive, "seed \(seed), \(rowsMax) rows a page")
      if rowsMax == 1_000 { #expect(pages == 1) }
    }
  }

  private static func naive(
    _ written: Set<String>, _ vector: PreparedVector, _ view: CatalogView, _ reader: inout StoreReader
  ) throws -> [[UInt8]] {
    var keys: [[UInt8]] = []
    for card in written {
      let table = try reader.table(vector, [[.string(card)]])
      if (0..<table.names.count).contains(where: { table[0, $0].status != .notFound }) {
        keys.append(try ReadFixture.encoded([.string(card)], view.keySchema))
      }
    }
    return keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test("a page lends the rows of its keys, as a read of them does")
  func rows() throws {
    var fixture = try ReadFixture(readingText)
    for number in 0..<20 {
      try fixture.put(
        "link", [.int64(Int64(number % 4)), .string("t\(number)")],
        ["weight": .value(.float32(Float(number)))], at: fixture.now)
    }
    fixture.publish()
    let view = try fixture.view("link")
    let vector = try fixture.catalog.vector(of: view, in: "p")
    var reader = try fixture.reader()
    var weights: [Int] = []
    let page = try reader.scan(vector, rowsMax: 100) { key, found in
      let feature = vector.groups[0].features[0]
      if case .float32(let weight)? = try? Value(found.raw(feature), of: feature.slot) {
        weights.append(Int(weight))
        let values = try? view.keySchema.decode(key)
        #expect(values == [.int64(Int64(Int(weight) % 4)), .string("t\(Int(weight))")])
      }
    }
    #expect(page.next == nil && weights.sorted() == Array(0..<20))
  }

  @Test("a scan within a first part meets the keys that begin with it and no others")
  func within() throws {
    var fixture = try ReadFixture(readingText)
    for number in 0..<30 {
      try fixture.put(
        "link", [.int64(Int64(number % 3)), .string("t\(number)")], ["weight": .null], at: fixture.now)
      if number == 15, try fixture.freeze() { try fixture.checkpoint() }
    }
    fixture.publish()
    let vector = try fixture.catalog.vector(of: try fixture.view("link"), in: "p")
    var reader = try fixture.reader()
    let part = try ReadFixture.encoded([.int64(1)], KeySchema([.int64]))
    var count = 0
    var start = ScanStart.within(part)
    while true {
      let page = try reader.scan(vector, start, rowsMax: 3) { key, _ in
        count += 1
        #expect(key.extracting(..<part.count).copied() == part)
      }
      guard let next = page.next else { break }
      start = .withinAfter(part, key: next)
    }
    #expect(count == 10)
  }
}
