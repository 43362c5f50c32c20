// What is served and what a training set says: of one store, at one LSN, the same; and where it is not, the very cell is found.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore
import ApusTestSupport
import Testing

@Suite("Served and trained")
struct SkewTests {
  private static func text(ttl: String, more: Bool) -> String {
    """
    project: p
    entities:
      card: {keys: {card_id: string}}
      pair: {keys: {left: int64, right: int64}}
    views:
      a:
        entity: card
        ttl: \(ttl)
        features:
          count: {type: int64}
          score: {type: float64}
          vector: {type: "float32[2]"}
          tags: {type: "list<string>"}
          \(more ? "seen: {type: timestamp}" : "")
      b:
        entity: pair
        ttl: none
        features:
          raw: {type: bytes}
    services:
      s:
        features:
          - {view: a, take: [count, score, vector, tags]}
          - {view: b, as: one, keys: {left: l1, right: r1}}
          - {view: b, as: two, keys: {left: r1, right: l1}}
        defaults: {count: 7}
    """
  }

  private static let keys = ["a": ["card_id"], "b": ["left", "right"]]

  private func vector(_ fixture: ExportFixture) throws -> PreparedVector {
    let name = try #require(VersionedName(spelling: "s"))
    return try fixture.store.catalog.vector(service: name, in: ExportFixture.project)
  }

  private func row(_ random: inout SplitMix64, _ fixture: ExportFixture) -> (String, ExportFixture.Row) {
    let isCard = random.chance(0.7)
    let time = fixture.now - Int64(random.pick([0, 0, 1, 3, 900_000_000, 2_000_000_000]))
    let pair = [Value.int64(random.pick([1, 11])), .int64(random.pick([1, 11]))]
    var row = ExportFixture.Row(
      key: isCard ? [.string(random.pick(["", "c1", "c2", "c3"]))] : pair, eventTime: time)
    if random.chance(0.2) { row.createdAt = fixture.now - Int64(random.below(3)) }
    guard random.chance(0.85) else { return (isCard ? "a" : "b", row) }
    var said: [String: Value?] = [:]
    if isCard {
      if random.coin() { said["count"] = .some(random.chance(0.2) ? nil : .int64(Int64(random.below(9)))) }
      if random.coin() { said["score"] = .some(.float64(random.pick([-0.0, 0.0, 1e300]))) }
      if random.coin() { said["vector"] = .some(.vector(.float32([Float(random.below(3)), -0.0]))) }
      if random.coin() { said["tags"] = .some(.list(.string(random.pick([[], [""], ["a", "ż"]])))) }
    } else {
      said["raw"] = .some(.bytes(random.bytes(random.below(3))))
    }
    row.said = said
    return (isCard ? "a" : "b", row)
  }

  @Test("whatever a store is told, what it serves is what its exporter says, then and later")
  func stories() throws {
    var cells = 0
    var statuses = [Int](repeating: 0, count: 5)
    var skipped = 0
    for seed in UInt64(1)...60 {
      var random = SplitMix64(seed: seed)
      let fixture = try ExportFixture(seed: seed, blocks: random.pick([(1, 2), (3, 9), (8_192, 100_000)]))
      try fixture.apply(Self.text(ttl: "1s", more: false), ttls: [:], keys: Self.keys)
      var kept: [[ServedAnswer]] = []
      for step in 0..<16 {
        fixture.clock.advance(nanoseconds: UInt64(random.pick([0, 1, 1_000, 700_000_000])))
        switch random.below(10) {
        case 0..<5:
          for _ in 0..<random.within(1...6) {
            let (view, own) = row(&random, fixture)
            try fixture.push(view, [own], random.pick([.live, .now, .eventTime]))
          }
        case 5: try fixture.erase("card_id", .string(random.pick(["", "c1", "c2"])))
        case 6: try fixture.store.compact(erasing: random.coin())
        case 7: try fixture.reopen(killing: random.coin())
        case 8:
          try fixture.apply(
            Self.text(ttl: random.pick(["none", "1s", "2s"]), more: step > 8), ttls: [:], keys: Self.keys)
        default: break
        }
        let vector = try vector(fixture)
        let proof = SkewProof(fixture.store, vector, scratch: fixture.scratch())
        let sample = try SkewSample(12, of: vector, from: fixture.store, seed: seed)
        let answers = try ServedRead.newest(sample.entities, vector, from: fixture.store)
        kept.append(answers)
        var tally = SkewTally(limit: 3)
        for each in [answers, random.pick(kept)] { tally.take(each, try proof.repeated(each)) }
        #expect(tally.differing == 0, "seed \(seed), step \(step): \(tally.differences)")
        cells += tally.cells
        skipped += tally.erasedSince
        for code in statuses.indices { statuses[code] += tally.statuses[code] }
      }
    }
    // A story in which nothing is served proves nothing.
    #expect(cells > 10_000 && skipped > 0)
    #expect(statuses[0] == 0 && statuses[1...].allSatisfy { $0 > 100 }, "\(statuses)")
  }

