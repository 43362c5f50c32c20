import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Reading against a model")
struct ReadModelTests {
  /// Everything that was ever said, as it was said.
  private struct Model {
    struct Event {
      let key: [String]
      let stamp: Stamp
      /// Nil: a delete.
      let inputs: [String: FeatureInput]?
    }

    struct Answer: Equatable {
      var status: CellStatus
      var reason: BlankReason?
      var value: Value?
      var stamp: Stamp?
      var age: Int64?
    }

    var events: [String: [Event]] = [:]
    /// By the text of a key's part.
    var floors: [String: (lsn: UInt64, time: Int64)] = [:]

    /// The winner among all events up to `limit` that speak of the feature, judged by its age.
    func answer(
      _ view: String, _ feature: String, _ key: [String], limit: LSN, ttl: Int64?, at now: Int64
    ) -> Answer {
      let floor = key.compactMap { floors[$0]?.lsn }.max()
      let winner = (events[view] ?? []).filter { event in
        guard event.key == key, event.stamp.lsn <= limit, event.stamp.lsn.rawValue > floor ?? 0 else {
          return false
        }
        guard let inputs = event.inputs else { return true }
        return inputs[feature] != nil
      }.max { $0.stamp < $1.stamp }
      guard let winner else { return Answer(status: .notFound, reason: floor == nil ? .neverSeen : .erased) }
      let time = winner.stamp.eventTime.nanoseconds
      var answer = Answer(status: .notFound, reason: .deleted, stamp: winner.stamp, age: now - time)
      guard let input = winner.inputs?[feature] else { return answer }
      answer.reason = nil
      if let ttl, time < now - ttl {
        answer.status = .outsideMaxAge
      } else if case .value(let value) = input {
        (answer.status, answer.value) = (.present, value)
      } else {
        answer.status = .nullValue
      }
      return answer
    }
  }

  private static let views: [(name: String, features: [String], ttl: Int64?)] = [
    ("activity", ["count", "action", "vector"], 100), ("risk", ["score"], nil),
    ("words", ["text", "tags"], 3_600_000_000_000), ("link", ["weight"], nil),
  ]

  private static func input(_ feature: String, _ random: inout SplitMix64) -> FeatureInput? {
    if random.chance(0.4) { return nil }
    if random.chance(0.2) { return .null }
    let number = random.below(1000)
    return switch feature {
    case "count": .value(.int64(Int64(number)))
    case "action", "text": .value(.string(String(repeating: "x", count: number % 50)))
    case "vector": .value(.vector(.float32([Float(number), 1])))
    case "score": .value(.float64(Double(number)))
    case "tags": .value(.list(.string((0..<(number % 4)).map { "\($0)" })))
    default: .value(.float32(Float(number)))
    }
  }

  /// A key of a view, as values and as the model's texts.
  private static func key(_ view: String, _ random: inout SplitMix64) -> (values: [Value], texts: [String]) {
    let card = "c\(random.below(5))"
    guard view == "link" else { return ([.string(card)], ["card_id=\(card)"]) }
    let number = random.below(3)
    return ([.int64(Int64(number)), .string(card)], ["from=\(number)", "to=\(card)"])
  }

  @Test(
    "random reads are what the events up to the visible LSN say, wherever they lie between the log's end and the index",
    arguments: 1...12)
  func random(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var fixture = try ReadFixture(readingText, after: random.next() >> 40)
    var model = Model()
    let names = Self.views.flatMap { view in view.features.map { "\(view.name):\($0)" } }
    let vector = try fixture.catalog.vector(features: names, in: "p")
    var reader = try StoreReader(of: fixture.shared)
    var counts: [String: Int] = [:]

    for _ in 0..<1500 {
      switch random.below(100) {
      case ..<60:
        let view = random.pick(Self.views)
        let key = Self.key(view.name, &random)
        fixture.clock.advance(nanoseconds: UInt64(random.within(1...20)))
        let earliest = max(
          key.texts.compactMap { model.floors[$0]?.time }.max().map { $0 + 1 } ?? .min, fixture.now - 150)
        let time = earliest + Int64(random.below(Int(fixture.now - earliest) + 1))
        var inputs: [String: FeatureInput]?
        let stamp: Stamp
        if random.chance(0.1) {
          stamp = try fixture.delete(view.name, key.values, at: time)
        } else {
          var some: [String: FeatureInput] = [:]
          for feature in view.features { some[feature] = Self.input(feature, &random) }
          inputs = some
          stamp = try fixture.put(view.name, key.values, some, at: time)
        }
        model.events[view.name, default: []].append(.init(key: key.texts, stamp: stamp, inputs: inputs))
      case ..<75: fixture.publish()
      case ..<79: if try fixture.freeze() { counts["freeze", default: 0] += 1 }
      case ..<82: try fixture.checkpoint()
      case ..<85: fixture.drop()
      case 85: try fixture.rebuild()
      case 86 where random.chance(0.3):
        let card = "c\(random.below(5))"
        let isLink = random.coin()
        try fixture.erase(isLink ? "link" : "activity", part: isLink ? 1 : 0, .string(card))
        model.floors["\(isLink ? "to" : "card_id")=\(card)"] = (fixture.lastLSN, fixture.now)
      default:
        var keys = RequestKeys(for: vector)
        var asked: [(card: [String], link: [String])] = []
        for _ in 0..<random.within(0...3) {
          let (card, link) = (Self.key("activity", &random), Self.key("link", &random))
          try keys.append(values: [card.values, link.values])
          asked.append((card.texts, link.texts))
        }
        let now = fixture.now + Int64(random.below(30))
        let table = try reader.table(vector, keys, at: ReadTime(nanoseconds: now))
        let visible = fixture.writer.visible
        #expect(table.moment.lsn == visible)
        var disagreements = 0
        _ = try reader.read(vector, keys, at: ReadTime(nanoseconds: now)) { row, group, found in
          for feature in vector.groups[group].features
          where found.status(feature) != table[row, feature.column].status {
            disagreements += 1
          }
        }
        #expect(disagreements == 0, "seed \(seed)")
        for (row, key) in asked.enumerated() {
          var column = 0
          for view in Self.views {
            for feature in view.features {
              let expected = model.answer(
                view.name, feature, view.name == "link" ? key.link : key.card, limit: visible, ttl: view.ttl,
                at: now)
              let cell = table[row, column]
              let found = Model.Answer(
                status: cell.status, reason: cell.reason, value: cell.value, stamp: cell.stamp,
                age: cell.ageNanoseconds)
              #expect(found == expected, "\(view.name):\(feature) of \(key) at \(visible), seed \(seed)")
              counts["\(expected.status) \(expected.reason.map { "\($0)" } ?? "")", default: 0] += 1
              column += 1
            }
          }
        }
      }
    }
    // Every kind of answer was met.
    #expect(counts.count == 7, "\(counts), seed \(seed)")
    let reports = fixture.reports.withLock { $0 }
    #expect(reports == [])
  }
}
