// What `diff` and `skew` make of their words.

import ApusContracts

extension CommandParser {
  static func diff(_ words: Words) throws(UsageError) -> Job {
    var options = Diff.Options(a: words.operands[0], b: words.operands[1], data: try words.path("--data"))
    if let limit = try words.number("--limit") { options.limit = limit }
    if let text = words.value("--memory") {
      guard let memory = bytes(text), memory >= 1 << 20 else {
        throw words.refusal("--memory needs 1MiB or more, as in 512MiB, and not `\(text)`", "--memory")
      }
      options.memory = memory
    }
    return .diff(options)
  }

  static func skew(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    var options = Skew.Options(project: project)
    if let path = try words.path("--receipts") {
      try words.refuse(
        ["--sample", "--seed"], "for a sample, and --receipts gives answers", say: "say one of them")
      options.receipts = path
      // A service's receipt says itself what it is of.
      if ["--service", "--features", "--view"].contains(where: words.has) {
        options.what = try wanted(words)
      }
    } else {
      options.what = try wanted(words)
    }
    if let sample = try words.number("--sample") {
      guard (1...Skew.sampleMax).contains(sample) else {
        throw words.refusal("--sample is 1 to \(Skew.sampleMax)", "--sample")
      }
      options.sample = sample
    }
    options.seed = try words.number("--seed")
    if let limit = try words.number("--limit") { options.limit = limit }
    return .skew(options)
  }
}
