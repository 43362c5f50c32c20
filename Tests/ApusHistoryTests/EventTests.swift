import ApusBytes
import ApusContracts
import ApusHistory
import ApusTestSupport
import Testing

@Suite("Events in order")
struct EventTests {
  private func events(_ random: inout SplitMix64, _ count: Int) throws -> [HistoryEvent] {
    let layout = try layout((0..<3).map { _ in random.featureType() })
    var lsns = (1...UInt64(max(1, count))).shuffled(using: &random)
    return try (0..<count).map { _ in
      // Keys that begin alike, and one that is a beginning of others.
      let key =
        random.chance(0.1)
        ? [] : [UInt8](repeating: 0, count: random.below(10)) + random.bytes(random.below(3))
      return try random.event(
        layout, view: ViewVersionID(UInt32(random.pick([0, 1, 7, 4_294_967_295]))), key: key,
        lsn: lsns.removeLast())
    }
  }

  @Test("a batch gives back the events that were added, in their order")
  func batches() throws {
    var random = SplitMix64(seed: 1)
    let events = try events(&random, 100)
    #expect(contents(batch(events)) == events)
  }

  @Test("a sorter gives back every event once, by view version, key and stamp")
  func sorter() throws {
    for seed in 0..<40 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let events = try events(&random, random.pick([0, 1, 2, 50, 500]))
      var sorter = EventSorter()
      let batch = batch(events)
      for place in 0..<batch.count { sorter.add(batch.event(place)) }
      try sorter.sort()
      let expected = sorted(events)
      #expect(sorter.viewVersions == Set(events.map(\.head.viewVersion)).sorted(), "seed \(seed)")
      var found: [HistoryEvent] = []
      for version in sorter.viewVersions {
        let some = try all(sorter.events(of: version))
        #expect(some.count == sorter.count(of: version))
        found += some
      }
      #expect(found == expected, "seed \(seed)")
      #expect(try all(sorter.events(of: ViewVersionID(3))).isEmpty)
    }
  }

  @Test("a sorter holds more than one chunk, and goes on after it was sorted")
  func chunks() throws {
    var random = SplitMix64(seed: 2)
    var sorter = EventSorter()
    var events: [HistoryEvent] = []
    for lsn in 1...3000 as ClosedRange<UInt64> {
      let head = HistoryEventHead(
        .upsert, ViewVersionID(1), eventTime: EventTime(nanoseconds: Int64(lsn % 5)),
        createdAt: CreatedAt(nanoseconds: 0), isCreatedAtGiven: false, knownAt: KnownAt(nanoseconds: 9),
        isKnownAtAssumed: false, lsn: LSN(lsn))
      let event = HistoryEvent(head, key: random.bytes(2), cells: random.bytes(4096))
      events.append(event)
      sorter.add(batch([event]).event(0))
      if lsn == 1500 { try sorter.sort() }
    }
    try sorter.sort()
    #expect(sorter.byteCount > 12 << 20)
    #expect(try all(sorter.events(of: ViewVersionID(1))) == sorted(events))
  }

  @Test("an event that is there twice is refused, by the sorter and by the merge")
  func twice() throws {
    var random = SplitMix64(seed: 3)
    let layout = try layout([.int64])
    let event = try random.event(layout, key: [1], lsn: 5)
    let error = HistoryError.twice(ViewVersionID(1), LSN(5))
    #expect(throws: error) {
      var sorter = EventSorter()
      let batch = batch([event])
      sorter.add(batch.event(0))
      sorter.add(batch.event(0))
      try sorter.sort()
    }
    #expect(throws: error) { try all(RunMerge([ListCursor([event]), ListCursor([event])])) }
  }

  @Test("many streams merge into one, in order, and none is lost", arguments: [0, 1, 2, 3, 16])
  func merge(streams: Int) throws {
    for seed in 0..<20 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let all = try events(&random, streams == 0 ? 0 : 200).map { event in
        var event = event
        event.head.viewVersion = ViewVersionID(1)
        return event
      }
      var parts = [[HistoryEvent]](repeating: [], count: streams)
      for event in all { parts[random.below(streams)].append(event) }
      let merge = RunMerge(parts.map { ListCursor(sorted($0)) })
      #expect(try ApusHistoryTests.all(merge) == sorted(all), "seed \(seed)")
      #expect(try !merge.advance())
    }
  }

  @Test("a stream that does not ascend is refused")
  func descending() throws {
    var random = SplitMix64(seed: 4)
    let layout = try layout([.int64])
    let events = try [[2], [1]].enumerated().map { place, key in
      try random.event(layout, key: key, lsn: UInt64(place) + 1)
    }
    #expect(throws: HistoryError.order(ViewVersionID(1), LSN(2))) { try all(RunMerge([ListCursor(events)])) }
  }

  @Test("a digest knows every field of an event but its producer, and the order of events")
  func digest() throws {
    func digest(_ events: [HistoryEvent]) -> EventDigest {
      var digester = EventDigester()
      for place in events.indices { digester.take(batch(events).event(place)) }
      return digester.digest
    }
    var random = SplitMix64(seed: 5)
    let layout = try layout([.int64, .string])
    let a = try random.event(layout, key: [1, 2], lsn: 1, deletes: 0)
    let b = try random.event(layout, key: [1, 3], lsn: 2, deletes: 0)
    var seen: Set<EventDigest> = [digest([]), digest([a]), digest([b]), digest([a, b]), digest([b, a])]
    var changes: [HistoryEvent] = []
    func change(_ body: (inout HistoryEvent) -> Void) {
      var other = a
      body(&other)
      changes.append(other)
    }
    change { $0.head.eventTime.nanoseconds += 1 }
    change { $0.head.createdAt.nanoseconds += 1 }
    change { $0.head.knownAt.nanoseconds += 1 }
    change { $0.head.lsn = LSN(9) }
    change { $0.head.operation = .delete }
    change { $0.head.isCreatedAtGiven.toggle() }
    change { $0.head.isKnownAtAssumed.toggle() }
    change { $0.key.append(0) }
    change { $0.cells.append(0) }
    change { $0.key[0] = 7 }
    for other in changes { seen.insert(digest([other])) }
    #expect(seen.count == 5 + changes.count)
    var named = a
    named.producer = "somebody"
    #expect(digest([named]) == digest([a]))
    let fixed = HistoryEvent(
      HistoryEventHead(
        .upsert, ViewVersionID(1), eventTime: EventTime(nanoseconds: 1), createdAt: CreatedAt(nanoseconds: 2),
        isCreatedAtGiven: true, knownAt: KnownAt(nanoseconds: 3), isKnownAtAssumed: true, lsn: LSN(4)),
      key: [5], cells: [6, 7, 8, 9, 10, 11, 12, 13, 14])
    #expect(digest([fixed]).description == "dc39db523bf8cca86ef14c7c23276ea3")
  }
}
