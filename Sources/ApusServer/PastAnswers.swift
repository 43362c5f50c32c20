// What HISTORY and EXPLAIN answer, from a store and what was asked: the same for whoever asks a server, and for whoever has the folder.
// They read files: no loop may call this.

import ApusBytes
import ApusContracts
package import ApusStore
import ApusSystem
package import ApusWire

/// What of a receipt does not fit what it is held against.
package enum ReceiptFault: String, Sendable {
  case timeline, fingerprint, keys, lsn, time

  package var what: String {
    switch self {
    case .timeline: "the receipt is of another store, or of another timeline of this one"
    case .fingerprint: "the receipt is of another service, or of other features, than those given"
    case .keys: "the receipt is of other keys than those given"
    case .lsn: "the receipt is of an LSN that this store has not reached, or of none"
    case .time: "the receipt is of a time that is still to come, or before 1970"
    }
  }

  package var next: String {
    switch self {
    case .timeline: "ask the store that gave the answer"
    case .fingerprint:
      "name what the answer was of, with the version: `fraud@1`, `card_activity@1:last_action`"
    case .keys: "give all keys of the answer, in their order"
    case .lsn, .time: "copy it again, whole, from where the answer was kept"
    }
  }
}

package enum PastRefusal: Error, Equatable, Sendable {
  case store(StoreError)
  case receipt(ReceiptFault)
  /// Where to go on is nothing that a page said.
  case place
  case tooLong(max: Int)

  /// As a client is told who asked so. The catalog is what names are looked for in.
  package func refusal(of type: MessageType, in catalog: Catalog) -> WireRefusal {
    switch self {
    case .store(let error): error.refusal(next: Suggestions.next(error, in: catalog))
    case .receipt(let fault): .badReceipt(fault)
    case .place: .badPlace
    case .tooLong(let max): .replyTooLong(type, max: max)
    }
  }
}

// MARK: EXPLAIN

/// What is to be explained.
package struct AskedExplanation: Sendable {
  package let vector: PreparedVector
  /// Row after row, and in a row role after role: whole rows.
  package let keys: [[UInt8]]
  package let moment: AskedMoment

  package init(_ vector: PreparedVector, keys: [[UInt8]], _ moment: AskedMoment) {
    (self.vector, self.keys, self.moment) = (vector, keys, moment)
  }

  /// What it says takes at most `byteCountMax` bytes, or it is refused.
  package func answer(
    from store: Store, atMost byteCountMax: Int
  ) throws(PastRefusal) -> ExplainReply {
    let moment = try pastMoment(in: store)
    let read: PastRead
    do throws(StoreError) { read = try store.past(moment) } catch { throw .store(error) }
    if case .receipt(let receipt) = self.moment {
      let fingerprint = Meaning.fingerprint(of: vector, in: read.catalog)
      guard AnswerReceipt.first(of: fingerprint) == receipt.fingerprint else { throw .receipt(.fingerprint) }
    }
    let rows = vector.roles.isEmpty ? 0 : keys.count / vector.roles.count
    var byteCount = 0
    var cells = Array<ExplainReply.Cell?>(repeating: nil, count: rows * vector.columns.count)
    do throws(StoreError) {
      var asked = RequestKeys(for: vector)
      for key in keys { try asked.append(encoded: unsafe key.span.bytes) }
      try read.explain(vector, asked) { explained in
        // What passes the limit is counted, and not kept.
        guard byteCount <= byteCountMax else { return }
        let cell = ExplainReply.Cell(explained)
        byteCount += cell.byteCount
        cells[explained.row * vector.columns.count + explained.feature.column] = cell
      }
    } catch {
      throw .store(error)
    }
    guard byteCount <= byteCountMax else { throw .tooLong(max: byteCountMax) }
    return ExplainReply(
      lsn: read.moment.lsn, time: read.moment.time, mayLack: read.moment.isFlagged, rows: rows,
      service: vector.service ?? "", columns: columns(in: read.newestCatalog),
      cells: cells.map { $0 ?? ExplainReply.Cell(.neverSeen, winner: nil, loser: nil) })
  }

  private func pastMoment(in store: Store) throws(PastRefusal) -> PastMoment {
    switch moment {
    case .newest: return .newest
    case .lsn(let lsn, let time): return .lsn(lsn, at: time)
    case .known(let time): return .known(by: time)
    case .receipt(let receipt):
      guard AnswerReceipt.first(of: store.identity.timeline) == receipt.timeline else {
        throw .receipt(.timeline)
      }
      var said = ByteWriter()
      for key in keys { said.write(short: unsafe key.span.bytes) }
      guard AnswerReceipt.digest(ofKeys: said.bytes) == receipt.keys else { throw .receipt(.keys) }
      guard receipt.lsn >= .first, receipt.lsn <= store.visible else { throw .receipt(.lsn) }
      // The time of an answer is this store's own clock, and clocks are set back a little.
      let now = store.shared.clock.wall().nanoseconds
      let (ahead, overflow) = receipt.time.nanoseconds.subtractingReportingOverflow(now)
      guard receipt.time.nanoseconds >= 0, !overflow, ahead <= SessionLimits.receiptSkewNanosecondsMax else {
        throw .receipt(.time)
      }
      return .lsn(receipt.lsn, at: receipt.time)
    }
  }

  private func columns(in catalog: Catalog) -> [ExplainReply.Column] {
    vector.columns.map { column in
      let view = catalog.registry[vector.groups[column.group].view]
      let feature = view?.features[Int(column.feature)].definition.name ?? ""
      return ExplainReply.Column(name: column.name, type: column.type, feature: "\(column.view):\(feature)")
    }
  }
}

