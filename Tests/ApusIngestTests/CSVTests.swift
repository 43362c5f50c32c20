import ApusContracts
import ApusIngest
import Testing

@Suite("A CSV file")
struct CSVTests {
  private let head = "card,event_timestamp,word\n"
  private let time = "2026-11-19T14:03:22Z"

  @Test(
    "keeps quotes, delimiters and newlines inside of quotes, and counts lines as editors do",
    arguments: [1, 2, 3, 7, 4_096])
  func quotes(step: Int) throws {
    let text =
      "\u{FEFF}card,event_timestamp,word\r\n\"c,1\",\(time),\"a \"\"b\"\"\r\nc\"\r\n\r\nc2,\(time),\"\"\"\"\nc3,\(time),last"
    let load = try Loading(text, step: step)
    #expect(load.rows.map(\.key) == [[.string("c,1")], [.string("c2")], [.string("c3")]])
    #expect(load.rows.map(\.line) == [2, 5, 6])
    #expect(
      load.rows.map(\.inputs) == [
        [.value(.string("a \"b\"\r\nc"))], [.value(.string("\""))], [.value(.string("last"))],
      ])
    #expect(load.report.lines == 6 && load.report.blankLines == 1 && load.report.unreadable == [])
  }

  @Test("names each line that is no record, and reads on behind it")
  func unreadable() throws {
    let text =
      head
      + "c1,\(time)\nc2,\(time),x,y\nc3,\(time),a\"b\nc4,\(time),\"a\"b,c\nc5,\(time),a\rb\nc6,\(time),good\n"
    let load = try Loading(text)
    #expect(
      load.report.unreadable == [
        UnreadableLines(lines: 2...2, fault: .fieldCount(expected: 3, found: 2)),
        UnreadableLines(lines: 3...3, fault: .fieldCount(expected: 3, found: 4)),
        UnreadableLines(lines: 4...4, fault: .quoteInside),
        UnreadableLines(lines: 5...5, fault: .textBehindQuote),
        UnreadableLines(lines: 6...6, fault: .bareCarriageReturn),
      ])
    #expect(load.rows.map(\.line) == [7])
  }

  @Test("takes nothing inside of a quote for a row, even when the quote is never closed")
  func neverClosed() throws {
    let load = try Loading(head + "c1,\(time),ok\nc2,\(time),\"open\nc3,\(time),x\nc4,\(time),y")
    #expect(load.rows.map(\.line) == [2])
    #expect(load.report.unreadable == [UnreadableLines(lines: 3...5, fault: .neverClosed)])
    #expect(load.report.lines == 5)
    let multi = try Loading(head + "c1,\(time),\"a\nc9,\(time),b\"x\nc2,\(time),ok\n")
    #expect(multi.report.unreadable == [UnreadableLines(lines: 2...3, fault: .textBehindQuote)])
    #expect(multi.rows.map(\.line) == [4])
  }

  @Test("passes over a record that is too long without keeping it")
  func tooLong() throws {
    let long = String(repeating: "x", count: Input.recordByteCountMax + 10)
    let load = try Loading(head + "c1,\(time),\"\(long)\n\(long)\"\nc2,\(time),ok\n")
    #expect(load.report.unreadable == [UnreadableLines(lines: 2...3, fault: .tooLong)])
    #expect(load.rows.map(\.line) == [4])
    let lines = try Loading.jsonl(
      "{\"card\":\"\(long)\"}\n{\"card\":\"c\",\"event_timestamp\":\"\(time)\"}\n")
    #expect(lines.report.unreadable == [UnreadableLines(lines: 1...1, fault: .tooLong)])
    #expect(lines.rows.map(\.line) == [2])
  }

  @Test("needs a header that names every column once, in UTF-8")
  func header() throws {
    #expect(refusal { _ = try Loading("") } == .empty)
    #expect(refusal { _ = try Loading("\n\n") } == .empty)
    #expect(refusal { _ = try Loading("card,card,event_timestamp\n") } == .columnTwice("card"))
    #expect(refusal { _ = try Loading([0xFF, 0xFE, 0x41, 0x00]) } == .notUTF8("it begins as UTF-16 does"))
    #expect(refusal { _ = try Loading([0xC0, 0x2C, 0x41, 0x0A]) } == .notUTF8("its header is not UTF-8"))
    guard case .headerWrong? = refusal({ _ = try Loading("card,\"x\ny") }) else {
      Issue.record("a header without an end")
      return
    }
    let bare = try Loading("card,event_timestamp")
    #expect(bare.rows.isEmpty && bare.report.lines == 1 && bare.report.isComplete)
  }

  @Test("says which column is unknown or missing, and what was probably meant")
  func columns() throws {
    #expect(
      refusal { _ = try Loading("card,event_timestamp,wrod\n") }
        == .unknownColumn("wrod", nearest: "word", view: "activity@1"))
    #expect(
      refusal { _ = try Loading("crad,event_timestamp,word\n") }
        == .missingColumn(
          "card", for: "the key `card`", nearest: "crad", columns: ["crad", "event_timestamp", "word"]))
    #expect(
      try Loading("card,event_timestamp,other\nc,\(time),1\n") { $0.ignoresUnknown = true }.rows.count == 1)
    #expect(
      refusal { _ = try Loading("card,event_timestamp\n") { $0.keys = ["crad": "x"] } }
        == .unknownKey("crad", view: "activity@1", keys: ["card"]))
    let renamed = try Loading("cc,event_timestamp\nc,\(time)\n") { $0.keys = ["card": "cc"] }
    #expect(renamed.rows.first?.key == [.string("c")])
    #expect(
      refusal { _ = try Loading("card,event_timestamp\n") { $0.features = ["cuont"] } }
        == .unknownFeature("cuont", nearest: "count", view: "activity@1"))
    let chosen = try Loading("card,event_timestamp,word,count\nc,\(time),x,1\n") { $0.features = ["count"] }
    #expect(chosen.columns == ["count"])
    #expect(
      refusal { _ = try Loading("card,event_timestamp,word\n") { $0.event = .delete } }
        == .featureInDelete("word"))
    let times = try Loading("card,event_timestamp,made,seen\nc,\(time),\(time),\(time)\n") {
      $0.createdAt = "made"
      $0.knownAt = "seen"
    }.rows.first?.times
    #expect(times?.createdAt != nil && times?.knownAt != nil)
  }

  @Test("may be separated by any other byte")
  func delimiter() throws {
    let load = try Loading("card\tevent_timestamp\tword\nc\t\(time)\ta,b\n") { $0.delimiter = 0x09 }
    #expect(load.input("word") == .value(.string("a,b")))
  }

  @Test("leaves a key part that is empty out of the key, so that the rule `key` refuses the row")
  func emptyKey() throws {
    let load = try Loading(head + ",\(time),x\n\"\",\(time),x\n")
    #expect(load.rows.map(\.key) == [[], [.string("")]])
    #expect(load.rows.map(\.hasMisfit) == [true, false])
  }
}
