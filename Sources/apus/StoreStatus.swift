// `apus status` of a store: what an operator watches, in a few lines. Of a folder that nobody has open it is looked at and not
// opened: nothing is replayed, and nothing changed. A server answers the same of the store that it serves.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

enum StoreStatus {
  /// `only`: to somebody who may know of one project, no other is named, and no producer.
  static func run(only project: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let facts = try answer.facts()
    answer.give(
      lines(facts, only: project, answer.place, now: SystemClock().wall()), json(facts, only: project))
    return .done
  }

  static func lines(_ facts: StoreFacts, only: String?, _ place: StorePlace, now: WallTime) -> [String] {
    let registry = facts.state.registry
    let segments = facts.log.view.segments
    let appended = facts.lastAppend.map { ", appended \(Age(of: $0, at: now).inWords) ago" } ?? ""
    var lines = [
      "store         \(facts.folder), \(facts.storeID)",
      "log           \(Numbers.count(segments.count, "segment")), \(ByteCount.inWords(logByteCount(facts))); last LSN "
        + "\(Numbers.grouped(facts.last.rawValue))\(appended)",
      "index         \(index(facts))",
      "dead letters  \(deadLetters(facts, now))",
      "producers     \(producers(facts, isNamed: only == nil, now))",
      "erasures      \(ErasureFacts(facts).words)",
      "pins          \(pins(facts, only: only, now))",
    ]
    for project in registry.projects where only.map({ $0 == project.name }) ?? true {
      lines.append("project       \(project.name), fingerprint \(registry.fingerprint(of: project.name))")
    }
    return lines + facts.lossLines(place)
  }

  private static func logByteCount(_ facts: StoreFacts) -> UInt64 {
    facts.log.view.segments.reduce(0) { $0 + ($1.seal?.byteCount ?? $1.writtenEnd) }
  }

  private static func index(_ facts: StoreFacts) -> String {
    let size = facts.index.byteCount.map { "\(ByteCount.inWords($0)); " } ?? ""
    switch facts.index.verdict {
    case .usable where facts.tail == 0: return size + "has everything"
    case .usable: return size + "\(Numbers.count(facts.tail, "record")) behind the log"
    case .missing: return "none; the next start makes it from the log"
    case .rebuilding: return facts.rebuilding
    case .unusable(let why): return "not usable, because \(why); the next start makes another"
    }
  }

  private static func deadLetters(_ facts: StoreFacts, _ now: WallTime) -> String {
    let letters = facts.state.deadLetters
    guard letters.letters > 0 else { return "none" }
    let oldest = letters.oldest.map { ", the oldest \(Age(of: $0, at: now).inWords) old" } ?? ""
    return "\(Numbers.count(letters.letters, "letter")), \(ByteCount.inWords(letters.byteCount))\(oldest)"
  }

  private static func producers(_ facts: StoreFacts, isNamed: Bool, _ now: WallTime) -> String {
    let all = facts.state.producers.listed
    guard let last = all.max(by: { $0.lastUsed < $1.lastUsed }) else { return "none" }
    let expired = all.count(where: \.isExpired)
    return Numbers.grouped(all.count) + (expired == 0 ? "" : ", \(Numbers.grouped(expired)) of them expired")
      + "; \(isNamed ? last.name : "one") sent last, \(Age(of: last.lastUsed, at: now).inWords) ago"
  }

  private static func pins(_ facts: StoreFacts, only: String?, _ now: WallTime) -> String {
    let pins = PinFacts.listed(facts, only: only, now: now)
    guard !pins.isEmpty else { return "none" }
    let holding = pins.filter(\.isHolding).map(\.words)
    return Numbers.grouped(pins.count)
      + (holding.isEmpty ? "; they hold nothing back" : "; " + holding.joined(separator: "; "))
  }

  /// The same as raw numbers.
  static func json(_ facts: StoreFacts, only: String?) -> JSON {
    let registry = facts.state.registry
    let letters = facts.state.deadLetters
    let head: JSON = [
      "folder": .text(facts.folder), "store_id": .text("\(facts.storeID)"),
      "timeline": .text("\(facts.timeline)"),
      "last_lsn": facts.last == .none ? .null : .number(facts.last.rawValue),
      "last_append_time": facts.lastAppend.map { .text("\($0)") } ?? .null,
      "log_segments": .number(facts.log.view.segments.count), "log_bytes": .number(logByteCount(facts)),
      "index": facts.index.json, "tail_records": .number(facts.tail),
    ]
    let pins = PinFacts.listed(facts, only: only, now: SystemClock().wall())
    let sums: JSON = [
      "dead_letters": .number(letters.letters), "dead_letter_bytes": .number(letters.byteCount),
      "oldest_dead_letter": letters.oldest.map { .text("\($0)") } ?? .null,
      "producers": .number(facts.state.producers.listed.count),
      "expired_producers": .number(facts.state.producers.listed.count(where: \.isExpired)),
      "erasures": .number(facts.state.erasures.count),
      "pending_erasures": ErasureFacts(facts).pendingJSON, "last_receipt": ErasureFacts(facts).receiptJSON,
      "pins": .number(pins.count),
      "pins_holding": .list(pins.filter(\.isHolding).map { .text($0.pin.name) }),
      "projects": .list(
        registry.projects.filter { project in only.map { $0 == project.name } ?? true }.map {
          ["name": .text($0.name), "fingerprint": .text("\(registry.fingerprint(of: $0.name))")]
        }),
    ]
    return head.adding(facts.lossJSON).adding(sums)
  }
}
