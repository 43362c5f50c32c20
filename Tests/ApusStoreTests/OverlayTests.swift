import ApusBytes
import ApusStore
import ApusTestSupport
import Testing

@Suite("The overlay")
struct OverlayTests {
  private func writer(after checkpoint: UInt64 = 0, budget: Int = 1 << 30) -> OverlayWriter {
    OverlayWriter(after: LSN(checkpoint), byteCountBudget: budget, hash: OverlayHash(seed: (1, 2)))
  }

  @Test("an event is seen when its LSN is published, and not before")
  func visibility() throws {
    var writer = writer(after: 9)
    var reader = try OverlayReader(of: writer.overlay)
    writer.put(key("a"), [1], at: 10)
    #expect(reader.visible == LSN(9))
    #expect(reader.found(key("a")).isEmpty)
    writer.publish(10)
    #expect(reader.visible == LSN(10))
    #expect(reader.found(key("a")) == [Found(bytes: [1], first: 10)])
    #expect(reader.found(key("b")).isEmpty)
  }

  @Test("a read at an earlier LSN sees the version of that LSN")
  func history() throws {
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    for lsn in UInt64(1)...5 { writer.append(key("a"), [UInt8(lsn)], at: lsn) }
    writer.publish(5)
    for lsn in 0...5 {
      #expect(
        reader.found(key("a"), through: LSN(UInt64(lsn))).first?.bytes
          == (lsn == 0 ? nil : Array(1...UInt8(lsn))))
    }
  }

  @Test("a version folds the events of its own generation only, and a read gets one of each, newest first")
  func generations() throws {
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    writer.append(key("a"), [1], at: 1)
    writer.append(key("b"), [2], at: 2)
    writer.publish(2)
    let first = try #require(try writer.freeze())
    writer.append(key("a"), [3], at: 3)
    writer.publish(3)
    #expect(reader.found(key("a")) == [Found(bytes: [3], first: 3), Found(bytes: [1], first: 1)])
    #expect(reader.found(key("b")) == [Found(bytes: [2], first: 1)])
    #expect(reader.found(key("a"), through: LSN(2)) == [Found(bytes: [1], first: 1)])
    writer.drop(first)
    #expect(reader.found(key("a")) == [Found(bytes: [3], first: 3)])
    #expect(reader.found(key("b")).isEmpty)
  }

  @Test("an event that changes nothing makes no version and no entry; one whose fold fails leaves no trace")
  func unchanged() throws {
    struct Refusal: Error {}
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    let a = key("a")
    writer.apply(key: unsafe a.span.bytes, lsn: LSN(1)) { before, _ in
      #expect(before?.byteCount == nil)
      return .unchanged
    }
    writer.put(a, [7], at: 2)
    #expect(throws: Refusal.self) {
      try writer.apply(key: unsafe a.span.bytes, lsn: LSN(3)) { (_, scratch) throws(Refusal) in
        scratch.write(UInt8(9))
        throw Refusal()
      }
    }
    let applied = writer.lastApplied
    #expect(applied == LSN(2))
    writer.apply(key: unsafe a.span.bytes, lsn: LSN(3)) { before, scratch in
      #expect(before?.copied() == [7])
      scratch.write(UInt8(8))
      return .unchanged
    }
    writer.publish(3)
    #expect(reader.found(a).map(\.bytes) == [[7]])
    let frozen = try #require(try writer.freeze())
    #expect(frozen.keyCount == 1)
    #expect(frozen.contents.map(\.lsn) == [2])
  }

  @Test("a generation ends with what is visible, and one without any LSN is not frozen")
  func ranges() throws {
    var writer = writer(after: 4)
    #expect(try writer.freeze()?.range == nil)
    writer.publish(7)
    #expect(try writer.freeze()?.range == LSNRange(LSN(5), through: LSN(7)))
    #expect(try writer.freeze()?.range == nil)
    writer.put(key("a"), [], at: 8)
    writer.publish(9)
    #expect(try writer.freeze()?.range == LSNRange(LSN(8), through: LSN(9)))
  }

  @Test("a batch freezes the active generation, lies after it, and is seen at once when it is published")
  func batch() throws {
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    writer.append(key("b"), [1], at: 1)
    writer.publish(1)
    var batch = OverlayBatch(for: writer.overlay, keyCount: 3)
    for (name, lsn) in [("a", UInt64(4)), ("b", 2), ("c", 3)] {
      let key = key(name)
      let version = [UInt8(lsn)]
      batch.append(key: unsafe key.span.bytes, lsn: LSN(lsn), version: unsafe version.span.bytes)
    }
    let frozen = try writer.insertFrozen(&batch, through: LSN(4))
    #expect(frozen.range == LSNRange(LSN(2), through: LSN(4)))
    let left = batch.keyCount
    #expect(left == 0)
    #expect(reader.found(key("b")).map(\.bytes) == [[1]])
    #expect(reader.found(key("a")).isEmpty)
    writer.publish(4)
    #expect(reader.found(key("b")).map(\.bytes) == [[2], [1]])
    #expect(reader.found(key("a")).map(\.bytes) == [[4]])
    #expect(frozen.contents.map(\.key) == [key("a"), key("b"), key("c")])
    let ranges = writer.frozen.map(\.range)
    #expect(ranges == [LSNRange(LSN(1), through: LSN(1)), LSNRange(LSN(2), through: LSN(4))])
    writer.append(key("b"), [5], at: 5)
    writer.publish(5)
    #expect(reader.found(key("b")).map(\.bytes) == [[5], [2], [1]])
  }

  @Test("a full root refuses another generation, changes nothing, and takes it after a drop")
  func rootFull() throws {
    var writer = writer()
    for lsn in 1..<UInt64(OverlayLimits.generationsMax) {
      writer.put(key("a"), [UInt8(lsn)], at: lsn)
      writer.publish(lsn)
      _ = try writer.freeze()
    }
    let last = UInt64(OverlayLimits.generationsMax)
    writer.put(key("a"), [UInt8(last)], at: last)
    writer.publish(last)
    let full = OverlayError.generationsExhausted(limit: OverlayLimits.generationsMax)
    #expect(throws: full) { try writer.freeze() }
    var batch = OverlayBatch(for: writer.overlay)
    let b = key("b")
    batch.append(key: unsafe b.span.bytes, lsn: LSN(last + 1), version: unsafe b.span.bytes)
    writer.drop(try #require(writer.frozen.first))
    // The batch takes two: the active generation is frozen before it.
    #expect(throws: full) { _ = try writer.insertFrozen(&batch, through: LSN(last + 1)) }
    let kept = batch.keyCount
    #expect(kept == 1)
    writer.drop(try #require(writer.frozen.first))
    _ = try writer.insertFrozen(&batch, through: LSN(last + 1))
    writer.publish(last + 1)
    var reader = try OverlayReader(of: writer.overlay)
    #expect(reader.newest(b) == b)
    #expect(reader.found(key("a")).map(\.bytes.first) == (3...UInt8(last)).reversed().map { $0 })
  }

  @Test("there are so many readers and no more; a place that was left is given again")
  func readers() throws {
    let writer = writer()
    func register(_ more: Int) throws {
      let reader = try OverlayReader(of: writer.overlay)
      if more > 1 {
        try register(more - 1)
      } else {
        #expect(writer.overlay.statistics.readerCount == OverlayLimits.readersMax)
        #expect(throws: OverlayError.readersExhausted(limit: OverlayLimits.readersMax)) {
          _ = try OverlayReader(of: writer.overlay)
        }
      }
      _ = consume reader
    }
    try register(OverlayLimits.readersMax)
    #expect(writer.overlay.statistics.readerCount == 0)
    try register(OverlayLimits.readersMax)
  }

  @Test("keys of 0 to 511 bytes and rows of 0 bytes to 64 KiB are kept as they are")
  func sizes() throws {
    var random = SplitMix64(seed: 3)
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    // Each is a prefix of the next, so only their lengths tell them apart.
    let longest = random.bytes(OverlayLimits.keyByteCountMax)
    let rows = (0...longest.count).map { length in
      random.bytes([0, 1, 7, 8, 100, 4096, 65_536][length % 7])
    }
    for length in 0...longest.count {
      writer.put(Array(longest.prefix(length)), rows[length], at: UInt64(length) + 1)
    }
    writer.publish(UInt64(longest.count) + 1)
    for length in 0...longest.count {
      #expect(reader.newest(Array(longest.prefix(length))) == rows[length])
    }
    let frozen = try #require(try writer.freeze())
    #expect(frozen.contents.map(\.key.count) == Array(0...longest.count))
    #expect(frozen.contents.map(\.version) == rows)
  }

  @Test("a generation grows to a million keys, and walks them in ascending order")
  func million() throws {
    let count = 1_000_000
    var writer = writer()
    var reader = try OverlayReader(of: writer.overlay)
    // Multiplying by an odd number visits each key once, in no order.
    for number in 0..<count {
      let scattered = number &* 0x9E37_79B9 & 0xFFFF_FFFF
      writer.put(key(scattered), key(number), at: UInt64(number) + 1)
    }
    writer.publish(UInt64(count))
    var wrong = 0
    for number in 0..<count where reader.newest(key(number &* 0x9E37_79B9 & 0xFFFF_FFFF)) != key(number) {
      wrong += 1
    }
    #expect(wrong == 0)
    let frozen = try #require(try writer.freeze())
    let ascending = frozen.ascendingKeys()
    let keys = ascending.count
    #expect(keys == count)
    var disorder = 0
    for place in 1..<count where ascending.key(at: place - 1).compare(to: ascending.key(at: place)) >= 0 {
      disorder += 1
    }
    #expect(disorder == 0)
    #expect(writer.overlay.statistics.heldBackByteCount == 0)
  }

  @Test("keys of any length that begin alike are walked in the order of their bytes", arguments: 1...8)
  func order(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var writer = writer()
    // Bytes of which few differ, so that long prefixes are common, and keys that are the beginning of others.
    let bytes = random.pick([[0, 1], [0, 255], Array(0...255)]) as [UInt8]
    let shared = random.bytes(random.below(12))
    let lengthMax = random.pick([2, 9, 30])
    var keys: Set<[UInt8]> = []
    for _ in 0..<random.pick([1, 2, 300, 3_000]) {
      keys.insert(shared + (0..<random.within(1...lengthMax)).map { _ in random.pick(bytes) })
    }
    let come = random.coin() ? keys.sorted { $0.lexicographicallyPrecedes($1) } : Array(keys)
    for (number, key) in come.enumerated() { writer.put(key, key, at: UInt64(number) + 1) }
    writer.publish(UInt64(come.count))
    let frozen = try #require(try writer.freeze())
    #expect(frozen.contents.map(\.key) == keys.sorted { $0.lexicographicallyPrecedes($1) }, "seed \(seed)")
    #expect(frozen.contents.allSatisfy { $0.key == $0.version }, "seed \(seed)")
  }

  @Test("the writer and any thread are told when the budget is passed, and when it is not any more")
  func budget() throws {
    var writer = writer(budget: 4 << 20)
    let row = [UInt8](repeating: 1, count: 64 << 10)
    var lsn: UInt64 = 0
    while !writer.overlay.isOverBudget {
      lsn += 1
      writer.put(key(Int(lsn)), row, at: lsn)
    }
    // 64 KiB a row, and never more than a chunk ahead of what is used.
    #expect(lsn > 40 && lsn <= 64)
    let (own, bytes) = (writer.isOverBudget, writer.byteCount)
    #expect(own && bytes == writer.overlay.statistics.byteCount)
    writer.publish(lsn)
    let frozen = try #require(try writer.freeze())
    #expect(writer.overlay.isOverBudget)
    writer.drop(frozen)
    #expect(!writer.overlay.isOverBudget)
  }

  @Test("readers outlive the writer and go on seeing what it left")
  func writerGone() throws {
    func make() throws -> Overlay {
      var writer = writer()
      for lsn in UInt64(1)...100 {
        writer.put(key(Int(lsn)), key("row \(lsn)"), at: lsn)
        writer.publish(lsn)
        if lsn % 30 == 0 { _ = try writer.freeze() }
      }
      return writer.overlay
    }
    var reader = try OverlayReader(of: try make())
    for lsn in 1...100 { #expect(reader.newest(key(lsn)) == key("row \(lsn)")) }
  }

  @Test("a checkpoint that still walks a generation keeps it beyond its drop")
  func walkedBeyondDrop() throws {
    var writer = writer()
    for lsn in UInt64(1)...1000 { writer.put(key(Int(lsn)), key("row \(lsn)"), at: lsn) }
    writer.publish(1000)
    let frozen = try #require(try writer.freeze())
    writer.drop(frozen)
    #expect(frozen.contents.map(\.version) == (1...1000).map { key("row \($0)") })
  }
}

@Suite("The overlay's own mistakes are traps")
struct OverlayTrapTests {
  @Test("an event at or below what is visible")
  func late() async {
    await #expect(processExitsWith: .failure) {
      var writer = OverlayWriter(after: LSN(5), byteCountBudget: 1)
      writer.put([1], [], at: 5)
    }
  }

  @Test("an event before the one before")
  func backward() async {
    await #expect(processExitsWith: .failure) {
      var writer = OverlayWriter(after: LSN(5), byteCountBudget: 1)
      writer.put([1], [], at: 7)
      writer.put([1], [], at: 6)
    }
  }

  @Test("freezing what is not visible")
  func unpublished() async {
    await #expect(processExitsWith: .failure) {
      var writer = OverlayWriter(after: LSN(5), byteCountBudget: 1)
      writer.put([1], [], at: 6)
      _ = try writer.freeze()
    }
  }

  @Test("dropping another than the oldest")
  func wrongDrop() async {
    await #expect(processExitsWith: .failure) {
      var writer = OverlayWriter(after: LSN(0), byteCountBudget: 1)
      writer.publish(1)
      _ = try writer.freeze()
      writer.publish(2)
      if let second = try writer.freeze() { writer.drop(second) }
    }
  }

  @Test("a batch whose keys do not ascend")
  func disorder() async {
    await #expect(processExitsWith: .failure) {
      let writer = OverlayWriter(after: LSN(0), byteCountBudget: 1)
      var batch = OverlayBatch(for: writer.overlay)
      let key: [UInt8] = [1]
      for _ in 0..<2 { batch.append(key: unsafe key.span.bytes, lsn: LSN(1), version: unsafe key.span.bytes) }
    }
  }

  @Test("a key that the index cannot take")
  func longKey() async {
    await #expect(processExitsWith: .failure) {
      var writer = OverlayWriter(after: LSN(0), byteCountBudget: 1)
      writer.put([UInt8](repeating: 1, count: OverlayLimits.keyByteCountMax + 1), [], at: 1)
    }
  }
}
