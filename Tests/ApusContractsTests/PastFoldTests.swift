import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Why a cell is what it is")
struct PastFoldTests {
  @Test("the winner is the fold's, and the first that lost is the oracle's, whatever is seen, in any order")
  func againstFoldAndOracle() throws {
    var lost = [0, 0, 0]
    for seed in UInt64(1)...5_000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...6))
      // Known when it was true, or somewhat later.
      let events = view.events(random.below(9), &random).map { event in
        let later = event.eventTime < 0 || event.eventTime > 3 ? 0 : Int64(random.within(0...3))
        return (event: event, knownAt: event.eventTime + later)
      }
      let time = Int64(random.within(-1...7))
      let line = random.pick([Sight.Line.all, .known, .happened])
      let isStrict = random.coin()
      let sight = Sight(
        line, through: LSN(UInt64.max), at: ReadTime(nanoseconds: time), isStrict: isStrict)
      func isSeen(_ place: Int) -> Bool {
        let moment = line == .known ? events[place].knownAt : events[place].event.eventTime
        return line == .all || moment < time || moment == time && !isStrict
      }
      var fold = PastFold(sight, featureCount: view.layout.count)
      for place in events.indices.shuffled(using: &random) {
        let (event, knownAt) = events[place]
        try withRow(try view.row(event), view.layout) { row in
          fold.take(
            row, event.stamp, knownAt: KnownAt(nanoseconds: knownAt), isDelete: event.isDelete, place: place)
        }
      }
      let seen = events.indices.filter(isSeen)
      let bytes = try view.fold(seen.map { try view.row(events[$0].event) })
      for feature in 0..<view.layout.count {
        let speaking = events.indices.filter { events[$0].event.speaks(of: feature) }
          .sorted { events[$1].event.comesBefore(events[$0].event) }
        let winner = speaking.first(where: isSeen)
        #expect(fold.winner(feature)?.place == winner, "seed \(seed)")
        let stamp = try withRow(bytes, view.layout) { $0.stamp(feature) }
        #expect(fold.winner(feature)?.stamp == stamp, "seed \(seed)")
        #expect(fold.hides(feature) == !speaking.allSatisfy(isSeen), "seed \(seed)")
        let loser = speaking.first { $0 != winner }
        #expect(fold.runnerUp(feature)?.candidate.place == loser, "seed \(seed)")
        guard let loser else { continue }
        let isEnded = winner.map { events[$0].event.isDelete } ?? false
        let why: PastFold.Loss =
          !isSeen(loser) ? .notYetKnown : isEnded && !events[loser].event.isDelete ? .deleted : .older
        #expect(fold.runnerUp(feature)?.why == why, "seed \(seed)")
        lost[why == .older ? 0 : why == .notYetKnown ? 1 : 2] += 1
      }
    }
    #expect(lost.allSatisfy { $0 > 500 }, "\(lost)")
  }
}
