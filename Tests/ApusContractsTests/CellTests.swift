import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Cells and their age")
struct CellTests {
  private func status(
    _ input: FeatureInput, event: Int64, at moment: Int64, ttl: Int64?, unseen: BlankReason = .neverSeen
  ) throws -> Cell.Judgement {
    let layout = try layout([.int64])
    return try withRow(row([input], layout, at: stamp(event, 0, 1)), layout) {
      $0.cell(0).status(at: ReadTime(nanoseconds: moment), ttlNanoseconds: ttl, unseen: unseen)
    }
  }

  private let one = FeatureInput.value(.int64(1))

  @Test("a value is in age up to its ttl, the edge included, and so is a null")
  func edges() throws {
    #expect(try status(one, event: 10, at: 15, ttl: 5).status == .present)
    #expect(try status(one, event: 10, at: 16, ttl: 5).status == .outsideMaxAge)
    #expect(try status(.null, event: 10, at: 15, ttl: 5).status == .nullValue)
    #expect(try status(.null, event: 10, at: 16, ttl: 5).status == .outsideMaxAge)
    #expect(try status(one, event: 10, at: 5, ttl: 1).status == .present)
    #expect(try status(one, event: .min, at: .max, ttl: nil).status == .present)
  }

  @Test("the moment less the ttl stops at the beginning of time")
  func saturation() throws {
    #expect(try status(one, event: .min, at: .min, ttl: 1).status == .present)
    #expect(try status(one, event: .min, at: -2, ttl: .max).status == .present)
    #expect(try status(one, event: .min, at: 0, ttl: .max).status == .outsideMaxAge)
    #expect(try status(one, event: .min, at: .max, ttl: .max).status == .outsideMaxAge)
  }

  @Test("what no visible event speaks of is not found, for the reason that the reader knows")
  func reasons() throws {
    for reason in [BlankReason.neverSeen, .notYetKnown, .erased, .beyondHistory] {
      let judged = try status(.absent, event: 1, at: 1, ttl: 1, unseen: reason)
      #expect(judged == Cell.Judgement(status: .notFound, reason: reason))
    }
  }

  @Test("statuses have the numbers that Feast gives them")
  func numbers() {
    let all: [CellStatus] = [.invalid, .present, .nullValue, .notFound, .outsideMaxAge]
    #expect(all.map(\.rawValue) == [0, 1, 2, 3, 4])
  }

  @Test("stamps are ordered by event time, then created at, then LSN")
  func stamps() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<10_000 {
      let few = { (random: inout SplitMix64) in random.chance(0.1) ? random.number() : Int64(random.below(2))
      }
      let a = (few(&random), few(&random), UInt64(random.below(3)))
      let b = (few(&random), few(&random), UInt64(random.below(3)))
      #expect((stamp(a.0, a.1, a.2) < stamp(b.0, b.1, b.2)) == (a < b))
      #expect((stamp(a.0, a.1, a.2) == stamp(b.0, b.1, b.2)) == (a == b))
    }
  }
}
