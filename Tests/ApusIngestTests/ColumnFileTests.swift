import ApusColumnar
import ApusContracts
import ApusIngest
import ApusTestSupport
import Testing

/// The table of blanks and times, and the types, as far as files of columns can say them: Parquet and Arrow alike.
@Suite("A file of columns")
struct ColumnFileTests {
  private static let moment: Int64 = 1_795_096_602_000_000_000

  private func load(
    _ columns: (String, Column)..., change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> Loading {
    let count = columns.first?.1.count ?? 1
    let keys = try Columns.string(of: (0..<count).map { "c\($0)" })
    let times = try Columns.time(of: Array(repeating: Self.moment, count: count))
    return try Loading.columns([("card", keys), ("event_timestamp", times)] + columns, change)
  }

  private func cell(
    _ name: String, _ column: Column, _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> FeatureInput? {
    try load((name, column), change: change).input(name)
  }

  /// Of a time in seconds, which Parquet does not have.
  private func seconds(_ count: Int64, isUTC: Bool, _ zone: Zone? = nil) throws -> Loading {
    let bytes = try ColumnFile.arrow.bytes([
      ("card", Columns.string("a")), ("event_timestamp", Columns.time(of: [Self.moment])),
      ("opened", Columns.time(.seconds, isUTC: isUTC, count)),
    ])
    return try Loading.columns(bytes) { $0.zone = zone }
  }

  @Test("a missing column is absent, a null is null, and rows are counted from 1")
  func nulls() throws {
    let load = try load(("count", try Columns.int64(3, nil)))
    #expect(load.columns == ["count"])
    #expect(load.rows.map(\.inputs) == [[.value(.int64(3))], [.null]])
    #expect(load.rows.map(\.line) == [1, 2] && load.rows.map(\.group) == [0, 0])
    #expect(load.rows.map(\.key) == [[.string("c0")], [.string("c1")]])
    #expect(load.rows.allSatisfy { $0.times.eventTime?.nanoseconds == Self.moment && !$0.hasMisfit })
    #expect(load.report.rows == 2 && load.report.lines == 2 && load.report.isComplete)
  }

  @Test("the empty text and no bytes are values")
  func empty() throws {
    #expect(try cell("word", Columns.string("")) == .value(.string("")))
    #expect(try cell("raw", Columns.bytes([])) == .value(.bytes([])))
  }

  @Test("NaN and infinity reach the rule `finite`, alone and in a vector")
  func notFinite() throws {
    #expect(try cell("mean", Columns.float64(.infinity)) == .value(.float64(.infinity)))
    guard case .value(.float64(let number))? = try cell("mean", Columns.float64(.nan)) else {
      Issue.record("no float")
      return
    }
    #expect(number.isNaN)
    let spot = try cell("spot", Columns.floats(.vector(3), [1, .infinity, 2]))
    #expect(spot == .value(.vector(.float32([1, .infinity, 2]))))
  }

  @Test("a time of any unit is that moment to the nanosecond")
  func units() throws {
    for (unit, count, nanoseconds) in [
      (ColumnTimeUnit.seconds, 7, 7_000_000_000), (.milliseconds, -7, -7_000_000),
      (.microseconds, 7, 7_000), (.nanoseconds, Int64.min, Int64.min),
    ] as [(ColumnTimeUnit, Int64, Int64)] {
      let found = try load(("opened", try Columns.time(unit, count)))
      #expect(found.input("opened") == .value(.timestamp(nanoseconds: nanoseconds)))
      #expect(found.report.assumedUTC == 0)
    }
  }

  @Test("a time without a zone is UTC and counted, and --timezone says otherwise; so is a day's midnight")
  func naive() throws {
    let time = ("opened", try Columns.time(.milliseconds, isUTC: false, -1))
    let day = ("opened", try Columns.whole(.date, Int32(2)))
    let assumed = try load(time)
    #expect(assumed.input("opened") == .value(.timestamp(nanoseconds: -1_000_000)))
    #expect(assumed.report.assumedUTC == 1)
    let midnight = try load(day)
    #expect(midnight.input("opened") == .value(.timestamp(nanoseconds: 172_800_000_000_000)))
    #expect(midnight.report.assumedUTC == 1)
    let zoned = try load(time) { $0.zone = .fixed(seconds: 3_600) }
    #expect(zoned.input("opened") == .value(.timestamp(nanoseconds: -3_600_001_000_000)))
    #expect(zoned.report.assumedUTC == 0)
    let local = try load(day) { $0.zone = .fixed(seconds: -3_600) }
    #expect(local.input("opened") == .value(.timestamp(nanoseconds: 176_400_000_000_000)))
  }

  @Test("times that a zone's clock never showed, or showed twice, are refused")
  func changes() throws {
    let berlin = try ZoneFileReader.zone(named: "Europe/Berlin")
    // 2026-03-29T02:30 and 2026-10-25T02:30 on the wall.
    for count in [1_774_751_400, 1_792_895_400] as [Int64] {
      #expect(try seconds(count, isUTC: false, berlin).rows.first?.hasMisfit == true)
      #expect(try seconds(count, isUTC: true, berlin).rows.first?.hasMisfit == false)
    }
  }

  @Test("a whole number is no time without --time-unit, and the load is refused before anything of it")
  func wholeTimes() throws {
    let whole = ("opened", try Columns.int64(7))
    #expect(refusal { _ = try load(whole) } == .needsTimeUnit(column: "opened", value: "its type is int64"))
    #expect(
      try load(whole) { $0.timeUnit = .milliseconds }.input("opened")
        == .value(.timestamp(nanoseconds: 7_000_000)))
    let far = try load(("opened", try Columns.int64(.max))) { $0.timeUnit = .seconds }
    #expect(far.rows.first?.hasMisfit == true)
  }

  @Test("a time beyond 64 bits of nanoseconds is refused, and kept as it was")
  func outOfRange() throws {
    let far = try seconds(9_300_000_000, isUTC: true)
    #expect(far.input("opened") == .value(.string("9300000000 s")) && far.rows.first?.hasMisfit == true)
    for zone in [nil, Zone.fixed(seconds: 0)] {
      for count in [Int64.min, .max] {
        #expect(try seconds(count, isUTC: false, zone).rows.first?.hasMisfit == true)
      }
    }
  }

  @Test("texts are times, in the spellings of other files, and never numbers")
  func texts() throws {
    let load = try load(("opened", try Columns.string("1970-01-01T00:00:07Z", "7")))
    #expect(load.input("opened") == .value(.timestamp(nanoseconds: 7_000_000_000)))
    #expect(load.rows[1].hasMisfit)
    #expect(
      refusal { _ = try self.load(("count", try Columns.string("7"))) }
        == .columnType("count", has: "string", wants: "int64", purpose: "the feature `count`"))
  }