  @Test("one cell that was served otherwise is found, whatever of it is otherwise, and no other")
  func found() throws {
    let fixture = try ExportFixture()
    try fixture.apply(Self.text(ttl: "none", more: false), ttls: [:], keys: Self.keys)
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    var rows: [ExportFixture.Row] = []
    for card in 0..<20 {
      var said: [String: Value?] = [:]
      said["count"] = .some(.int64(Int64(card)))
      said["score"] = .some(.float64(0))
      rows.append(
        ExportFixture.Row(key: [.string("c\(card)")], eventTime: fixture.now - Int64(card), said: said))
    }
    try fixture.push("a", rows)
    let vector = try vector(fixture)
    let proof = SkewProof(fixture.store, vector, scratch: fixture.scratch())
    let sample = try SkewSample(40, of: vector, from: fixture.store, seed: 3)
    #expect(sample.entities.count == 25 && sample.unknown == 5)
    let answers = try ServedRead.newest(sample.entities, vector, from: fixture.store)
    let repeated = try proof.repeated(answers)
    let place = try #require(answers.firstIndex { $0.cells[0].status == .present })
    func tampered(_ column: Int, _ body: (inout ServedCell) -> Void) -> SkewTally {
      var answers = answers
      body(&answers[place].cells[column])
      var tally = SkewTally(limit: 10)
      tally.take(answers, repeated)
      return tally
    }
    #expect(tampered(0) { _ in }.differing == 0)
    for (column, part, change) in [
      (0, SkewPart.value, { $0.value = .int64(1_000) }), (1, .value, { $0.value = .float64(-0.0) }),
      (0, .status, { $0.status = .nullValue }), (0, .event, { $0.lsn = $0.lsn?.next }),
      (0, .event, { $0.eventTime = ($0.eventTime ?? 0) + 1 }), (2, .reason, { $0.reason = .deleted }),
      (0, .value, { $0.value = nil }),
    ] as [(Int, SkewPart, (inout ServedCell) -> Void)] {
      let tally = tampered(column, change)
      #expect(tally.differing == 1 && tally.differences.count == 1)
      let found = try #require(tally.differences.first)
      #expect(found.column == column && found.part == part, "\(found)")
      #expect(found.answer.entity == answers[place].entity)
    }
  }

  @Test("one seed gives one sample, wherever the entities lie, and another seed another")
  func seeds() throws {
    let fixture = try ExportFixture()
    try fixture.apply(Self.text(ttl: "none", more: false), ttls: [:], keys: Self.keys)
    for card in 0..<50 {
      var said: [String: Value?] = [:]
      said["count"] = .some(.int64(1))
      try fixture.push(
        "a", [ExportFixture.Row(key: [.string("c\(card)")], eventTime: fixture.now, said: said)])
    }
    func sample(_ seed: UInt64) throws -> [[String: Value]] {
      try SkewSample(16, of: vector(fixture), from: fixture.store, seed: seed).entities
    }
    let first = try sample(1)
    #expect(first.count == 16)
    try fixture.store.compact()
    try fixture.reopen()
    #expect(try sample(1) == first)
    #expect(try sample(2) != first)
  }
}
