import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport
import Testing

@Suite("Vectors and the keys of a request")
struct PreparedVectorTests {
  @Test("names that are not there are refused by name")
  func unknown() throws {
    let catalog = try ReadFixture(readingText).catalog
    func refusal(_ features: String..., project: String = "p") throws -> StoreError? {
      try storeError { _ = try catalog.vector(features: features, in: project) }
    }
    let risk = VersionedName(name: "risk", number: 2)
    #expect(try refusal("risk:score", project: "q") == .unknownProject("q"))
    #expect(try refusal("risk@2:score") == .unknownView(risk, project: "p"))
    #expect(try refusal("nosuch:score") == .unknownView(VersionedName(name: "nosuch"), project: "p"))
    #expect(try refusal("risk:nosuch") == .unknownFeature("nosuch", view: "risk@1"))
    #expect(try refusal("risk") == .unknownFeature("risk", view: "risk"))
    #expect(try refusal() == .emptyVector)
    #expect(try refusal("risk:score", "risk@1:score") == .columnNamedTwice("score"))
    let service = VersionedName(name: "fraud", number: 2)
    #expect(
      try storeError { _ = try catalog.vector(service: service, in: "p") }
        == .unknownService(service, project: "p"))
  }

  @Test("groups of a role lie together, their views ascend, and every column is in one")
  func groups() throws {
    let catalog = try ReadFixture(readingText).catalog
    let vector = try catalog.vector(
      features: ["words:text", "profile:level", "risk:score", "activity:count", "words:tags", "link:weight"],
      in: "p")
    #expect(vector.columns.map(\.name) == ["text", "level", "score", "count", "tags", "weight"])
    #expect(vector.roles.map(\.name) == ["card", "account", "edge"])
    #expect(vector.roles.map(\.groups) == [0..<3, 3..<4, 4..<5])
    for (number, role) in vector.roles.enumerated() {
      let views = role.groups.map { vector.groups[$0].view }
      #expect(views == views.sorted() && role.groups.allSatisfy { vector.groups[$0].role == number })
    }
    for (number, column) in vector.columns.enumerated() {
      let feature = vector.groups[column.group].features.first { $0.column == number }
      #expect(feature?.slot.index == Int(column.feature) && feature?.slot.type == column.type)
      #expect(catalog[vector.groups[column.group].view]?.spelling == column.view)
    }
    #expect(vector.groups.map(\.features.count) == [1, 1, 2, 1, 1])
  }

  @Test("a key that is none is refused with its row and role, and leaves the rows before it as they were")
  func badKeys() throws {
    let catalog = try ReadFixture(readingText).catalog
    let vector = try catalog.vector(service: VersionedName(name: "fraud"), in: "p")
    var keys = RequestKeys(for: vector)
    let good: [[Value]] = [[.string("a")], [.int64(1)], [.int64(2)]]
    try keys.append(values: good)
    func refusal(_ keys: inout RequestKeys, _ body: (inout RequestKeys) throws -> Void) throws -> StoreError?
    {
      do {
        try body(&keys)
        return nil
      } catch let error as StoreError {
        return error
      }
    }
    #expect(
      try refusal(&keys) { try $0.append(values: [[.string("b")], [.int64(1)], [.string("2")]]) }
        == .badKey(row: 1, role: "payee", .partType(part: 0, expected: .int64, found: .string)))
    #expect(
      try refusal(&keys) { try $0.append(values: [[.string("b")], [.int64(1)]]) }
        == .keyMissing(row: 1, role: "payee"))
    #expect(
      try refusal(&keys) { try $0.append(named: ["card_id": .string("b"), "payee_id": .int64(2)]) }
        == .keyMissing(row: 1, role: "payer"))
    let long = String(repeating: "x", count: 400)
    let tooLong = try refusal(&keys) { try $0.append(values: [[.string(long)], [.int64(1)], [.int64(2)]]) }
    #expect(
      tooLong == .badKey(row: 1, role: "card", .encoding(part: 0, .keyTooLong(byteCount: 401, limit: 400))))
    // Bytes from outside: no end, two keys in one, a mark that marks nothing, none at all, no UTF-8.
    let wrong: [[UInt8]] = [[97], [97, 0, 98, 0], [97, 1, 9, 0], [], [255, 0]]
    for bytes in wrong {
      let error = try refusal(&keys) { try $0.append(encoded: unsafe bytes.span.bytes) }
      guard case .badKey(row: 1, role: "card", .encoding) = error else {
        Issue.record("\(bytes): \(String(describing: error))")
        continue
      }
    }
    try keys.append(values: [[.string("c")], [.int64(3)], [.int64(4)]])
    let count = keys.count
    #expect(count == 2)
    let schema = vector.roles.map(\.keySchema)
    for (row, expected) in [good, [[.string("c")], [.int64(3)], [.int64(4)]]].enumerated() {
      for role in 0..<3 { #expect(try schema[role].decode(keys.key(row: row, role: role)) == expected[role]) }
    }
    keys.removeAll()
    let none = keys.count
    #expect(none == 0)
  }

  @Test("a key is checked exactly as it would be decoded, for random bytes and for keys with a bit turned")
  func checked() throws {
    var random = SplitMix64(seed: 41)
    let types = KeyType.allCases
    var refused = 0
    for _ in 0..<20_000 {
      let schema = KeySchema((0..<random.within(1...3)).map { _ in random.pick(types) })
      var bytes: [UInt8] = []
      for type in schema.parts {
        switch type {
        case .bool: bytes.append(random.coin() ? 1 : 0)
        case .int32: bytes += random.bytes(4)
        case .int64, .timestamp: bytes += random.bytes(8)
        case .string, .bytes:
          for _ in 0..<random.below(5) { bytes += random.pick([[97], [1, 1], [1, 2], [0xc3, 0xa9], [2]]) }
          bytes.append(0)
        }
      }
      if random.coin() {
        let at = random.below(bytes.count)
        bytes[at] ^= 1 << UInt8(random.below(8))
      }
      if random.chance(0.1) { bytes = random.bytes(random.below(12)) }
      func error(_ body: (RawSpan) throws -> Void) throws -> KeyError? {
        do {
          try body(unsafe bytes.span.bytes)
          return nil
        } catch let error as KeyError {
          return error
        }
      }
      let decoded = try error { _ = try schema.decode($0) }
      let checked = try error { try schema.check($0) }
      #expect(decoded == checked, "\(schema.parts) \(bytes), seed 41")
      if decoded != nil { refused += 1 }
    }
    #expect(refused > 2_000 && refused < 18_000)
  }
}
