// How each story ends: the log says what was told, the index is sound, and whatever is replayed gives the same state hash.

import ApusBytes
import ApusContracts
import ApusHistory
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
    try auditHistory(&events, &letters)
    let floor = try store.log.view.floor
    var scanner = try store.log.scan(from: floor)
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
    for (lsn, (version, event)) in events where LSN(lsn) < floor {
      // Compaction leaves out what was erased.
      let view = catalog.registry.versions.first {
        catalog.registry.spelling(of: $0) == told.definitions.versions[version].spelling
      }
      guard let found = view.flatMap({ catalog[$0.id] }) else { continue }
      var encoder = KeyEncoder()
      try found.keySchema.encode(event.key, into: &encoder)
      if let erase = catalog.erasures.erase(of: encoder.bytes, in: found), LSN(lsn) <= erase.floor {
        events[lsn] = nil
        count("erased events that were left out")
      }
    }
    // A ledger keeps the letters that waited when it was written.
    for lsn in letters.keys where LSN(lsn) < floor && !told.waiting.contains(where: { $0.lsn == lsn }) {
      letters[lsn] = nil
    }
    if let lost = (Array(events.keys) + Array(letters.keys)).min() {
      throw OracleFailure("log and history lack LSN \(lost)")
    }
  }

  /// Strikes out what runs and ledgers hold, each once.
  private func auditHistory(
    _ events: inout [UInt64: (version: Int, event: ToldEvent)], _ letters: inout [UInt64: ToldLetter]
  ) throws {
    let view = try store.log.view
    let catalog = try store.catalog
    for record in view.history {
      let path = view.folder.at(record.name)
      let id = HistoryFileID(store: view.storeID.bytes, file: record.id.rawValue)
      let file = try view.folder.disk.open(path, .read)
      if record.kind == .ledger {
        let attributes = try LedgerAttributes(unsafe record.attributes.span.bytes, path: path)
        let ledger = try LedgerReader(file, id, first: record.first, attributes)
        try ledger.verify()
        var found: [(LSN, [UInt8])] = []
        try ledger.forEachLetter { lsn, _, body in
          found.append((lsn, body.copied()))
          return true
        }
        for (lsn, body) in found {
          let letter = try DeadLetter(unsafe body.span.bytes)
          guard let known = letters.removeValue(forKey: lsn.rawValue) else {
            throw OracleFailure("a ledger has a dead letter at LSN \(lsn) that nobody told")
          }
          try check(letter.rule, known.rule, "rule of the letter at LSN \(lsn)")
        }
        continue
      }
      count("runs")
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      guard let found = catalog[attributes.viewVersion],
        let subject = RunSubject(attributes.viewVersion, in: catalog.registry)
      else { throw OracleFailure("a run of a view version that nobody told") }
      let cursor = try options.runs.events(of: subject, first: record.first, attributes, as: id, in: file)
      while try cursor.advance() {
        let place = cursor.current
        let head = place.head
        guard let known = events.removeValue(forKey: head.lsn.rawValue) else {
          throw OracleFailure(
            "a run has an event at LSN \(head.lsn) that nobody told, or that is there twice")
        }
        try check(
          found.spelling, told.definitions.versions[known.version].spelling, "view at LSN \(head.lsn)")
        try check(try found.keySchema.decode(place.key), known.event.key, "key at LSN \(head.lsn)")
        try check(head.isDelete, known.event.said == nil, "operation at LSN \(head.lsn)")
        let times = [head.eventTime.nanoseconds, head.createdAt.nanoseconds, head.knownAt.nanoseconds]
        let expected = [known.event.eventTime, known.event.createdAt, known.event.knownAt]
        try check(times, expected, "times at LSN \(head.lsn)")
        try check(head.isKnownAtAssumed, known.event.isAssumed, "assumed mark at LSN \(head.lsn)")
      }
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
