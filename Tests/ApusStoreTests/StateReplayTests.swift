// The state is a function of the log: of its frames in order, wherever a note was taken between them.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("The state of a store, replayed")
struct StateReplayTests {
  @Test(
    "a note taken after any frame, and the frames after it, make the state of the whole log",
    arguments: 1...40)
  func notesAtEveryFrame(seed: UInt64) throws {
    let story = try StateStory(seed: seed, frameCount: 60)
    var before = StoreState()
    for split in 0...story.frames.count {
      if split > 0 { try before.apply(story.frames[split - 1]) }
      var after = try state(noted: before.noteBytes).get()
      try #require(after == before, "seed \(seed), frame \(split)")
      try #require(after.noteBytes == before.noteBytes, "seed \(seed), frame \(split)")
      for frame in story.frames[split...] { try after.apply(frame) }
      try #require(after == story.state, "seed \(seed), frame \(split)")
      try #require(after.noteBytes == story.state.noteBytes, "seed \(seed), frame \(split)")
    }
  }

  @Test("what it says of letters and events is what counting them one by one says", arguments: 100...180)
  func counting(seed: UInt64) throws {
    let story = try StateStory(seed: seed, frameCount: 80)
    let sums = story.state.deadLetters
    let open = story.letters.filter { !$0.isHandled }
    #expect(sums.letters == UInt64(open.count), "seed \(seed)")
    #expect(sums.byteCount == UInt64(open.reduce(0) { $0 + $1.byteCount }), "seed \(seed)")
    #expect(sums.listed == StateStory.sums(open), "seed \(seed)")
    #expect(sums.oldest == open.map(\.time).min().map { WallTime(nanoseconds: $0) }, "seed \(seed)")
    let last = story.frames.last?.moment.lsns.last.rawValue ?? 0
    for lsn in 0...(last + 1) {
      #expect(sums.isHandled(LSN(lsn)) == story.handled.contains(lsn), "seed \(seed), LSN \(lsn)")
    }
    for view in 0...3 as ClosedRange<UInt32> {
      let events = story.events.filter { $0.view == view }
      let expected = events.last.map { last in
        ViewActivity(
          events: UInt64(events.count),
          newestEventTime: EventTime(nanoseconds: events.map(\.eventTime).max() ?? 0),
          lastAppendTime: WallTime(nanoseconds: last.time), lastLSN: LSN(last.lsn))
      }
      #expect(story.state.activity[ViewVersionID(view)] == expected, "seed \(seed), view \(view)")
    }
  }

  @Test("a sum of LSN ranges holds what each of them held, in one form", arguments: 1...200)
  func ranges(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var set: Set<UInt64> = []
    var union = LSNRanges()
    for _ in 0..<12 {
      let those = (0..<random.below(4)).map { _ in
        let first = UInt64(random.below(60))
        return LSNRange(LSN(first), through: LSN(first + UInt64(random.below(6))))
      }
      for range in those { set.formUnion(range.first.rawValue...range.last.rawValue) }
      union.formUnion(LSNRanges(those))
    }
    set.remove(0)
    #expect((0...80).allSatisfy { union.contains(LSN($0)) == set.contains($0) }, "seed \(seed)")
    #expect(union.count == UInt64(set.count), "seed \(seed)")
    #expect(
      zip(union.ranges, union.ranges.dropFirst()).allSatisfy { $1.first.rawValue - $0.last.rawValue > 1 },
      "seed \(seed)")
    #expect(union == LSNRanges(set.map { LSNRange(LSN($0), through: LSN($0)) }), "seed \(seed)")
  }

  @Test("only definitions and erasures change the catalog")
  func catalog() throws {
    var state = StoreState()
    let changes = try stateDefinitions()
    #expect(try state.apply(1, at: 1, record { $0.writeDefinitions(changes) }))
    #expect(state.registry == (try Registry(changes)))
    let opening = state.producers.opening(name: "a")
    #expect(try !state.apply(2, at: 2, record { $0.writeProducerOpened(opening, name: "a") }))
    #expect(try !state.apply(3, at: 3, eventRecord(1, 3), letterRecord(1, "key")))
    let salt = [UInt8](repeating: 1, count: 32)
    let hashes = [ErasureHash(first: 1, second: 1), ErasureHash(first: 1, second: 2)]
    #expect(try state.apply(6, at: 9, record { $0.writeErase(project: ProjectID(1), salt: salt, hashes) }))
    for hash in hashes {
      #expect(state.erasures.erase(of: hash) == Erase(floor: LSN(6), time: WallTime(nanoseconds: 9)))
    }
  }

  @Test("the newest event time is the greatest that was said, before 1970 too, and not the last")
  func newestEventTime() throws {
    var state = try definedState()
    try state.apply(2, at: 300, eventRecord(2, -90))
    #expect(state.activity[ViewVersionID(2)]?.newestEventTime == EventTime(nanoseconds: -90))
    try state.apply(3, at: 400, eventRecord(2, -70), eventRecord(2, -80))
    #expect(
      state.activity[ViewVersionID(2)]
        == ViewActivity(
          events: 3, newestEventTime: EventTime(nanoseconds: -70),
          lastAppendTime: WallTime(nanoseconds: 400), lastLSN: LSN(4)))
    // The array reaches over view version 1, of which nothing was said.
    #expect(state.activity[ViewVersionID(1)] == nil)
    #expect(state.activity.listed.map(\.id) == [ViewVersionID(2)])
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("an event of a view version that there is not leaves no trace, however large its id")
  func unknownEvents() throws {
    var state = try definedState()
    let before = state
    for id in [0, 3, .max] as [UInt32] {
      state.note(
        eventOf: ViewVersionID(id), eventTime: EventTime(nanoseconds: 1), lsn: LSN(2),
        time: WallTime(nanoseconds: 1))
    }
    #expect(state == before)
  }
}

enum StateMeasuring {
  static let isWanted = unsafe getenv("APUS_MEASURE") != nil
}

@Suite(
  "How fast events are noted", .serialized, .enabled(if: StateMeasuring.isWanted, "only with APUS_MEASURE"))
struct StateMeasuringTests {
  @Test("noting an event")
  func events() throws {
    var state = try definedState()
    let count = 50_000_000
    let start = ContinuousClock.now
    for lsn in 0..<count {
      state.note(
        eventOf: ViewVersionID(UInt32(truncatingIfNeeded: 1 + lsn & 1)),
        eventTime: EventTime(nanoseconds: Int64(lsn)),
        lsn: LSN(UInt64(lsn)), time: WallTime(nanoseconds: Int64(lsn)))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    print("note(eventOf:) \(seconds / Double(count) * 1e9) ns")
    #expect(state.activity[ViewVersionID(1)]?.events == UInt64(count / 2))
  }
}
