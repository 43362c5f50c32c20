import ApusContracts
import ApusTestSupport
import Testing

@Suite("The admission of time")
struct KnownAtTests {
  private func admit(
    _ choice: KnownAtChoice, event: Int64, created: Int64? = nil, known: Int64? = nil, now: Int64 = 1000,
    skew: Int64 = 60
  ) -> Result<AdmittedTimes, EventTimeError> {
    let given = GivenTimes(
      eventTime: EventTime(nanoseconds: event), createdAt: created.map { CreatedAt(nanoseconds: $0) },
      knownAt: known.map { KnownAt(nanoseconds: $0) })
    do throws(EventTimeError) {
      return .success(try choice.admit(given, nowNanoseconds: now, maxFutureSkewNanoseconds: skew))
    } catch {
      return .failure(error)
    }
  }

  private func times(
    _ event: Int64, created: Int64? = nil, known: Int64? = nil, assumed: Bool = false, setBack: Bool = false,
    createdSetBack: Bool = false
  ) -> Result<AdmittedTimes, EventTimeError> {
    .success(
      AdmittedTimes(
        times: EventTimes(
          eventTime: EventTime(nanoseconds: event), createdAt: created.map { CreatedAt(nanoseconds: $0) },
          knownAt: known.map { KnownAt(nanoseconds: $0) }, isKnownAtAssumed: assumed),
        isEventTimeSetBack: setBack, isCreatedAtSetBack: createdSetBack))
  }

  @Test(
    "what is pushed live, or is known only now, is known when it is appended",
    arguments: [KnownAtChoice.live, .now])
  func appendTime(choice: KnownAtChoice) {
    #expect(admit(choice, event: 10) == times(10))
    #expect(admit(choice, event: .min) == times(.min))
    #expect(admit(choice, event: 1000, created: 5) == times(1000, created: 5))
    #expect(admit(choice, event: 10, known: 10) == .failure(.knownAtNotChosen))
  }

  @Test("an event time ahead of the clock is set back to it within the skew, and refused beyond")
  func skew() {
    #expect(admit(.live, event: 1000) == times(1000))
    #expect(admit(.live, event: 1001) == times(1000, setBack: true))
    #expect(admit(.live, event: 1060) == times(1000, setBack: true))
    #expect(admit(.live, event: 1061) == .failure(.eventTimeInFuture(aheadNanoseconds: 61)))
    #expect(admit(.live, event: 1001, skew: 0) == .failure(.eventTimeInFuture(aheadNanoseconds: 1)))
    #expect(
      admit(.live, event: .max, now: .min, skew: .max)
        == .failure(.eventTimeInFuture(aheadNanoseconds: .max)))
    #expect(admit(.live, event: .max, now: 0, skew: .max) == times(0, setBack: true))
  }

  @Test("a revision time ahead of the clock is set back to it within the skew, and refused beyond")
  func createdAt() {
    #expect(admit(.live, event: 10, created: 1060) == times(10, created: 1000, createdSetBack: true))
    #expect(admit(.live, event: 10, created: 1061) == .failure(.createdAtInFuture(aheadNanoseconds: 61)))
    #expect(admit(.live, event: 10, created: .min) == times(10, created: .min))
  }

  @Test("as if known when it became true: then and marked as assumed, also when it was set back")
  func eventTime() {
    #expect(admit(.eventTime, event: 10) == times(10, known: 10, assumed: true))
    #expect(admit(.eventTime, event: 1010) == times(1000, known: 1000, assumed: true, setBack: true))
  }

  @Test("so long after the event time, but never after the append time")
  func delay() {
    #expect(admit(.eventTimePlus(nanoseconds: 0), event: 10) == times(10, known: 10, assumed: true))
    #expect(admit(.eventTimePlus(nanoseconds: 990), event: 10) == times(10, known: 1000, assumed: true))
    #expect(admit(.eventTimePlus(nanoseconds: 991), event: 10) == times(10, assumed: true))
    #expect(admit(.eventTimePlus(nanoseconds: .max), event: 10) == times(10, assumed: true))
    #expect(
      admit(.eventTimePlus(nanoseconds: -1), event: 10) == .failure(.negativeDelay(nanoseconds: -1)))
  }

  @Test("a known-at that is given must not be before the event time or after the append time")
  func column() {
    #expect(admit(.column, event: 10, known: 10) == times(10, known: 10))
    #expect(admit(.column, event: 10, known: 1000) == times(10, known: 1000))
    #expect(
      admit(.column, event: 10, known: 9)
        == .failure(.knownAtBeforeEventTime(KnownAt(nanoseconds: 9), EventTime(nanoseconds: 10))))
    #expect(
      admit(.column, event: 10, known: 1001) == .failure(.knownAtAfterAppend(KnownAt(nanoseconds: 1001))))
    #expect(admit(.column, event: 10) == .failure(.knownAtMissing))
  }

  @Test("whatever is admitted was true before it was known, and known before it was appended")
  func order() {
    var admitted = 0
    for seed in UInt64(1)...20_000 {
      var random = SplitMix64(seed: seed)
      let choice: KnownAtChoice = random.pick([
        .live, .now, .eventTime, .eventTimePlus(nanoseconds: random.number()), .column,
      ])
      let now = random.coin() ? random.number() : Int64(random.within(0...10))
      let near = { (random: inout SplitMix64) in
        random.coin() ? random.number() : now &+ Int64(random.within(-9...9))
      }
      let outcome = admit(
        choice, event: near(&random), created: random.coin() ? nil : near(&random),
        known: choice == .column ? near(&random) : nil, now: now, skew: Int64(random.below(9)))
      guard case .success(let result) = outcome else { continue }
      admitted += 1
      let times = result.times
      let known = times.knownAt?.nanoseconds ?? now
      let created = times.createdAt?.nanoseconds ?? now
      if times.eventTime.nanoseconds > known || known > now || created > now {
        Issue.record("seed \(seed)")
        return
      }
    }
    #expect(admitted > 5000)
  }
}