  @Test(
    "numbers widen where nothing is lost, and what is too large or would be rounded is refused by its row")
  func numbers() throws {
    #expect(try cell("count", Columns.whole(.int8, Int8(-3))) == .value(.int64(-3)))
    #expect(try cell("count", Columns.whole(.uint32, UInt32.max)) == .value(.int64(4_294_967_295)))
    #expect(try cell("small", Columns.int64(-7)) == .value(.int32(-7)))
    #expect(try cell("small", Columns.whole(.uint16, UInt16.max)) == .value(.int32(65_535)))
    #expect(try cell("mean", Columns.float32(0.5)) == .value(.float64(0.5)))
    #expect(try cell("mean", Columns.int64(1 << 53)) == .value(.float64(9_007_199_254_740_992)))
    #expect(try cell("ratio", Columns.float64(0.25)) == .value(.float32(0.25)))
    #expect(try cell("flag", Columns.bool(true)) == .value(.bool(true)))
    let odd = try load(
      ("small", try Columns.int64(1 << 31)), ("count", try Columns.whole(.uint64, UInt64.max)),
      ("mean", try Columns.int64(1 << 53 + 1)), ("ratio", try Columns.float64(0.1)))
    #expect(odd.rows.first?.hasMisfit == true)
    #expect(odd.input("small") == .value(.int64(1 << 31)))
    #expect(odd.input("count") == .value(.string("18446744073709551615")))
    #expect(odd.input("mean") == .value(.int64(1 << 53 + 1)) && odd.input("ratio") == .value(.float64(0.1)))
  }

