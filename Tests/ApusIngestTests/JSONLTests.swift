import ApusContracts
import ApusIngest
import Testing

@Suite("A file of JSON lines")
struct JSONLTests {
  private let good = #"{"card":"c1","event_timestamp":"2026-11-19T14:03:22Z","count":1}"#

  @Test("reads an object on each line, whatever the order of its keys", arguments: [1, 3, 4_096])
  func orders(step: Int) throws {
    let text =
      "\u{FEFF}\(good)\r\n\n"
      + #" { "count" : 2 , "event_timestamp":"2026-11-19T14:03:22Z", "c\u0061rd":"c2" } "# + "\n"
      + #"{"event_timestamp":"2026-11-19T14:03:22Z","card":"c3"}"#
    let load = try Loading(text, step: step) { $0.format = .jsonl }
    #expect(load.rows.map(\.key) == [[.string("c1")], [.string("c2")], [.string("c3")]])
    #expect(load.rows.map { $0.inputs.first } == [.value(.int64(1)), .value(.int64(2)), .absent])
    #expect(load.rows.map(\.line) == [1, 3, 4])
    #expect(load.report.blankLines == 1 && load.report.lines == 4)
  }

  @Test(
    "names a line that is no object, and says why",
    arguments: [
      ("[1]", "no JSON object"), ("12", "no JSON object"), (#"{"a":1"#, "ends"), (#"{"a":01}"#, "number"),
      (#"{"a":1}{}"#, "more than one"), (#"{"a":1,}"#, "no JSON"), (#"{"a":NaN}"#, "no JSON"),
      (#"{a:1}"#, "no JSON"),
      (#"{"a":"\ud800"}"#, "escape"), (#"{"a":"\x"}"#, "escape"), ("{\"a\":\"\u{1}\"}", "control"),
      (#"{"card":"a","card":"b"}"#, "twice"), (#"{"count":{"x":1,"x":2}}"#, "twice"),
      (#"{"a":1.}"#, "number"),
      (#"{"a":tru}"#, "no JSON"), (#"{'a':1}"#, "no JSON"), ("// c", "no JSON object"),
      ("{\"a\":" + String(repeating: "[", count: 40) + String(repeating: "]", count: 40) + "}", "deeper"),
      (#"{"card":"c1","event_timestamp":"2026-11-19T14:03:22Z","count":1,"card":"x"}"#, "twice"),
    ])
  func wrong(line: String, why: String) throws {
    let load = try Loading.jsonl("\(good)\n\(line)\n\(good)\n")
    #expect(load.rows.map(\.line) == [1, 3])
    let found = try #require(load.report.unreadable.first)
    #expect(found.lines == 2...2)
    #expect("\(found.fault)".contains(why), "\(found.fault)")
  }

  @Test("is UTF-8 all over, also in what nobody wants")
  func utf8() throws {
    let bytes = Array("\(good)\n{\"card\":\"".utf8) + [0xC3, 0x28] + Array("\"}\n".utf8)
    let load = try Loading(bytes) { $0.format = .jsonl }
    #expect(load.report.unreadable == [UnreadableLines(lines: 2...2, fault: .notUTF8)])
  }

  @Test("refuses an unknown key in its first object, and keeps a later one with its row")
  func unknown() throws {
    let odd = #"{"card":"c1","event_timestamp":"2026-11-19T14:03:22Z","cuont":[1]}"#
    #expect(
      refusal { _ = try Loading.jsonl(odd) } == .unknownColumn("cuont", nearest: "count", view: "activity@1"))
    let later = try Loading.jsonl("\(good)\n\(odd)\n")
    #expect(later.rows.last?.extras.map(\.name) == ["cuont"])
    #expect(later.rows.last?.extras.first?.value == .value(.string("[1]")))
    #expect(try Loading.jsonl("\(odd)\n") { $0.ignoresUnknown = true }.rows.first?.extras == [])
  }

  @Test("takes a null or missing key part, or a missing event time, for what it is: a row to be refused")
  func missing() throws {
    let load = try Loading.jsonl(
      "\(good)\n" + #"{"card":null,"event_timestamp":"2026-11-19T14:03:22Z"}"# + "\n" + #"{"card":"c"}"#)
    #expect(load.rows[1].key == [] && load.rows[1].hasMisfit)
    #expect(load.rows[2].extras.first?.value == .null)
  }
}
