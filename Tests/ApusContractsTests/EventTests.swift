import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

/// What a view says of an event, as plain values.
private struct EventFacts: Equatable {
  var operation: EventOperation
  var viewVersion: ViewVersionID
  var times: EventTimes
  var key: Bytes
  var cells: Bytes

  init(_ event: EventView) {
    operation = event.operation
    viewVersion = event.viewVersion
    times = EventTimes(
      eventTime: event.eventTime, createdAt: event.createdAt, knownAt: event.knownAt,
      isKnownAtAssumed: event.isKnownAtAssumed)
    key = event.key.copied()
    cells = event.cellBytes.copied()
  }

  init(_ record: EventRecord, _ key: Bytes, _ cells: Bytes, appended: Int64) {
    operation = record.operation
    viewVersion = record.viewVersion
    times = record.times
    times.createdAt = record.times.createdAt ?? CreatedAt(nanoseconds: appended)
    times.knownAt = record.times.knownAt ?? KnownAt(nanoseconds: appended)
    self.key = key
    self.cells = cells
  }
}

private func facts(_ body: Bytes, appended: Int64) -> Result<EventFacts, EventError> {
  do throws(EventError) {
    return .success(EventFacts(try EventView(unsafe body.span.bytes, appendNanoseconds: appended)))
  } catch {
    return .failure(error)
  }
}

private func error(_ body: Bytes, appended: Int64 = 100) -> EventError? {
  if case .failure(let error) = facts(body, appended: appended) { error } else { nil }
}

private func cells(_ inputs: [FeatureInput], _ layout: RowLayout) throws -> Bytes {
  var builder = RowBuilder(layout)
  for input in inputs { try builder.append(input) }
  var writer = ByteWriter()
  builder.writeCells(into: &writer)
  return writer.bytes.copied()
}

extension SplitMix64 {
  fileprivate mutating func record() -> EventRecord {
    let eventTime = Int64(within(-100...100))
    return EventRecord(
      coin() ? .upsert : .delete, ViewVersionID(UInt32(truncatingIfNeeded: next())),
      EventTimes(
        eventTime: EventTime(nanoseconds: eventTime),
        createdAt: coin() ? nil : CreatedAt(nanoseconds: number()),
        knownAt: coin() ? nil : KnownAt(nanoseconds: eventTime + Int64(below(9))), isKnownAtAssumed: coin()))
  }
}

