import Foundation
import Testing

@Suite("export")
struct ExportVerbTests {
  /// Two cards; c1 has a value, a correction that was known ten minutes late, and a delete; c2 one value.
  private func shop() throws -> Shop {
    let shop = try Shop(
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        activity:
          entity: card
          ttl: 1d
          features:
            count: {type: int64}
            action: {type: string}
      services:
        score:
          features:
            - {view: activity, take: [count, action]}
          defaults: {count: 0}

      """)
    try shop.prepare()
    for (text, more) in [
      (
        "card_id,event_timestamp,count,action\nc1,2020-01-01T14:00:00Z,3,buy\nc2,2020-01-01T14:00:00Z,5,\n",
        ["--known-at", "event-time"]
      ),
      (
        "card_id,event_timestamp,count\nc1,2020-01-01T14:05:00Z,9\n", ["--known-at", "event-time+10m"]
      ),
      (
        "card_id,event_timestamp\nc1,2020-01-01T15:00:00Z\n",
        ["--known-at", "event-time", "--mode", "delete"]
      ),
    ] {
      try write(text, to: shop.path("rows.csv"))
      let run = try Program.run(["push", "activity", shop.path("rows.csv"), "--data", shop.data] + more)
      #expect(run.code == Code.done, "\(run.errors)")
    }
    return shop
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOf: URL(filePath: path), encoding: .utf8)
  }

  private static let labels = """
    card_id,when,label
    c1,2020-01-01T14:00:00Z,a
    c1,2020-01-01T14:06:00Z,b
    c1,2020-01-01T14:15:00Z,c
    c1,2020-01-01T16:00:00Z,d
    c2,2020-01-03T00:00:00Z,e
    ,2020-01-01T14:00:00Z,f
    c3,,"g, quoted"

    """

  @Test("labels in CSV become a set in CSV, row by row, as they could be known")
  func csv() throws {
    let shop = try shop()
    try write(Self.labels, to: shop.path("labels.csv"))
    let run = try Program.run([
      "export", "--spine", shop.path("labels.csv"), "--time", "when", "--service", "score", "--out",
      shop.path("train.csv"), "--columns", "statuses,reasons", "--data", shop.data,
    ])
    #expect(run.code == Code.done, "\(run.errors)")
    #expect(
      try text(shop.path("train.csv")) == """
        card_id,when,label,count,action,count__status,action__status,count__reason,action__reason
        c1,2020-01-01T14:00:00Z,a,3,buy,1,1,,
        c1,2020-01-01T14:06:00Z,b,3,buy,1,1,,
        c1,2020-01-01T14:15:00Z,c,9,buy,1,1,,
        c1,2020-01-01T16:00:00Z,d,0,,3,3,deleted,deleted
        c2,2020-01-03T00:00:00Z,e,0,,4,4,,
        ,2020-01-01T14:00:00Z,f,0,,3,3,never_seen,never_seen
        c3,,"g, quoted",0,,3,3,never_seen,never_seen

        """)
    #expect(run.output.contains("leak delta 1"), "\(run.output)")
  }

  @Test("the manifest has what the reference says, and verify makes the same set from it")
  func verify() throws {
    let shop = try shop()
    try write(Self.labels, to: shop.path("labels.csv"))
    let made = try Program.run([
      "export", "--spine", shop.path("labels.csv"), "--time", "when", "--service", "score", "--out",
      shop.path("train.parquet"), "--split", "hash=0.5", "--data", shop.data, "--json",
    ])
    let json = try made.json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus export --json")).subtracting(Self.inner))
    let manifest = try #require(json["manifest"] as? String)
    let again = try Program.run(["export", "verify", manifest, "--data", shop.data, "--json"])
    #expect(again.code == Code.done, "\(again.output) \(again.errors)")
    let told = try again.json()
    #expect(told["same"] as? Bool == true && told["same_identity"] as? Bool == true)
    #expect(Set(told.keys) == (try Reference.keys(under: "apus export verify --json")))

    // What is erased is in no set any more, and its identity says so.
    let erased = try Program.run(["erase", "card_id=c1", "--data", shop.data])
    #expect(erased.code == Code.done, "\(erased.errors)")
    let after = try Program.run(["export", "verify", manifest, "--data", shop.data])
    #expect(after.code == 3, "\(after.output) \(after.errors)")
    #expect(after.output.contains("erasures="), "\(after.output)")
  }

  /// Keys that the reference names within others.
  private static let inner: Set<String> = [
    "name", "view", "feature", "statuses", "reasons", "defaults", "leak_delta", "assumed_known_at",
    "assumed_share", "train.manifest.json",
  ]

  @Test("a view's own history comes moment by moment, without a spine")
  func entityless() throws {
    let shop = try shop()
    let run = try Program.run([
      "export", "--view", "activity", "--from", "2020-01-01T14:00:00Z", "--to", "2020-01-01T14:20:00Z",
      "--out",
      shop.path("own.csv"), "--data", shop.data,
    ])
    #expect(run.code == Code.done, "\(run.errors)")
    #expect(
      try text(shop.path("own.csv")) == """
        card_id,event_timestamp,count,action
        c1,2020-01-01T14:00:00Z,3,buy
        c1,2020-01-01T14:15:00Z,9,buy
        c2,2020-01-01T14:00:00Z,5,

        """)
  }

  @Test("what is wrong with a spine is told in three lines, and nothing is left behind")
  func wrong() throws {
    let shop = try shop()
    func attempt(_ labels: String, _ more: [String] = [], _ expected: String) throws {
      try write(labels, to: shop.path("labels.csv"))
      let run = try Program.run(
        [
          "export", "--spine", shop.path("labels.csv"), "--service", "score", "--out",
          shop.path("set.parquet"),
          "--data", shop.data,
        ] + more)
      #expect(run.code == Code.failed, "\(run.output)")
      #expect(run.errorLines.count == 3 && run.errors.contains(expected), "\(run.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: shop.path("")).filter {
        $0.contains("set")
      }
      #expect(left == [], "\(left)")
    }
    try attempt("card_id,when\nc1,2020-01-01T00:00:00Z\n", [], "--time COLUMN")
    try attempt(
      "card,when\nc1,2020-01-01T00:00:00Z\n", ["--time", "when"], "no column card_id, a key of card")
    try attempt("card_id,when\nc1,yesterday\n", ["--time", "when"], "row 0 of the spine, column when")
    try attempt("card_id,when,count\nc1,2020-01-01T00:00:00Z,1\n", ["--time", "when"], "--prefix")
    try attempt("card_id,when\nc1\n", ["--time", "when"], "line 2")
    try attempt("", ["--time", "when"], "no header")
    try attempt("card_id,when,lsn\nc1,2020-01-01T00:00:00Z,99999\n", ["--time", "when"], "repeats LSN 99999")
    try attempt(
      "card_id,when,lsn\nc1,2020-01-01T00:00:00Z,3\n", ["--time", "when", "--delay", "3s"], "--delay")
  }

  @Test("a killed export leaves nothing under the set's name, and the next one clears up behind it")
  func killed() throws {
    let shop = try shop()
    var labels = "card_id,when,label\n"
    for row in 0..<1_000 { labels += "c1,2020-01-01T14:00:00.\(1_000 + row)Z,\(row)\n" }
    try write(labels, to: shop.path("labels.csv"))
    let words =
      "export --spine \(shop.path("labels.csv")) --time when --service score --out \(shop.path("train.parquet")) --data \(shop.data)"
    var kills = 0
    for call in 1...12 {
      let run = try Program.shell(
        "command -v strace >/dev/null || exit 99; strace -qq -f -o /dev/null -e trace=rename,fsync,unlink -e inject=rename,fsync,unlink:signal=SIGKILL:when=$1 \"$APUS\" \(words); exit $?",
        "\(call)")
      if run.code == 99 { return }
      let names = try FileManager.default.contentsOfDirectory(atPath: shop.path(""))
      guard run.code != Code.done else { break }
      kills += 1
      let isThere = names.contains("train.parquet")
      if isThere {
        // The set alone may be there, whole; its manifest comes last.
        let read = try Data(contentsOf: URL(filePath: shop.path("train.parquet")))
        #expect(read.suffix(4) == Data("PAR1".utf8))
        try FileManager.default.removeItem(atPath: shop.path("train.parquet"))
      }
    }
    #expect(kills > 0)
    let last = try Program.run(words.split(separator: " ").map(String.init))
    #expect(last.code == Code.done, "\(last.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: shop.path("")).filter {
      $0.contains("train")
    }
    #expect(names.sorted() == ["train.manifest.json", "train.parquet"], "\(names)")
  }
}
