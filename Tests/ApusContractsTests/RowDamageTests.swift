// Bytes that nobody wrote: every one is refused or is a row, in which case it is the only form of its state.

import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Rows that nobody wrote")
struct RowDamageTests {
  /// Touches everything that a view offers. Nothing may trap, whether or not the content is good.
  private func touch(_ bytes: Bytes, _ layout: RowLayout, _ good: Bytes) -> Bool {
    guard let row = try? RowView(unsafe bytes.span.bytes, layout: layout) else { return false }
    var sum = row.greatestLSN.rawValue
    for slot in layout.slots {
      sum &+= UInt64(row.cells.raw(slot).byteCount)
      if slot.type == .int64 { sum &+= UInt64(bitPattern: row.cells.int64(slot)) }
      if slot.type == .bool { sum &+= row.cells.bool(slot) ? 1 : 0 }
      sum &+= UInt64(row.cell(slot.index).stamp.lsn.rawValue)
      _ = try? row.cells.input(slot)
    }
    guard let other = try? RowView(unsafe good.span.bytes, layout: layout) else { return false }
    var writer = ByteWriter()
    _ = Fold.fold(row, other, layout: layout, into: &writer)
    _ = Fold.fold(other, row, layout: layout, into: &writer)
    do {
      try row.checkContent(layout)
    } catch {
      return false
    }
    return sum != 1
  }

  /// The row that says the same, made anew: one event for each feature, and one for the delete.
  private func rebuilt(_ bytes: Bytes, _ layout: RowLayout) throws -> Bytes {
    var events: [Bytes] = []
    let all = try inputs(bytes, layout)
    try withRow(bytes, layout) { view in
      if let deleted = view.deleted { events.append(deletedRow(at: deleted)) }
      for (index, input) in all.enumerated() where input != .absent {
        guard let stamp = view.stamp(index) else { continue }
        let before = [FeatureInput](repeating: .absent, count: index)
        events.append(try row(before + [input], layout, at: stamp))
      }
    }
    return try events.reduce(emptyRow) { try fold($0, $1, layout) }
  }

  private func damaged(_ bytes: Bytes, _ random: inout SplitMix64) -> Bytes {
    var bytes = bytes
    switch random.below(6) {
    case 0: return random.bytes(random.below(200))
    case 1: return Array(bytes[..<random.below(bytes.count)])
    case 2: return bytes + random.bytes(random.within(1...9))
    case 3:
      bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
    case 4:
      bytes[random.below(bytes.count)] = random.pick([0, 1, 2, 3, 0x7f, 0x80, 0xff])
    default:
      for _ in 0..<random.within(1...4) { bytes[random.below(bytes.count)] = random.pick([0, 1, 255]) }
    }
    return bytes
  }

