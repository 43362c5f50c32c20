import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("Rows")
struct RowTests {
  @Test("whatever an event says of features of any type is read back, to the bit")
  func roundTrip() throws {
    for seed in UInt64(1)...4000 {
      var random = SplitMix64(seed: seed)
      let types = (0..<random.within(1...random.pick([3, 20, 100]))).map { _ in random.type() }
      let layout = try layout(types)
      let given = types[..<random.within(0...types.count)].map { random.input($0) }
      let stamp = stamp(random.number(), random.number(), random.next())
      let bytes = try row(given, layout, at: stamp)
      let read = try inputs(bytes, layout)
      let expected = given + [FeatureInput](repeating: .absent, count: types.count - given.count)
      let saysSomething = given.contains { $0 != .absent }
      let isStamped = try withRow(bytes, layout) { row in
        row.base == stamp && row.greatestLSN == stamp.lsn && row.deleted == nil
      }
      if read != expected || (saysSomething && !isStamped) || (!saysSomething && bytes != emptyRow) {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("hot accessors see what was written, and zero where nothing was", arguments: [0, 1, 2])
  func accessors(state: Int) throws {
    let vector = try #require(FeatureType.vector(of: .float32, count: 3))
    let layout = try layout([.bool, .int64, .string, .int32, .float32, .float64, .timestamp, vector, .bool])
    let values: [Value] = [
      .bool(true), .int64(.min), .string("é"), .int32(-7), .float32(1.5), .float64(-0.0),
      .timestamp(nanoseconds: 9), .vector(.float32([1, 2, 3])), .bool(true),
    ]
    let given: [FeatureInput] = values.map { state == 0 ? .absent : state == 1 ? .null : .value($0) }
    try withRow(row(given, layout, at: stamp(1, 0, 1)), layout) { row in
      let (cells, slots) = (row.cells, layout.slots)
      let isThere = state == 2
      #expect(slots.allSatisfy { row.state($0.index) == CellState(rawValue: UInt8(state)) })
      #expect(cells.bool(slots[0]) == isThere)
      #expect(cells.int64(slots[1]) == (isThere ? .min : 0))
      #expect(cells.variable(slots[2]).copied() == (isThere ? Array("é".utf8) : []))
      #expect(cells.int32(slots[3]) == (isThere ? -7 : 0))
      #expect(cells.float32(slots[4]) == (isThere ? 1.5 : 0))
      #expect(cells.float64(slots[5]).sign == (isThere ? .minus : .plus))
      #expect(cells.int64(slots[6]) == (isThere ? 9 : 0))
      #expect(cells.raw(slots[7]).byteCount == (isThere ? 12 : 0))
      #expect(cells.raw(slots[8]).byteCount == (isThere ? 1 : 0))
      // An index that no revision knows is absent too.
      #expect(row.state(9) == .absent && row.state(-1) == .absent && row.state(.max) == .absent)
    }
  }

  @Test("raw values are checked as they are put in, and read back as they stood")
  func raw() throws {
    let layout = try layout([.float64, .string, .list(of: .string), .list(of: .int32), .bool])
    let given: [FeatureInput] = [
      .value(.float64(.pi)), .value(.string("raw")), .value(.list(.string(["", "a", "bc"]))),
      .value(.list(.int32([1, 2]))), .value(.bool(true)),
    ]
    let bytes = try row(given, layout, at: stamp(1, 0, 1))
    var builder = RowBuilder(layout)
    try withRow(bytes, layout) { row in
      for slot in layout.slots { try builder.append(raw: row.cells.raw(slot)) }
    }
    var writer = ByteWriter()
    builder.writeRow(at: stamp(1, 0, 1), into: &writer)
    #expect(writer.bytes.copied() == bytes)

    func refusal(_ feature: Int, _ raw: Bytes) -> RowError? {
      var builder = RowBuilder(layout)
      do throws(RowError) {
        for _ in 0..<feature { try builder.appendAbsent() }
        try builder.append(raw: unsafe raw.span.bytes)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(0, [1]) == .valueByteCount(feature: 0, expected: 8, found: 1))
    #expect(refusal(1, [0xff]) == .invalidUTF8(feature: 1))
    #expect(refusal(2, [1, 0, 0]) == .badList(feature: 2))
    #expect(refusal(2, [1, 0, 0, 0, 1, 0, 0, 0, 0xff]) == .invalidUTF8(feature: 2))
    #expect(refusal(2, [0xff, 0xff, 0xff, 0xff]) == .badList(feature: 2))
    // Ends that go back, and one before the end of the bytes.
    #expect(refusal(2, [3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 97, 98]) == .badList(feature: 2))
    #expect(refusal(2, [1, 0, 0, 0, 1, 0, 0, 0, 97, 98]) == .badList(feature: 2))
    #expect(refusal(3, [1, 2, 3]) == .badList(feature: 3))
    #expect(refusal(4, [2]) == .badBool(feature: 4))
  }

  @Test("what does not fit is refused by name and leaves no trace")
  func refusals() throws {
    let layout = try layout([.int32, .string, .bytes])
    var builder = RowBuilder(layout)
    func refusal(_ value: Value) -> RowError? {
      do throws(RowError) {
        try builder.append(value)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(.int64(1)) == .wrongType(feature: 0, expected: .int32, found: .int64))
    #expect(refusal(.vector(.bool([]))) == .wrongType(feature: 0, expected: .int32, found: nil))
    #expect(refusal(.int32(1)) == nil)
    #expect(refusal(.bytes([1])) == .wrongType(feature: 1, expected: .string, found: .bytes))
    let longest = RowFormat.valueByteCountMax
    let long = String(repeating: "a", count: longest + 1)
    #expect(refusal(.string(long)) == .valueTooLong(feature: 1, byteCount: longest + 1))
    #expect(refusal(.string(String(long.dropLast()))) == nil)
    #expect(refusal(.bytes([2])) == nil)
    #expect(refusal(.int32(1)) == .tooManyFeatures(known: 3))
    var writer = ByteWriter()
    builder.writeRow(at: stamp(1, 0, 1), into: &writer)
    let expected: [FeatureInput] = [
      .value(.int32(1)), .value(.string(String(long.dropLast()))), .value(.bytes([2])),
    ]
    #expect(try inputs(writer.bytes.copied(), layout) == expected)
  }

  @Test("a builder that is emptied makes the same bytes as a new one")
  func reuse() throws {
    var random = SplitMix64(seed: 5)
    let types = (0..<20).map { _ in random.type() }
    let layout = try layout(types)
    var kept = RowBuilder(layout)
    for _ in 0..<200 {
      let given = types.map { random.input($0) }
      kept.removeAll()
      for input in given { try kept.append(input) }
      var writer = ByteWriter()
      kept.writeCells(into: &writer)
      #expect(writer.count == kept.cellsByteCount)
      writer.removeAll()
      kept.writeRow(at: stamp(1, 0, 1), into: &writer)
      #expect(try writer.bytes.copied() == row(given, layout, at: stamp(1, 0, 1)))
    }
  }

  @Test("a row of ten floats of one event takes 120 bytes; a second producer adds a stamp and ten places")
  func sizes() throws {
    let layout = try layout([FeatureType](repeating: .float64, count: 10))
    let all = (0..<10).map { FeatureInput.value(.float64(Double($0))) }
    let whole = try row(all, layout, at: stamp(1, 0, 1))
    #expect(whole.count == 120)
    let half = try row(Array(all[..<5]), layout, at: stamp(2, 0, 2))
    #expect(try fold(whole, half, layout).count == 120 + 24 + 10)
    #expect(deletedRow(at: stamp(1, 0, 1)).count == 40)
    #expect(emptyRow.count == 16)
    // An embedding that nobody spoke of costs nothing, or four bytes when a later feature is there.
    let wide = try self.layout([.vector(of: .float32, count: 384) ?? .bool, .int64])
    #expect(try row([.absent, .value(.int64(1))], wide, at: stamp(1, 0, 1)).count == 32 + 8 + 8 + 4)
  }

  private func layout(_ types: [FeatureType]) throws -> RowLayout { try ApusContractsTests.layout(types) }

  @Test("a view has at most as many features as rows can number")
  func limits() {
    #expect(RowLayout([FeatureType](repeating: .bool, count: RowFormat.featureCountMax)) != nil)
    #expect(RowLayout([FeatureType](repeating: .bool, count: RowFormat.featureCountMax + 1)) == nil)
  }
}