@Suite("Events and records")
struct EventTests {
  @Test("a batch of events is read back record by record, each with its own LSN, and steps over other kinds")
  func roundTrip() throws {
    for seed in UInt64(1)...1000 {
      var random = SplitMix64(seed: seed)
      let layout = try layout((0..<5).map { _ in random.type() })
      var writer = ByteWriter()
      var expected: [EventFacts?] = []
      for _ in 0..<random.below(8) {
        if random.chance(0.2) {
          let start = writer.beginRecord(.deadLetter)
          writer.write(random.bytes(random.below(20)))
          writer.endRecord(from: start)
          expected.append(nil)
          continue
        }
        let record = random.record()
        let key = random.bytes(random.below(20))
        let cells =
          record.operation == .delete ? [] : try cells(layout.slots.map { random.input($0.type) }, layout)
        writer.write(record, key: unsafe key.span.bytes, cells: unsafe cells.span.bytes)
        expected.append(EventFacts(record, key, cells, appended: 1000))
      }
      var walker = RecordWalker(writer.bytes, base: LSN(50))
      var found: [EventFacts?] = []
      while let record = try walker.next() {
        if record.lsn != LSN(50 + UInt64(found.count)) { Issue.record("seed \(seed): LSN \(record.lsn)") }
        if record.kind == .event {
          let event = try EventView(record.body, appendNanoseconds: 1000)
          found.append(EventFacts(event))
          _ = try event.row(record.lsn, layout: layout)
        } else {
          #expect(record.kind == .deadLetter)
          found.append(nil)
        }
      }
      if found != expected {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("an event folds as the row of its stamp does; what it leaves out is the frame's")
  func stamps() throws {
    let layout = try layout([.int64, .string])
    let said: [FeatureInput] = [.value(.int64(4)), .value(.string("x"))]
    var builder = RowBuilder(layout)
    for input in said { try builder.append(input) }
    let live = EventRecord(.upsert, ViewVersionID(3), EventTimes(eventTime: EventTime(nanoseconds: 7)))
    let key: Bytes = [1, 2]
    var writer = ByteWriter()
    writer.write(live, key: unsafe key.span.bytes, cells: builder)
    let delete = EventRecord(
      .delete, ViewVersionID(3),
      EventTimes(eventTime: EventTime(nanoseconds: 9), createdAt: CreatedAt(nanoseconds: 2)))
    writer.write(delete, key: unsafe key.span.bytes, cells: RawSpan())

    var walker = RecordWalker(writer.bytes, base: LSN(11))
    var rows: [Bytes] = []
    while let record = try walker.next() {
      let event = try EventView(record.body, appendNanoseconds: 40)
      var row = ByteWriter()
      try event.row(record.lsn, layout: layout).write(into: &row)
      rows.append(row.bytes.copied())
      #expect(event.knownAt == KnownAt(nanoseconds: 40))
    }
    #expect(try rows == [row(said, layout, at: stamp(7, 40, 11)), deletedRow(at: stamp(9, 2, 12))])
  }

  @Test("an event folded as it stands in the log ends in the bytes that its row ends in")
  func folds() throws {
    for seed in UInt64(1)...1000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...8))
      let events = view.events(5, &random)
      var known = emptyRow
      for event in events {
        let said = event.isDelete ? [] : try cells(event.inputs, layout(view.types(event.inputs.count)))
        let times = EventTimes(
          eventTime: event.stamp.eventTime, createdAt: event.stamp.createdAt,
          knownAt: KnownAt(nanoseconds: .max))
        var log = ByteWriter()
        log.write(
          EventRecord(event.isDelete ? .delete : .upsert, ViewVersionID(1), times), key: RawSpan(),
          cells: unsafe said.span.bytes)
        var walker = RecordWalker(log.bytes, base: event.stamp.lsn)
        guard let record = try walker.next() else { continue }
        let new = try EventView(record.body, appendNanoseconds: 0).row(record.lsn, layout: view.layout)
        var writer = ByteWriter()
        let before = known
        let row = try RowView(unsafe before.span.bytes, layout: view.layout)
        if Fold.fold(row, new, layout: view.layout, into: &writer) == .written {
          known = writer.bytes.copied()
        }
      }
      if try known != view.fold(events.map(view.row)) {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("a live event of ten floats with an int64 key takes 120 bytes")
  func size() throws {
    let layout = try layout([FeatureType](repeating: .float64, count: 10))
    let all = try cells([FeatureInput](repeating: .value(.float64(1)), count: 10), layout)
    let key = Bytes(repeating: 1, count: 8)
    var writer = ByteWriter()
    let live = EventRecord(.upsert, ViewVersionID(3), EventTimes(eventTime: EventTime(nanoseconds: 7)))
    writer.write(live, key: unsafe key.span.bytes, cells: unsafe all.span.bytes)
    #expect(writer.count == 120)
  }

  @Test("what no reader would take is not written")
  func notWritten() async {
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      let live = EventTimes(eventTime: EventTime(nanoseconds: 7))
      writer.write(
        EventRecord(.delete, ViewVersionID(3), live), key: RawSpan(), cells: RowBuilder(try layout([.bool])))
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      let live = EventTimes(eventTime: EventTime(nanoseconds: 7))
      writer.write(EventRecord(.upsert, ViewVersionID(3), live), key: RawSpan(), cells: RawSpan())
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      let early = EventTimes(eventTime: EventTime(nanoseconds: 7), knownAt: KnownAt(nanoseconds: 6))
      writer.write(EventRecord(.delete, ViewVersionID(3), early), key: RawSpan(), cells: RawSpan())
    }
  }

  @Test("every fault of an event has its name")
  func faults() throws {
    // Delete, no flags, a key of one byte, view version 2, event time 5.
    let good: Bytes = [2, 0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x61]
    func with(_ at: Int, _ byte: UInt8) -> EventError? {
      var bytes = good
      bytes[at] = byte
      return error(bytes)
    }
    #expect(error(good) == nil)
    #expect(with(0, 0) == .unknownOperation(0))
    #expect(with(0, 3) == .unknownOperation(3))
    #expect(with(1, 8) == .unknownFlags(8))
    #expect(with(1, 2) == .truncated(at: 16, needed: 8, available: 1))
    #expect(with(2, 2) == .truncated(at: 16, needed: 2, available: 1))
    #expect(with(2, 0) == .cellsOfDelete(byteCount: 1))
    #expect(with(3, 2) == .keyTooLong(byteCount: 513, limit: 400))
    #expect(
      error(good, appended: 4)
        == .knownBeforeEvent(EventTime(nanoseconds: 5), KnownAt(nanoseconds: 4)))
    for count in 0..<good.count { #expect(error(Array(good[..<count])) != nil, "\(count)") }

    // A known-at that stands in the record, one before the event time; and the longest key.
    let told: Bytes = [2, 4, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
    #expect(
      error(told) == .knownBeforeEvent(EventTime(nanoseconds: 5), KnownAt(nanoseconds: 4)))
    let long = Array(good[..<16]) + Bytes(repeating: 0x61, count: 401)
    #expect(error([2, 0, 0x91, 1] + long[4...]) == .keyTooLong(byteCount: 401, limit: 400))
    #expect(error([2, 0, 0x90, 1] + long[4..<416]) == nil)
  }

  @Test("the last LSN that there can be is given to a record like any other")
  func lastLSN() throws {
    let payload: Bytes = [2, 0, 0, 0, 0, 0, 0, 0]
    var walker = RecordWalker(unsafe payload.span.bytes, base: LSN(.max))
    var found: [LSN] = []
    while let record = try walker.next() { found.append(record.lsn) }
    #expect(found == [LSN(.max)])
  }

  @Test("every fault of a list of records has its name, and the walker stands still there")
  func walkerFaults() throws {
    func fault(_ payload: Bytes) -> EventError? {
      var walker = RecordWalker(unsafe payload.span.bytes, base: .first)
      do throws(EventError) {
        while try walker.next() != nil {}
        return nil
      } catch let first {
        do throws(EventError) {
          _ = try walker.next()
          return nil
        } catch {
          return error == first ? error : nil
        }
      }
    }
    #expect(fault([]) == nil)
    #expect(fault([9, 0, 0, 0, 0, 0, 0, 0]) == nil)
    #expect(fault([1, 0, 0, 0, 1, 0, 0, 0]) == .truncated(at: 0, needed: 9, available: 8))
    #expect(fault([1, 0, 0, 0, 0, 0, 0, 0, 1]) == .truncated(at: 8, needed: 8, available: 1))
    #expect(fault([1, 0, 1, 0, 0, 0, 0, 0]) == .notZero(at: 2))
    #expect(fault([1, 0, 0, 1, 0, 0, 0, 0]) == .notZero(at: 3))
    #expect(fault([1, 0, 0, 0, 255, 255, 255, 255]) != nil)
    #expect(fault([0, 0, 0, 0, 0, 0, 0, 0]) == .unknownKind(at: 0, 0))
  }

  @Test("no bytes make a walker or an event trap")
  func fuzz() throws {
    var read = 0
    for seed in UInt64(1)...4000 {
      var random = SplitMix64(seed: seed)
      let layout = try layout((0..<4).map { _ in random.type() })
      var writer = ByteWriter()
      for _ in 0..<random.within(1...4) {
        let record = random.record()
        let said =
          record.operation == .delete ? [] : try cells(layout.slots.map { random.input($0.type) }, layout)
        let key = random.bytes(4)
        writer.write(record, key: unsafe key.span.bytes, cells: unsafe said.span.bytes)
      }
      var bytes = writer.bytes.copied()
      for _ in 0..<random.within(1...4) {
        bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      if random.chance(0.1) { bytes = random.bytes(random.below(100)) }
      if random.chance(0.2) { bytes.removeLast(random.within(0...bytes.count)) }
      var walker = RecordWalker(unsafe bytes.span.bytes, base: .first)
      while let record = try? walker.next() {
        guard let event = try? EventView(record.body, appendNanoseconds: 50) else { continue }
        guard let row = try? event.row(record.lsn, layout: layout) else { continue }
        for slot in layout.slots { _ = try? row.cells.input(slot) }
        read += 1
      }
    }
    #expect(read > 1000)
  }
}
