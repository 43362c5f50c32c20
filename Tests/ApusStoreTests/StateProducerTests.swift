// The table of Store.md, row by row.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import Testing

@Suite("What a producer's request meets")
struct StateProducerTests {
  private static let idleMax: Int64 = 1_000

  /// Producer 1, of epoch 1, which sent requests 1 to `sequence`, request *n* with digest *n* at LSN and time 10 *n*.
  private func producers(sent sequence: UInt64) throws -> StoreState {
    var state = StoreState()
    let opening = state.producers.opening(name: "loader")
    try state.apply(1, at: 1, record { $0.writeProducerOpened(opening, name: "loader") })
    for number in 1...max(sequence, 1) where number <= sequence { try send(number, to: &state) }
    return state
  }

  private func send(_ number: UInt64, epoch: UInt32 = 1, to state: inout StoreState) throws {
    var counts = RowCounts()
    counts.accepted = Int(number)
    let ticket = ticket(1, epoch, number, digest: number, offset: [UInt8(number)])
    try state.apply(number * 10, at: Int64(number) * 10, record { $0.writeProducerRequest(ticket, counts) })
  }

  private func reopen(_ state: inout StoreState, at time: Int64) throws {
    let opening = state.producers.opening(name: "loader")
    try state.apply(1_000, at: time, record { $0.writeProducerOpened(opening, name: "loader") })
  }

  private func judge(
    _ state: StoreState, _ ticket: ProducerTicket, pending: UInt64? = nil, at time: Int64 = 100
  ) -> Result<Producers.Verdict, StoreError> {
    do throws(StoreError) {
      return .success(
        try state.producers.judge(
          ticket, pending: pending, at: WallTime(nanoseconds: time), idleNanosecondsMax: Self.idleMax))
    } catch {
      return .failure(error)
    }
  }

  private func first(_ number: UInt64) -> Result<Producers.Verdict, StoreError> {
    var counts = RowCounts()
    counts.accepted = Int(number)
    let frame = FrameMoment(
      lsns: LSNRange(LSN(number * 10), through: LSN(number * 10)),
      time: WallTime(nanoseconds: Int64(number) * 10))
    return .success(.repeated(frame, counts))
  }

  @Test("the next number is done, the first is 1")
  func next() throws {
    #expect(judge(try producers(sent: 0), ticket(1, 1, 1)) == .success(.next))
    #expect(judge(try producers(sent: 7), ticket(1, 1, 8)) == .success(.next))
  }

  @Test("one of the last five with the same digest is answered as the first time")
  func repeats() throws {
    let state = try producers(sent: 7)
    for number in 3...7 as ClosedRange<UInt64> {
      #expect(judge(state, ticket(1, 1, number, digest: number)) == first(number))
    }
  }

