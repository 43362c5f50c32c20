import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Runs")
struct RunTests {
  @Test("a run gives back every event that it was given, of all types, all at once and key by key")
  func roundTrip() throws {
    var blocks = 0
    for seed in 0..<60 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let story = try RunStory(&random, events: random.pick([0, 1, 2, 30, 300]))
      let disk = SimulatedDisk(folders: ["d"])
      let attributes = try story.write(disk)
      #expect(attributes.events == UInt64(story.events.count))
      let run = try story.open(disk, attributes)
      try run.verify()
      #expect(try all(run.events()) == story.events, "seed \(seed)")
      #expect(run.schema.fields == story.schema.fields)
      #expect(run.schema.features == story.schema.features)
      #expect(run.schema.keys == story.schema.keys)
      blocks += run.blockCount
      for key in Set(story.events.map(\.key)) {
        let found = try contents(run.events(of: unsafe key.span.bytes))
        #expect(found == story.events.filter { $0.key == key }, "seed \(seed)")
        for other in [key + [0], Array(key.dropLast()), key.map { $0 ^ 0xff }, []] {
          let found = try contents(run.events(of: unsafe other.span.bytes))
          #expect(found == story.events.filter { $0.key == other }, "seed \(seed)")
        }
      }
    }
    #expect(blocks > 500)
  }

  @Test("long keys that begin alike are found, though the bounds of a block are cut")
  func longKeys() throws {
    var random = SplitMix64(seed: 3)
    var story = try RunStory(&random, events: 0, types: [.int64], keys: [.bytes])
    var encoder = KeyEncoder()
    let layout = story.schema.layout
    var keys: [[UInt8]] = []
    for number in 0..<200 {
      encoder.removeAll()
      let part = [UInt8](repeating: 0xfe, count: 300) + [UInt8(2 + number / 3), UInt8(2 + number % 3)]
      try encoder.append(bytes: unsafe part.span.bytes)
      keys.append(encoder.bytes.copied())
    }
    story.events = sorted(
      try keys.enumerated().map {
        try random.event(layout, view: ViewVersionID(9), key: $1, lsn: UInt64(101 + $0))
      })
    story.lsns = LSNRange(LSN(101), through: LSN(400))
    story.limits.pageRowsMax = 7
    story.limits.rowGroupRowsMax = 21
    let disk = SimulatedDisk(folders: ["d"])
    let run = try story.open(disk, try story.write(disk))
    for key in keys {
      #expect(try run.events(of: unsafe key.span.bytes).count == 1)
    }
  }

  @Test("a run of an older layout is read by a newer one")
  func olderLayout() throws {
    var random = SplitMix64(seed: 4)
    let story = try RunStory(&random, events: 50, types: [.int64, .string])
    let disk = SimulatedDisk(folders: ["d"])
    let run = try story.open(disk, try story.write(disk))
    let newer = try layout([.int64, .string, .float64, .list(of: .bytes)])
    for event in try all(run.events()) {
      let said = try inputs(event, newer)
      #expect(said[2] == .absent && said[3] == .absent)
      #expect(try Array(said[..<2]) == inputs(event, story.schema.layout))
    }
  }

  /// Whether anything is wrong: when it is opened, when all is read, when one key is read, or when all of it is verified.
  private func isFound(_ bytes: [UInt8], _ story: RunStory, _ attributes: RunAttributes, verifying: Bool)
    -> Bool
  {
    do {
      let run = try story.open(try disk(holding: bytes), attributes)
      if verifying {
        try run.verify()
      } else {
        // Whatever is given out must be what was written.
        let events = try all(run.events())
        if events != story.events { Issue.record("other events were given out") }
      }
      return false
    } catch {
      return error is HistoryError
    }
  }

  @Test("every bit of a run that flips is found before a value of its page is used")
  func flips() throws {
    var random = SplitMix64(seed: 5)
    var story = try RunStory(&random, events: 12, types: [.int64, .list(of: .string)], keys: [.string])
    story.limits.pageRowsMax = 5
    let simulated = SimulatedDisk(folders: ["d"])
    let attributes = try story.write(simulated)
    let bytes = try simulated.open("d/r", .read).readAll()
    // The columns that are for people are not read but by `verify`.
    var passed = 0
    for place in bytes.indices {
      for bit in 0..<8 {
        var other = bytes
        other[place] ^= 1 << UInt8(bit)
        if !isFound(other, story, attributes, verifying: true) {
          Issue.record("a flip of byte \(place), bit \(bit) is not found")
        }
        if place % 7 == bit, !isFound(other, story, attributes, verifying: false) { passed += 1 }
      }
    }
    #expect(passed > 0 && passed < bytes.count / 7, "\(passed) flips in what only people read")
  }

  @Test("a run that is cut, or of another store, file or range, is refused")
  func refused() throws {
    var random = SplitMix64(seed: 6)
    var story = try RunStory(&random, events: 12, types: [.int64], keys: [.int64])
    story.limits.pageRowsMax = 4
    let simulated = SimulatedDisk(folders: ["d"])
    let attributes = try story.write(simulated)
    let bytes = try simulated.open("d/r", .read).readAll()
    for count in 0..<bytes.count {
      let cut = Array(bytes[..<count])
      var isRefused = isFound(cut, story, attributes, verifying: false)
      var believed = attributes
      believed.size = UInt64(count)
      if believed.tailAt <= believed.size, !isFound(cut, story, believed, verifying: false) {
        isRefused = false
      }
      if !isRefused { Issue.record("a run cut to \(count) bytes is not refused") }
    }
    for id in [
      HistoryFileID(store: Array(0..<16), file: 0xabc), HistoryFileID(store: Array(16..<32), file: 1),
    ] {
      #expect(throws: HistoryError.self) { try story.open(simulated, attributes, "d/r", id) }
    }
    var other = story
    other.lsns = LSNRange(LSN(100), through: story.lsns.last)
    #expect(throws: HistoryError.self) { try other.open(simulated, attributes) }

    // The same events from another file: its pages are whole, and its tail is not this one's.
    let second = try story.write(simulated, "d/s", HistoryFileID(store: Array(16..<32), file: 1))
    #expect(second.tailDigest != attributes.tailDigest)
    let pages = try simulated.open("d/s", .read).readAll()
    #expect(
      pages[..<Int(second.tailAt)] == bytes[..<Int(attributes.tailAt)], "pages know neither file nor store")
    let isSecondFound = isFound(pages, story, second, verifying: false)
    #expect(isSecondFound)
  }

  // The bytes of a tail are judged by their digest first. Here the digest is made to fit, as no damage does: what is then said of
  // pages and columns is still looked at before it is followed.
  @Test("a tail that was changed with its digest leads nowhere else than to an error, or to the same events")
  func forgedTails() throws {
    var random = SplitMix64(seed: 9)
    var story = try RunStory(&random, events: 9, types: [.int64, .string], keys: [.int64])
    story.limits.pageRowsMax = 4
    let simulated = SimulatedDisk(folders: ["d"])
    let attributes = try story.write(simulated)
    let bytes = try simulated.open("d/r", .read).readAll()
    let tailAt = Int(attributes.tailAt)
    var refused = 0
    for place in tailAt..<bytes.count {
      for change in [1, 0x80, UInt8(random.within(1...255))] {
        var other = bytes
        other[place] ^= change
        var believed = attributes
        let tail = Array(other[tailAt...])
        believed.tailDigest = SHA256.digest(of: unsafe tail.span.bytes)
        if isFound(other, story, believed, verifying: random.coin()) { refused += 1 }
      }
    }
    #expect(refused > bytes.count - tailAt)
  }

  @Test("what is not an event of the run, or out of order, is not written")
  func writerRefuses() throws {
    var random = SplitMix64(seed: 7)
    let story = try RunStory(&random, events: 20, types: [.int64], keys: [.int64])
    let disk = SimulatedDisk(folders: ["d"])
    func write(_ events: [HistoryEvent], _ path: String) throws {
      let writer = try RunWriter(try disk.open(path, .create), runID, story.schema, lsns: story.lsns)
      try writer.append(all: ListCursor(events))
      _ = try writer.finish()
    }
    let first = try #require(story.events.first)
    #expect(throws: HistoryError.twice(ViewVersionID(9), first.head.lsn)) {
      try write([first, first], "d/1")
    }
    #expect(throws: HistoryError.self) { try write(story.events.reversed(), "d/2") }
    var foreign = first
    foreign.head.viewVersion = ViewVersionID(8)
    #expect(throws: HistoryError.foreign(path: "d/3", ViewVersionID(8), first.head.lsn)) {
      try write([foreign], "d/3")
    }
    foreign = first
    foreign.head.lsn = story.lsns.last.next
    #expect(throws: HistoryError.foreign(path: "d/4", ViewVersionID(9), story.lsns.last.next)) {
      try write([foreign], "d/4")
    }
    foreign = first
    foreign.key.append(1)
    #expect(throws: HistoryError.self) { try write([foreign], "d/5") }
  }

  @Test("runs merge into one that holds the events of all of them, with the digest of those")
  func merge() throws {
    for seed in 0..<10 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let story = try RunStory(&random, events: 400)
      let disk = SimulatedDisk(folders: ["d"])
      var cursors: [any EventCursor] = []
      for part in 0..<4 {
        var some = story
        // Ranges that do not overlap.
        some.lsns = LSNRange(LSN(UInt64(101 + 100 * part)), through: LSN(UInt64(200 + 100 * part)))
        some.events = story.events.filter { some.lsns.contains($0.head.lsn) }
        let attributes = try some.write(disk, "d/\(part)")
        cursors.append(try some.open(disk, attributes, "d/\(part)").events())
      }
      let whole = try RunWriter(try disk.open("d/r", .create), runID, story.schema, lsns: story.lsns)
      try whole.append(all: RunMerge(cursors))
      let attributes = try whole.finish()
      let run = try story.open(disk, attributes)
      try run.verify()
      #expect(try all(run.events()) == story.events, "seed \(seed)")
      var direct = story
      direct.limits = RunLimits()
      #expect(try direct.write(disk, "d/direct") == attributes, "the same events make the same file")
    }
  }

  @Test("a disk that refuses is told of, and nothing else")
  func refusing() throws {
    var random = SplitMix64(seed: 8)
    let story = try RunStory(&random, events: 3000, types: [.string, .int64], keys: [.int64])
    let disk = SimulatedDisk(capacity: 8192, folders: ["d"])
    #expect(throws: HistoryError.self) { try story.write(disk) }
  }
}