  @Test("lists are lists, vectors have their length, and a column of nulls fits everywhere")
  func lists() throws {
    #expect(try cell("words", Columns.strings(["a", ""])) == .value(.list(.string(["a", ""]))))
    #expect(try cell("words", Columns.strings([])) == .value(.list(.string([]))))
    #expect(try cell("spot", Columns.floats(.list, [1, 2, 3])) == .value(.vector(.float32([1, 2, 3]))))
    #expect(try cell("spot", .nulls(count: 1)) == .null)
    #expect(try load(("spot", try Columns.floats(.list, [1, 2]))).rows.first?.hasMisfit == true)
    #expect(
      refusal { _ = try self.load(("spot", try Columns.floats(.vector(2), [1, 2]))) }
        == .columnType("spot", has: "float32[2]", wants: "float32[3]", purpose: "the feature `spot`"))
    #expect(refusal { _ = try self.load(("word", try Columns.strings(["a"]))) } != nil)
  }

  @Test("a null in the key or the event time refuses its row, and no other")
  func nullKeys() throws {
    let load = try Loading.columns([
      ("card", try Columns.string("a", nil, "c")),
      ("event_timestamp", try Columns.time(of: [1, 2, nil])),
    ])
    #expect(load.rows.map(\.key) == [[.string("a")], [], [.string("c")]])
    #expect(load.rows.map(\.hasMisfit) == [false, true, false])
    #expect(load.rows.map { $0.extras.map(\.name) } == [[], [], ["event time in event_timestamp"]])
  }

  @Test("columns are meant as those of other files: missing, unknown, twice")
  func names() throws {
    let key = ("card", try Columns.string("a"))
    let time = ("event_timestamp", try Columns.time(of: [1]))
    guard case .missingColumn("card", _, _, _)? = refusal({ _ = try Loading.columns([time]) }) else {
      Issue.record("a key's column is missing")
      return
    }
    guard case .noEventTime? = refusal({ _ = try Loading.columns([key]) }) else {
      Issue.record("an event time is missing")
      return
    }
    let more = [key, time, ("cuont", try Columns.int64(1))]
    guard case .unknownColumn("cuont", "count"?, _)? = refusal({ _ = try Loading.columns(more) }) else {
      Issue.record("a column is unknown")
      return
    }
    #expect(try Loading.columns(more) { $0.ignoresUnknown = true }.columns.isEmpty)
    let twice = [key, time, ("count", try Columns.int64(1)), ("count", try Columns.int64(2))]
    #expect(refusal { _ = try Loading.columns(twice) } == .columnTwice("count"))
  }

  @Test("no rows are none, in a row group or without one")
  func noRows() throws {
    let load = try Loading.columns([
      ("card", try Columns.string()), ("event_timestamp", try Columns.time(of: [])),
    ])
    #expect(load.rows.isEmpty && load.report.isComplete && load.report.rows == 0)
  }

  @Test("the first bytes tell the format, whatever the name says, and a caller knows better")
  func formats() throws {
    let columns = [("card", try Columns.string("a")), ("event_timestamp", try Columns.time(of: [1]))]
    let bytes = try ColumnFile.parquet.bytes(columns)
    #expect(try Loading.columns(bytes) { $0.formatSource = .name }.rows.count == 1)
    #expect(refusal { _ = try Loading.columns(bytes) { $0.formatSource = .given } } != nil)
    #expect(refusal { _ = try Loading(bytes) { $0.formatSource = .nothing } } == .notAFile)
    #expect(refusal { _ = try Loading.columns(Array("ARROW1\0\0".utf8)) } == .arrowFile)
    #expect(refusal { _ = try Loading.columns(Array("card\n".utf8)) } == .unknownFormat)
    guard case .columnar? = refusal({ _ = try Loading.columns(Array(bytes.dropLast())) }) else {
      Issue.record("a file that was cut is refused")
      return
    }
  }
}

@Suite("A load of columns that goes on")
struct ColumnResumingTests {
  private func bytes(_ file: ColumnFile, _ count: Int, first: String = "c") throws -> [UInt8] {
    try file.bytes(
      [
        ("card", Columns.string(of: (0..<count).map { "\(first)\($0)" })),
        ("event_timestamp", Columns.time(of: (0..<count).map { Int64($0) })),
      ], rowGroupRows: 10_000)
  }

  private func load(_ bytes: [UInt8], _ stored: LoadOffset? = nil) throws -> Loading {
    try Loading.columns(bytes, stored: stored, keepsOffset: true)
  }

  @Test("begins behind every block that was taken, and repeats no row", arguments: ColumnFile.allCases)
  func goesOn(file: ColumnFile) throws {
    let all = try bytes(file, 45_000)
    let first = try load(all)
    #expect(first.blocks.count >= 3 && first.rows.count == 45_000)
    #expect(first.rows.last?.group == 4)
    var before = 0
    for block in first.blocks {
      before += block.rows.count
      let second = try load(all, block.offset)
      #expect(second.report.passedOver == before && second.report.rows == 45_000)
      #expect(second.rows == Array(first.rows.dropFirst(before)))
    }
    #expect(first.blocks.last?.offset.isEnd == true)
    #expect(first.blocks.allSatisfy { $0.offset.counts == .rows })
  }

  @Test(
    "refuses a file that is not what was read, or is read as another format", arguments: ColumnFile.allCases)
  func changed(file: ColumnFile) throws {
    let all = try bytes(file, 45_000)
    let offset = try load(all).blocks[0].offset
    #expect(refusal { _ = try load(bytes(file, 45_000, first: "d"), offset) } == .otherSource("rows"))
    var other = offset
    other.checksum ^= 1
    #expect(refusal { _ = try load(all, other) } == .changedSource("rows"))
    other = offset
    other.position = 1 << 60
    #expect(refusal { _ = try load(all, other) } == .changedSource("rows"))
    other = offset
    other.counts = .bytes
    #expect(refusal { _ = try load(all, other) } == .changedSource("rows"))
  }
}