  @Test("one of the last five with another digest is refused")
  func reused() throws {
    let state = try producers(sent: 7)
    for number in 3...7 as ClosedRange<UInt64> {
      #expect(
        judge(state, ticket(1, 1, number, digest: 99)) == .failure(.sequenceReused(producer: 1, number)))
      var half = ticket(1, 1, number, digest: number)
      half.digest = RequestDigest(first: number, second: 0)
      #expect(judge(state, half) == .failure(.sequenceReused(producer: 1, number)))
    }
  }

  @Test("one before the last five is too old, and so is number 0")
  func tooOld() throws {
    let state = try producers(sent: 7)
    for number in 0...2 as ClosedRange<UInt64> {
      #expect(
        judge(state, ticket(1, 1, number, digest: number))
          == .failure(.sequenceTooOld(producer: 1, number, oldest: 3)))
    }
    #expect(
      judge(try producers(sent: 0), ticket(1, 1, 0))
        == .failure(.sequenceTooOld(producer: 1, 0, oldest: 1)))
  }

  @Test("one beyond the next is a gap")
  func gap() throws {
    let state = try producers(sent: 7)
    #expect(judge(state, ticket(1, 1, 9)) == .failure(.sequenceGap(producer: 1, found: 9, next: 8)))
    #expect(judge(state, ticket(1, 1, .max)) == .failure(.sequenceGap(producer: 1, found: .max, next: 8)))
  }

  @Test("an epoch that is not the producer's own is fenced, whatever else is wrong")
  func fenced() throws {
    var state = try producers(sent: 7)
    try reopen(&state, at: 90)
    #expect(judge(state, ticket(1, 1, 8)) == .failure(.fenced(producer: 1, epoch: 1, now: 2)))
    #expect(judge(state, ticket(1, 3, 8)) == .failure(.fenced(producer: 1, epoch: 3, now: 2)))
    #expect(judge(state, ticket(1, 1, 8), at: 9_000) == .failure(.fenced(producer: 1, epoch: 1, now: 2)))
    #expect(judge(state, ticket(1, 2, 8)) == .success(.next))
  }

  @Test("a producer that nobody opened is unknown")
  func unknown() throws {
    let state = try producers(sent: 1)
    for id in [0, 2, .max] as [UInt32] {
      #expect(judge(state, ticket(id, 1, 1)) == .failure(.unknownProducer(id)))
    }
  }

  @Test("a producer expires when it is idle for longer than allowed, by the clock or by the record")
  func expired() throws {
    var state = try producers(sent: 7)
    #expect(judge(state, ticket(1, 1, 8), at: 70 + 1_000) == .success(.next))
    #expect(judge(state, ticket(1, 1, 8), at: 70 + 1_001) == .failure(.producerExpired(1)))
    #expect(judge(state, ticket(1, 1, 7, digest: 7), at: 70 + 1_001) == .failure(.producerExpired(1)))
    #expect(state.producers.expired(at: WallTime(nanoseconds: 1_070), idleNanosecondsMax: 1_000) == [])
    #expect(state.producers.expired(at: WallTime(nanoseconds: 1_071), idleNanosecondsMax: 1_000) == [1])
    // A clock that stepped back, and one whose distance is beyond any number.
    #expect(judge(state, ticket(1, 1, 8), at: .min) == .success(.next))
    #expect(judge(state, ticket(1, 1, 8), at: .max) == .failure(.producerExpired(1)))

    try state.apply(500, at: 80, record { $0.writeProducersExpired([1]) })
    #expect(judge(state, ticket(1, 1, 8), at: 80) == .failure(.producerExpired(1)))
    #expect(state.producers.expired(at: WallTime(nanoseconds: 9_000), idleNanosecondsMax: 1_000) == [])
    let producer = try #require(state.producers[1])
    #expect(producer.isExpired)
    #expect(producer.sequence == 7)
    #expect(producer.sourceOffset == [7])
  }

  @Test("opening an expired producer revives it: numbers and offset go on, answers are gone")
  func revived() throws {
    var state = try producers(sent: 7)
    try state.apply(500, at: 80, record { $0.writeProducersExpired([1]) })
    #expect(
      state.producers.opening(name: "loader")
        == ProducerOpening(producer: 1, epoch: 2, lastSequence: 7, sourceOffset: [7]))
    try reopen(&state, at: 90)
    #expect(
      judge(state, ticket(1, 2, 7, digest: 7)) == .failure(.sequenceTooOld(producer: 1, 7, oldest: 8)))
    #expect(judge(state, ticket(1, 2, 8), at: 1_090) == .success(.next))
    try send(8, epoch: 2, to: &state)
    #expect(judge(state, ticket(1, 2, 8, digest: 8)) == first(8))
    #expect(
      judge(state, ticket(1, 2, 7, digest: 7)) == .failure(.sequenceTooOld(producer: 1, 7, oldest: 8)))
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("opening again raises the epoch and keeps numbers, offset and answers")
  func reopened() throws {
    var state = try producers(sent: 7)
    try reopen(&state, at: 90)
    #expect(judge(state, ticket(1, 2, 7, digest: 7)) == first(7))
    #expect(state.producers[1]?.sourceOffset == [7])
    #expect(state.producers[1]?.lastUsed == WallTime(nanoseconds: 90))
    #expect(
      state.producers.opening(name: "other")
        == ProducerOpening(producer: 2, epoch: 1, lastSequence: 0, sourceOffset: nil))
  }

  @Test("while frames are not settled, the next number is counted from them, and their retries wait")
  func pending() throws {
    let state = try producers(sent: 7)
    #expect(judge(state, ticket(1, 1, 10), pending: 9) == .success(.next))
    #expect(judge(state, ticket(1, 1, 8), pending: 9) == .success(.unsettled))
    #expect(judge(state, ticket(1, 1, 9), pending: 9) == .success(.unsettled))
    #expect(judge(state, ticket(1, 1, 7, digest: 7), pending: 9) == first(7))
    #expect(
      judge(state, ticket(1, 1, 11), pending: 9) == .failure(.sequenceGap(producer: 1, found: 11, next: 10)))
    // What is pending is use.
    #expect(judge(state, ticket(1, 1, 10), pending: 9, at: 9_000) == .success(.next))
    // What was pending has settled meanwhile.
    #expect(judge(state, ticket(1, 1, 8), pending: 7) == .success(.next))
  }

  @Test("a request without an offset leaves the offset as it was; an empty one is an offset")
  func offsets() throws {
    var state = try producers(sent: 7)
    let without = ticket(1, 1, 8)
    try state.apply(80, at: 80, record { $0.writeProducerRequest(without, RowCounts()) })
    #expect(state.producers[1]?.sourceOffset == [7])
    let empty = ticket(1, 1, 9, offset: [])
    try state.apply(90, at: 90, record { $0.writeProducerRequest(empty, RowCounts()) })
    #expect(state.producers[1]?.sourceOffset == [])
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("a request that does not follow the one before contradicts the log")
  func misfits() throws {
    var state = try producers(sent: 7)
    for wrong in [ticket(1, 1, 7), ticket(1, 1, 9), ticket(1, 2, 8), ticket(2, 1, 1), ticket(0, 1, 1)] {
      let fault = state.refusal(of: record { $0.writeProducerRequest(wrong, RowCounts()) })
      guard case .contradicts(kind: 5, _) = fault else {
        Issue.record("\(wrong): \(String(describing: fault))")
        continue
      }
    }
    let right = record { $0.writeProducerRequest(ticket(1, 1, 8), RowCounts()) }
    #expect(state.refusal(of: right) == nil)
    // It says what the rest of its frame is, so it stands first.
    #expect(throws: RecordFault.contradicts(kind: 5, "a request's record is not the first of its frame")) {
      try state.apply(500, at: 80, record { $0.writeProducersExpired([]) }, right)
    }
    try state.apply(500, at: 80, record { $0.writeProducersExpired([1]) })
    #expect(state.refusal(of: right) != nil)
    #expect(state.refusal(of: record { $0.writeProducersExpired([1]) }) != nil)
    #expect(state.refusal(of: record { $0.writeProducersExpired([2]) }) != nil)
  }

  @Test("an opening with another id or epoch than the next contradicts the log")
  func wrongOpenings() throws {
    let state = try producers(sent: 1)
    let openings: [(UInt32, UInt32, String, Bool)] = [
      (1, 2, "loader", true), (2, 1, "other", true), (1, 1, "loader", false), (1, 3, "loader", false),
      (2, 2, "loader", false), (1, 1, "other", false), (3, 1, "other", false), (2, 2, "other", false),
      (0, 1, "other", false), (.max, 1, "other", false),
    ]
    for (id, epoch, name, isRight) in openings {
      let opening = ProducerOpening(producer: id, epoch: epoch, lastSequence: 0, sourceOffset: nil)
      let fault = state.refusal(of: record { $0.writeProducerOpened(opening, name: name) })
      #expect((fault == nil) == isRight, "\(id) \(epoch) \(name)")
    }
  }

  @Test("a name is 1 to 256 bytes without control characters, and is its bytes")
  func names() throws {
    let good = ["a", "Zoë 漢 🙂", String(repeating: "x", count: 256), String(repeating: "é", count: 128), " "]
    let bad =
      ["", String(repeating: "x", count: 257), String(repeating: "é", count: 129)]
      + ["a\u{0}", "\n", "\u{1f}", "\u{7f}", "\u{80}", "\u{9f}", "\r\n"]
    for name in good { #expect(throws: Never.self) { try Producers.check(name: name) } }
    for name in bad {
      #expect(throws: StoreError.badProducerName(name)) { try Producers.check(name: name) }
      let bytes: [UInt8] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
      let body = record {
        $0.write(bytes)
        $0.writeVarint(UInt64(name.utf8.count))
        $0.write(utf8: name)
      }
      #expect(StoreState().refusal(of: record(kind: 5, body: body)) != nil)
    }
    var state = StoreState()
    for (place, name) in ["\u{e9}", "e\u{301}"].enumerated() {
      let opening = state.producers.opening(name: name)
      #expect(opening.producer == UInt32(place + 1))
      try state.apply(UInt64(place + 1), at: 1, record { $0.writeProducerOpened(opening, name: name) })
    }
    let invalid: [UInt8] = [1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0x28]
    #expect(state.refusal(of: record(kind: 5, body: invalid)) == .notText(kind: 5, at: 13))
  }
}

/// A state as its note says it.
enum StoreStateCopy {
  static func through(_ before: StoreState) throws -> StoreState { try state(noted: before.noteBytes).get() }
}
