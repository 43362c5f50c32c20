// How each story ends: the log says what was told, the index is sound, and whatever is replayed gives the same state hash.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

extension OracleStory {
  func finish(_ random: inout SplitMix64) throws {
    say("the end")
    disk.spare()
    // The store may have written something of its own since the last step.
    if disk.isOff { try restart(.killed, &random) }
    let hash = try store.stateHash()
    noteAllDurable()
    try check(try store.scrub().isSound, true, "whether the scrub finds the index sound")
    try auditLog()
    try restart(.closed, deletingIndex: true, &random)
    try check(try store.stateHash(), hash, "state hash of a rebuilt index")
    try restart(.powerCut, &random)
    try check(try store.stateHash(), hash, "state hash after a power cut")
    try readAll(&random)
  }

  /// The log has the events and the dead letters that were told, with their times, and no others.
  private func auditLog() throws {
    var events: [UInt64: (version: Int, event: ToldEvent)] = [:]
    for (version, all) in told.events.enumerated() {
      for event in all { events[event.lsn] = (version, event) }
    }
    var letters: [UInt64: ToldLetter] = [:]
    for letter in told.letters { letters[letter.lsn] = letter }
    let catalog = try store.catalog
    var scanner = try store.log.scan(from: LSN(1))
    while let frame = try scanner.next() {
      guard frame.type == .records else { continue }
      var walker = RecordWalker(scanner.payload, base: frame.lsns.first)
      while let record = try walker.next() {
        let lsn = record.lsn.rawValue
        switch record.kind {
        case .event:
          let view = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
          guard let known = events.removeValue(forKey: lsn), let found = catalog[view.viewVersion] else {
            throw OracleFailure("the log has an event at LSN \(lsn) that nobody told")
          }
          try check(found.spelling, told.definitions.versions[known.version].spelling, "view at LSN \(lsn)")
          try check(try found.keySchema.decode(view.key), known.event.key, "key at LSN \(lsn)")
          try check(view.operation == .delete, known.event.said == nil, "operation at LSN \(lsn)")
          let times = [view.eventTime.nanoseconds, view.createdAt.nanoseconds, view.knownAt.nanoseconds]
          let expected = [known.event.eventTime, known.event.createdAt, known.event.knownAt]
          try check(times, expected, "times at LSN \(lsn)")
          try check(view.isKnownAtAssumed, known.event.isAssumed, "assumed mark at LSN \(lsn)")
          if times[0] > times[2] { throw OracleFailure("known before it was true, at LSN \(lsn)") }
        case .deadLetter:
          // That letters were handled is no letter; what came of it stands beside it.
          guard let letter = try Self.letter(record.body) else { continue }
          guard let known = letters.removeValue(forKey: lsn) else {
            throw OracleFailure("the log has a dead letter at LSN \(lsn) that nobody told")
          }
          let found = ToldLetter(
            lsn: lsn, version: known.version, rule: letter.rule, isDelete: letter.event == .delete)
          try check(found, known, "dead letter at LSN \(lsn)")
        default: break
        }
      }
    }
    if let lost = (Array(events.keys) + Array(letters.keys)).min() {
      throw OracleFailure("the log lacks LSN \(lost)")
    }
  }
}

extension OracleStory {
  private static func letter(_ body: RawSpan) throws -> DeadLetter? {
    do throws(RecordFault) { return try DeadLetter(body) } catch {
      if error == .unknownOperation(kind: 2, operation: 2) { return nil }
      throw error
    }
  }

  /// Plays a story; a failing one is told as short as it can be.
  static func play(_ seed: UInt64, steps: Int = 24) throws -> Summary {
    func failure(without left: Set<Int>) throws -> (words: String, lines: [String])? {
      let story = try OracleStory(seed)
      story.isTold = true
      do {
        try story.play(steps, without: left)
        return nil
      } catch {
        return ("\(error)", story.lines)
      }
    }
    let story = try OracleStory(seed)
    do {
      try story.play(steps)
      return story.summary
    } catch {
      var left: Set<Int> = []
      var last = try failure(without: []) ?? ("\(error)", ["it does not fail again"])
      for step in (0..<steps).reversed() {
        if let shorter = try failure(without: left.union([step])) {
          left.insert(step)
          last = shorter
        }
      }
      throw OracleFailure(
        """
        seed \(seed), steps left out: \(left.sorted())
        \(last.1.joined(separator: "\n"))
        \(last.0)
        (with all steps: \(error))
        """)
    }
  }
}