  @Test("no bytes make a view trap, and what is accepted is the one form of its state")
  func fuzz() throws {
    var accepted = 0
    for seed in UInt64(1)...3000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...random.pick([3, 8, 30])))
      let good = try view.fold(view.events(random.within(1...6), &random).map(view.row))
      if try rebuilt(good, view.layout) != good {
        Issue.record("seed \(seed): a folded row is not in its one form")
        return
      }
      for _ in 0..<20 {
        let bytes = damaged(good, &random)
        guard touch(bytes, view.layout, good), bytes != good else { continue }
        accepted += 1
        if try rebuilt(bytes, view.layout) != bytes {
          Issue.record("seed \(seed): accepted in a second form: \(bytes)")
          return
        }
      }
    }
    #expect(accepted > 3000, "a test that refuses everything proves nothing")
  }

  @Test("every prefix of a row is refused")
  func truncated() throws {
    for seed in UInt64(1)...100 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: 6)
      let good = try view.fold(view.events(5, &random).map(view.row))
      for count in 0..<good.count where touch(Array(good[..<count]), view.layout, good) {
        Issue.record("seed \(seed): \(count) of \(good.count) bytes are a row")
        return
      }
    }
  }

  @Test("every fault has its name")
  func names() throws {
    let layout = try layout([.bool, .string, .int64])
    let good = try row(
      [.value(.bool(true)), .value(.string("a")), .value(.int64(7))], layout, at: stamp(2, 0, 2))
    // Header 8, stamp 24, cells: n and states at 32, slots at 40 (bool, gap of 7, int64), end at 56, text at 60.
    #expect(good.count == 61)
    func with(_ at: Int, _ byte: UInt8) -> RowError? {
      var bytes = good
      bytes[at] = byte
      return rowError(bytes, layout)
    }
    #expect(with(0, 2) == .unknownFlags(2))
    #expect(with(1, 1) == .notZero(at: 1))
    #expect(with(2, 0) != nil)
    #expect(with(32, 4) == .unknownFeatures(found: 4, known: 3))
    #expect(with(32, 2) != nil)
    #expect(with(34, 0b10_10_11) == .badState(feature: 0))
    #expect(with(34, 0b00_10_10) == .notTrimmed(count: 3))
    #expect(with(34, 0b10_01_10) == .badEnd(feature: 1))
    #expect(with(34, 0b10_10_00) == .slotNotZero(feature: 0))
    #expect(with(34, 0b0110_1010) == .notZero(at: 2))
    #expect(with(40, 2) == .badBool(feature: 0))
    #expect(with(41, 1) == .notZero(at: 9))
    #expect(with(56, 2) == .badEnd(feature: 1))
    #expect(with(56, 0) == .trailingBytes(1))
    #expect(with(60, 0x80) == .invalidUTF8(feature: 1))

    let two = try fold(good, row([.value(.bool(false))], layout, at: stamp(3, 0, 3)), layout)
    #expect(two.count == 61 + 24 + 3)
    func twoWith(_ at: Int, _ byte: UInt8) -> RowError? {
      var bytes = two
      bytes[at] = byte
      return rowError(bytes, layout)
    }
    #expect(twoWith(8, 1) == .stampOrder(place: 1))
    #expect(twoWith(85, 1) == .stampUnused(place: 0))
    #expect(twoWith(86, 2) == .badPlace(feature: 1))
    let deleted = try fold(good, deletedRow(at: stamp(1, 0, 1)), layout)
    var late = deleted
    late[32] = 9
    #expect(rowError(late, layout) == .stampBeforeDelete)
  }

  @Test("a fault far inside of a row has the same name as at its beginning")
  func farInside() throws {
    let layout = try layout([FeatureType](repeating: .int32, count: 70))
    let rows = try (0..<70).map { index in
      try row(
        [FeatureInput](repeating: .absent, count: index) + [.value(.int32(1))], layout,
        at: stamp(Int64(-index), 0, UInt64(index + 1)))
    }
    let good = try rows.reduce(emptyRow) { try fold($0, $1, layout) }
    // Header 8, 70 stamps, cells: n and states 24, slots 280; then 70 places. Feature i has stamp i.
    let cellsAt = 8 + 70 * 24
    let placesAt = cellsAt + 24 + 280
    #expect(good.count == placesAt + 70)
    func with(_ at: Int, _ byte: UInt8) -> RowError? {
      var bytes = good
      bytes[at] = byte
      return rowError(bytes, layout)
    }
    #expect(with(cellsAt + 2 + 15, 0b10_11_10_10) == .badState(feature: 62))
    #expect(with(cellsAt + 2 + 18, 1) == .notZero(at: 20))
    #expect(with(placesAt + 66, 0) == .stampUnused(place: 66))
    #expect(with(6, 1) == .notZero(at: 6))
    var twins = good
    twins.replaceSubrange(8 + 69 * 24..<8 + 70 * 24, with: good[8 + 68 * 24..<8 + 69 * 24])
    #expect(rowError(twins, layout) == .stampOrder(place: 69))
  }

  @Test("a row has no more stamps than features, however many it has of either")
  func stampCounts() throws {
    let layout = try layout([.bool])
    for count in [2, 256, 257, 3000, 65_535] {
      var writer = ByteWriter()
      writer.write(UInt64(count) << 16)
      for index in 0..<count {
        writer.write(Int64(-index))
        writer.write(UInt64(0))
        writer.write(UInt64(index + 1))
      }
      // n is 1, a bool that is false, the last stamp.
      writer.write([1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0] as Bytes)
      if count > 256 { writer.write(UInt16(count - 1)) } else { writer.write(UInt8(count - 1)) }
      #expect(rowError(writer.bytes.copied(), layout) == .stampCount(stamps: count, features: 1))
    }
  }

  @Test("a value longer than any may be is refused though its row holds all of it")
  func tooLong() throws {
    let longest = RowFormat.valueByteCountMax
    for type in [FeatureType.bytes, .list(of: .bool)] {
      let layout = try layout([type])
      var builder = RowBuilder(layout)
      let zeroes = Bytes(repeating: 0, count: longest + 1)
      let refused = #expect(throws: RowError.self) {
        try builder.append(raw: unsafe zeroes.span.bytes)
      }
      #expect(refused == .valueTooLong(feature: 0, byteCount: longest + 1))
      try builder.append(raw: unsafe zeroes.span.bytes.extracting(first: longest))
      var writer = ByteWriter()
      builder.writeRow(at: stamp(1, 0, 1), into: &writer)
      #expect(rowError(writer.bytes.copied(), layout) == nil)
      // One byte more, and an end that says so.
      writer.write(0 as UInt8)
      writer.overwrite(UInt32(longest + 1), at: 40)
      let row = writer.bytes.copied()
      // The structure alone is enough to refuse it: nobody need look at what is in the value.
      let found = #expect(throws: RowError.self) {
        _ = try RowView(unsafe row.span.bytes, layout: layout).base
      }
      #expect(found == .valueTooLong(feature: 0, byteCount: longest + 1))
    }
  }
}

@Suite("Words")
struct ContractsWordTests {
  @Test("an error says what and where")
  func words() {
    #expect("\(RowError.badEnd(feature: 3))" == "the bytes of feature 3 end where they cannot")
    #expect(
      "\(RowError.wrongType(feature: 1, expected: .int32, found: .string))"
        == "feature 1 is int32, not string")
    #expect(
      "\(KeyError.partType(part: 0, expected: .string, found: nil))"
        == "part 0 of the key is string, not a list or a vector")
    #expect(
      "\(EventError.row(.badBool(feature: 2)))"
        == "event: feature 2 holds a bool that is neither 0 nor 1")
    #expect(
      "\(EventTimeError.knownAtAfterAppend(KnownAt(nanoseconds: 7)))" == "known at 7 ns, which is after now")
  }
}