extension ExplainReply.Cell {
  fileprivate init(_ explained: CellExplanation) {
    self.init(
      CellCode(explained.cell, isStale: false), winner: explained.winner.map { ExplainReply.Candidate($0) },
      loser: explained.runnerUp.map { ExplainReply.Loser(ExplainReply.Candidate($0.candidate), $0.why) })
  }
}

extension ExplainReply.Candidate {
  fileprivate init(_ told: ToldCandidate) {
    let said: ExplainReply.Said =
      switch told.content {
      case .null: .null
      case .deleted, .unseen: .deleted
      case .value: told.value.map { .value($0) } ?? .null
      }
    let event = told.event
    self.init(
      said, lsn: event.lsn, eventTime: event.eventTime, createdAt: event.createdAt, knownAt: event.knownAt,
      isKnownAtAssumed: event.isKnownAtAssumed, producer: event.producer ?? "")
  }
}

// MARK: HISTORY

extension HistoryRequest {
  /// Answers it in a project, with a page of at most `byteCountMax` bytes; one event may pass them.
  package func answer(
    from store: Store, project: String, atMost byteCountMax: Int
  ) throws(PastRefusal) -> HistoryReply {
    var question = HistoryQuestion(limit: min(Int(clamping: eventsMax), SessionLimits.historyEventsMax))
    (question.from, question.to) = (from, to)
    question.isNewestFirst = options.contains(.newestFirst)
    question.includesRefused = options.contains(.refused)
    if !place.isEmpty {
      guard let known = HistoryPlace(bytes: place) else { throw .place }
      question.place = known
    }
    let page: HistoryPage
    do throws(StoreError) {
      let read = try store.past(try pastMoment())
      let name = VersionedName(spelling: view)
      guard let name, let found = read.newestCatalog.view(name, in: project) else {
        throw .unknownView(name ?? VersionedName(name: view), project: project)
      }
      page = try read.history(of: found, key: unsafe key.span.bytes, question)
    } catch {
      throw .store(error)
    }
    return HistoryReply(page, question, atMost: byteCountMax)
  }

  private func pastMoment() throws(StoreError) -> PastMoment {
    switch moment {
    case .newest, .receipt: .newest
    case .lsn(let lsn, let time): .lsn(lsn, at: time)
    case .known(let time): .known(by: time)
    }
  }
}

extension HistoryReply {
  fileprivate init(_ page: HistoryPage, _ question: HistoryQuestion, atMost byteCountMax: Int) {
    var events: [Event] = []
    let most = min(
      SessionLimits.historyByteCountMax,
      byteCountMax - Self.headByteCount(view: page.view, placeByteCount: HistoryPlace.byteCount))
    var byteCount = 0
    var place: HistoryPlace?
    for entry in page.entries {
      let event = Event(entry)
      byteCount += event.byteCount
      if !events.isEmpty, byteCount > most {
        place = events.last.map { last in
          HistoryPlace(last: last.lsn, through: question.place?.through ?? page.moment.lsn)
        }
        break
      }
      events.append(event)
    }
    self.init(
      lsn: page.moment.lsn, time: page.moment.time, mayLack: page.moment.isFlagged,
      horizon: page.horizon.map { Horizon(lsn: $0.through, nanoseconds: $0.nanoseconds) },
      view: page.view, next: (place ?? page.next)?.bytes ?? [], events: events)
  }
}

extension HistoryReply.Event {
  fileprivate init(_ entry: HistoryEntry) {
    let event = entry.event
    var rule = ""
    let fate: HistoryReply.Fate
    switch entry.fate {
    case .wins: fate = .wins
    case .winsNothing: fate = .winsNothing
    case .refused(let by):
      fate = .refused
      rule = by
    }
    self.init(
      event.operation, fate, lsn: event.lsn, eventTime: event.eventTime, createdAt: event.createdAt,
      knownAt: event.knownAt, isKnownAtAssumed: event.isKnownAtAssumed, producer: event.producer ?? "",
      rule: rule, cells: entry.said.map { HistoryReply.Cell($0.feature, $0.type, $0.value) })
  }
}

extension HistoryPlace {
  fileprivate static let byteCount = 16

  var bytes: [UInt8] {
    var writer = ByteWriter(capacity: Self.byteCount)
    writer.write(last.rawValue)
    writer.write(through.rawValue)
    return writer.bytes.copied()
  }

  init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    var reader = unsafe BodyReader(bytes.span.bytes)
    do throws(WireError) {
      let last = LSN(rawValue: try reader.number("the last LSN"))
      let through = LSN(rawValue: try reader.number("the greatest LSN"))
      self.init(last: last, through: through)
    } catch {
      return nil
    }
  }
}
