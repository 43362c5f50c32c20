import ApusContracts
import ApusIngest
import Testing

/// The table of blanks and times, row by row, as far as files can say it.
@Suite("A file's blanks and times")
struct BlanksAndTimesTests {
  private let head = "card,event_timestamp,"

  private func cell(_ column: String, _ text: String, _ change: (inout LoadOptions) -> Void = { _ in }) throws
    -> FeatureInput?
  {
    try Loading.csv("\(head)\(column)\nc1,2026-11-19T14:03:22Z,\(text)\n", change).input(column)
  }

  @Test("a missing column is absent")
  func missingColumn() throws {
    let load = try Loading.csv("\(head)count\nc1,2026-11-19T14:03:22Z,3\n")
    #expect(load.columns == ["count"])
    #expect(load.rows.first?.inputs == [.value(.int64(3))])
  }

  @Test("a missing JSON key is absent, and null is null")
  func missingKey() throws {
    let load = try Loading.jsonl(
      #"{"card":"c1","event_timestamp":"2026-11-19T14:03:22Z","count":3,"mean":null}"#)
    #expect(load.input("count") == .value(.int64(3)))
    #expect(load.input("mean") == .null)
    #expect(load.input("word") == .absent)
  }

  @Test("an empty CSV field is null", arguments: ["count", "mean", "word", "raw", "words", "opened"])
  func emptyField(column: String) throws { #expect(try cell(column, "") == .null) }

  @Test("quotes around nothing are the empty string")
  func quotedNothing() throws {
    #expect(try cell("word", "\"\"") == .value(.string("")))
    #expect(try cell("raw", "\"\"") == .value(.bytes([])))
  }

  @Test("quotes around nothing are no number, and kept for the rule `type`")
  func quotedNothingAsNumber() throws {
    let load = try Loading.csv("\(head)count\nc1,2026-11-19T14:03:22Z,\"\"\n")
    #expect(load.input("count") == .value(.string("")))
    #expect(load.rows.first?.hasMisfit == true)
  }

  @Test(
    "NaN and infinity reach the rule `finite`, spelled in any way",
    arguments: ["nan", "NaN", "inf", "-inf", "Infinity", "+INFINITY"])
  func notFinite(text: String) throws {
    guard case .value(.float64(let value))? = try cell("mean", text) else {
      Issue.record("no float")
      return
    }
    #expect(!value.isFinite)
    guard case .value(.vector(.float32(let all)))? = try cell("spot", "\"[1,\"\"\(text)\"\",2]\"") else {
      Issue.record("no vector")
      return
    }
    #expect(all.count == 3 && !all[1].isFinite)
  }

  @Test("a time without an offset is UTC, and counted for one warning")
  func naive() throws {
    let load = try Loading.csv("\(head)opened\nc1,2026-11-19T14:03:22,2026-11-19 14:03:22.5\n")
    let moment = TimestampSpelling.nanoseconds("2026-11-19T14:03:22Z")
    #expect(load.rows.first?.times.eventTime?.nanoseconds == moment)
    #expect(load.input("opened") == .value(.timestamp(nanoseconds: (moment ?? 0) + 500_000_000)))
    #expect(load.report.assumedUTC == 2)
  }

  @Test("a time zone says what a time without an offset means, and there is nothing to warn of")
  func zone() throws {
    let load = try Loading.csv("\(head)count\nc1,2026-11-19T14:03:22,1\nc1,2026-11-19T14:03:22Z,1\n") {
      $0.zone = Zone.fixed(spelling: "+02:00")
    }
    #expect(
      load.rows.map(\.times.eventTime?.nanoseconds) == [
        TimestampSpelling.nanoseconds("2026-11-19T12:03:22Z"),
        TimestampSpelling.nanoseconds("2026-11-19T14:03:22Z"),
      ])
    #expect(load.report.assumedUTC == 0)
  }

  @Test("a whole number for a time is refused before anything is loaded, unless a unit was named")
  func integerTime() throws {
    let text = "\(head)count\nc1,1700000000,1\n"
    #expect(
      refusal { _ = try Loading.csv(text) }
        == .needsTimeUnit(column: "event_timestamp", value: "1700000000"))
    #expect(
      refusal { _ = try Loading.jsonl(#"{"card":"c","event_timestamp":1700000000}"#) }
        == .needsTimeUnit(column: "event_timestamp", value: "1700000000"))
    #expect(
      refusal { _ = try Loading.csv("\(head)opened\nc1,2026-11-19T14:03:22Z,17\n") }
        == .needsTimeUnit(column: "opened", value: "17"))
  }

  @Test(
    "a unit makes moments of whole numbers",
    arguments: [
      (TimeUnit.seconds, "1700000000"), (.milliseconds, "1700000000000"), (.microseconds, "1700000000000000"),
      (.nanoseconds, "1700000000000000000"),
    ])
  func unit(unit: TimeUnit, text: String) throws {
    let csv = try Loading.csv("\(head)opened\nc1,\(text),\(text)\n") { $0.timeUnit = unit }
    let jsonl = try Loading.jsonl(#"{"card":"c1","event_timestamp":\#(text),"opened":\#(text)}"#) {
      $0.timeUnit = unit
    }
    for load in [csv, jsonl] {
      #expect(load.rows.first?.times.eventTime?.nanoseconds == 1_700_000_000_000_000_000)
      #expect(load.input("opened") == .value(.timestamp(nanoseconds: 1_700_000_000_000_000_000)))
    }
  }

  @Test(
    "a time that is none refuses its row and is kept with it",
    arguments: [
      ("2026-02-30T00:00:00Z", "is no time"), ("9999999999999", "outside"),
      ("2300-01-01T00:00:00Z", "outside"),
      ("2026-11-19T14:03:22.1234567890Z", "finer"), ("2026-06-30T23:59:60Z", "leap second"), ("", "empty"),
    ])
  func wrongTime(text: String, why: String) throws {
    let load = try Loading.csv("\(head)count\nc1,\(text),1\n") { $0.timeUnit = .seconds }
    let row = try #require(load.rows.first)
    #expect(row.times.eventTime == nil && row.extras.count == 1)
    #expect(row.extras.first?.words.contains(why) == true, "\(row.extras)")
    #expect(text.isEmpty || row.extras.first?.value == .value(.string(text)))
  }

  @Test("without a named column the event time is `event_timestamp`, or an error that lists what it could be")
  func whichTime() throws {
    #expect(
      refusal { _ = try Loading.csv("card,opened,ts,count\nc,2026-01-01,2026-01-01,1\n") }
        == .noEventTime(candidates: ["opened", "ts"]))
    let named = try Loading.csv("card,opened,count\nc,2026-01-01T00:00:00Z,1\n") {
      $0.eventTime = .column("opened")
    }
    // One column may be both.
    #expect(named.rows.first?.times.eventTime != nil)
    #expect(named.columns == ["count", "opened"])
    let none = try Loading.csv("card,count\nc,1\n") { $0.eventTime = .none }
    #expect(none.rows.first?.times == GivenTimes())
    #expect(none.rows.first?.extras == [])
  }
}
