// What `export` makes of its words.

import ApusBytes
import ApusContracts
import ApusExport
import ApusIngest
import ApusSystem

extension CommandParser {
  static func export(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    if words.part == "verify" {
      guard let path = words.operands.first else {
        throw words.refusal(
          "`export verify` needs a manifest", nil, next: "say `apus export verify MANIFEST`")
      }
      let others = Verb.export.options.map(\.name).filter {
        !["--data", "--server", "--token-file", "--spine", "--json"].contains($0)
      }
      try words.refuse(others, "what the manifest says", say: "the set is made as it was")
      return .verifyExport(path, spine: words.value("--spine"))
    }
    if let extra = words.operands.first {
      throw words.refusal("`\(extra)` is one word too many", extra)
    }
    guard let out = try words.path("--out") else {
      throw words.refusal("`export` needs to know where the set goes", nil, next: "say --out FILE.parquet")
    }
    let named = SetFormat.named(by: out)
    let formats = SetFormat.allCases.map { ($0.rawValue, $0) }
    guard let format = try oneOf("--out-format", words, formats) ?? named else {
      throw words.refusal(
        "the name `\(out)` does not say what the set is to be", "--out",
        next: "end it in .parquet, .arrow or .csv, or say --out-format")
    }
    var options = Export.Options(what: try wanted(words), project: project, out: out, format: format)
    try spine(&options, words)
    options.choices.time = words.value("--time")
    options.choices.lsn = words.value("--lsn")
    options.zone = words.value("--timezone")
    options.choices.keys = try keys(words)
    options.choices.timeUnitNanoseconds = try oneOf(
      "--time-unit", words, [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)])
    options.point = try point(words)
    try shape(&options, words)
    return .export(options)
  }

  private static func spine(_ options: inout Export.Options, _ words: Words) throws(UsageError) {
    if let path = words.value("--spine") {
      try words.refuse(["--from", "--to"], "for a set without --spine", say: "the spine says which labels")
      options.spine = path
      let formats = [("parquet", FileFormat.parquet), ("arrow", .arrow), ("csv", .csv)]
      let named = path.hasSuffix(".arrow") ? FileFormat.arrow : FileFormat.named(by: path)?.format
      guard let format = try oneOf("--spine-format", words, formats) ?? named, format != .jsonl else {
        throw words.refusal(
          "the name `\(path)` does not say what the spine is", "--spine",
          next: "end it in .parquet, .arrow or .csv, or say --spine-format")
      }
      options.spineFormat = format
      return
    }
    guard case .view = options.what else {
      throw words.refusal(
        "`export` needs labels: rows of entities and times", nil,
        next: "say --spine FILE, or --view NAME [--from TIME] [--to TIME] for a view's own events")
    }
    try words.refuse(
      ["--time", "--time-unit", "--timezone", "--lsn", "--key", "--spine-format"],
      "about a spine, and there is none",
      say: "say --spine FILE")
    let from = try words.moment("--from") ?? .min
    let to = try words.moment("--to") ?? .max
    guard from <= to else { throw words.refusal("--to is before --from", "--to") }
    options.range = from...to
  }

  private static func point(_ words: Words) throws(UsageError) -> Export.Point {
    if let name = words.value("--pin") {
      try words.refuse(["--at", "--at-lsn"], "another moment than --pin", say: "say one of them")
      return .pin(name)
    }
    if let lsn = try words.number("--at-lsn") {
      try words.refuse(["--at"], "another moment than --at-lsn", say: "say one of them")
      return .lsn(LSN(lsn))
    }
    return try words.moment("--at").map { .time(WallTime(nanoseconds: $0)) } ?? .newest
  }

  private static func shape(_ options: inout Export.Options, _ words: Words) throws(UsageError) {
    options.export.mode = words.has("--ignore-known-at") ? .happened : .known
    options.export.isStrict = words.has("--strict-before")
    options.export.staleOK = words.has("--stale-ok")
    options.export.prefix = words.value("--prefix") ?? ""
    options.export.beyondHistory =
      try oneOf("--beyond-history", words, [("error", .error), ("null", .null)]) ?? .error
    if let text = words.value("--delay") {
      guard let delay = try? Period(spelling: text) else {
        throw words.refusal("--delay needs a time, as in 90s or 2h, and not `\(text)`", "--delay")
      }
      options.export.delayNanoseconds = delay.nanoseconds
    }
    if let text = words.value("--columns") {
      for word in text.split(separator: ",", omittingEmptySubsequences: false) where word != "values" {
        guard let kind = ExportColumnKind(rawValue: String(word)) else {
          throw words.refusal(
            "--columns knows nothing of `\(word)`", "--columns",
            next: "say some of values, "
              + ExportColumnKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        options.export.columns.insert(kind)
      }
    }
    if let text = words.value("--split") {
      guard let split = ExportSplit(spelling: text) else {
        throw words.refusal(
          "--split needs time=2026-11-19T00:00:00Z or hash=0.8, and not `\(text)`", "--split")
      }
      options.split = split
    }
    if !words.has("--data") {
      try words.refuse(
        ["--memory", "--threads"], "for a folder; a server has settings of its own",
        say: "say --data DIR")
    }
    if let file = words.value("--checks") {
      options.given.isNone = file == "none"
      if !options.given.isNone { options.given.file = try words.path("--checks") }
    }
    if let against = words.value("--against") {
      guard !options.given.isNone else {
        throw words.refusal("--against says nothing where nothing is checked", "--against")
      }
      options.given.against = against == "online" ? against : try words.path("--against")
    }
    options.export.threads = SystemProcess.coreCount
    if let text = words.value("--memory") {
      guard let memory = bytes(text), memory >= 1 << 20 else {
        throw words.refusal("--memory needs 1MiB or more, as in 512MiB, and not `\(text)`", "--memory")
      }
      options.export.memory = memory
    }
    if let threads = try words.number("--threads") {
      guard (1...256).contains(threads) else { throw words.refusal("--threads is 1 to 256", "--threads") }
      options.export.threads = Int(clamping: threads)
    }
  }

  /// `512MiB`.
  static func bytes(_ text: String) -> Int? {
    for (unit, size) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)] where text.hasSuffix(unit) {
      // house: allow decoder-conversion because a text that is no number gives nil
      guard let number = Int(text.dropLast(3)), number > 0, number < 1 << 20 else { return nil }
      return number * size
    }
    return nil
  }
}
