// Everything that was ever said of a key in a view, page by page: events, each with what became of it, and, for who wants them, those
// that were refused and wait as dead letters. A page says where it ended, and the next one begins there, whoever reads it.
//
// Whatever page it stands on, an event is told at most once, and one that was written after the first page was read is not told.

package import ApusBytes
package import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// Which events of a key are wanted.
package struct HistoryQuestion: Equatable, Sendable {
  /// Only what became true from then on, up to then.
  package var from = EventTime(nanoseconds: .min)
  package var to = EventTime(nanoseconds: .max)
  package var limit: Int
  /// In the order of their LSNs, or against it.
  package var isNewestFirst = false
  /// Letters too. All that wait are looked through for them, if any is of the view.
  package var includesRefused = false
  /// Where the page before ended; nil: from the beginning.
  package var place: HistoryPlace?

  package init(limit: Int) { self.limit = limit }
}

/// Where a page ended.
package struct HistoryPlace: Equatable, Sendable {
  /// The last that was told.
  package var last: LSN
  /// What was written behind it is not told: the first page did not know of it.
  package var through: LSN

  package init(last: LSN, through: LSN) {
    self.last = last
    self.through = through
  }
}

/// One event of a key's history.
package struct HistoryEntry: Sendable {
  /// What became of it, as of the moment.
  package enum Fate: Equatable, Sendable {
    /// It is the winner of some feature.
    case wins
    case winsNothing
    /// By a rule; it waits as a dead letter.
    case refused(String)
  }

  /// What is said of a feature; nil: that it is null.
  package struct Said: Equatable, Sendable {
    package let feature: String
    package let type: FeatureType
    package let value: Value?
  }

  package let event: PastEvent
  package let fate: Fate
  /// Of the features that the view has at the moment, and of a letter all; without those that it left as they were. A delete says nothing.
  package let said: [Said]
}

package struct HistoryPage: Sendable {
  package let moment: ReadMoment
  /// `card_activity@1`.
  package let view: String
  package let entries: [HistoryEntry]
  /// Where the next page begins, nil when this was the last.
  package let next: HistoryPlace?
  /// Of the events up to this LSN those that won nothing at this time may have been let go of.
  package let horizon: (through: LSN, nanoseconds: Int64)?
}

extension PastRead {
  /// The events of a key, as many as are wanted.
  package func history(
    of view: CatalogView, key: RawSpan, _ question: HistoryQuestion
  ) throws(StoreError) -> HistoryPage {
    try check(view.id)
    do throws(KeyError) { try view.keySchema.check(key) } catch { throw .badKey(row: 0, role: "", error) }
    let wanted = ViewKey(view: view.id, key: key.copied())
    let found = try PastKey(wanted, try events.find([wanted])[0], self)
    let through = min(question.place?.through ?? sight.through, sight.through)
    // All that is told carries an LSN of its own: events and letters are one order.
    var told: [(lsn: LSN, entry: Told)] = []
    for place in 0..<found.events.count {
      let head = found.events.head(place)
      guard takes(head.lsn, head.eventTime, head.knownAt, question, through: through) else { continue }
      told.append((head.lsn, .event(place)))
    }
    if question.includesRefused {
      for letter in try letters(of: wanted, view, question, through: through) {
        told.append((letter.lsn, .letter(letter)))
      }
    }
    told.sort { question.isNewestFirst ? $0.lsn > $1.lsn : $0.lsn < $1.lsn }
    let winners = told.isEmpty ? [] : try found.winners()
    var entries: [HistoryEntry] = []
    for (_, each) in told.prefix(question.limit) {
      switch each {
      case .event(let place):
        entries.append(try found.entry(place, wins: winners.contains(place)))
      case .letter(let letter): entries.append(HistoryEntry(letter, of: view))
      }
    }
    let next = entries.last.map { HistoryPlace(last: $0.event.lsn, through: through) }
    return HistoryPage(
      moment: moment, view: found.view.spelling, entries: entries,
      next: told.count > question.limit ? next : nil,
      horizon: newest.state.horizons[view.id].map { ($0.through, $0.moment.nanoseconds) })
  }

  private enum Told {
    case event(Int)
    case letter(FoundDeadLetter)
  }

  private func takes(
    _ lsn: LSN, _ eventTime: EventTime, _ knownAt: KnownAt, _ question: HistoryQuestion, through: LSN
  ) -> Bool {
    if let last = question.place?.last {
      guard question.isNewestFirst ? lsn < last : lsn > last else { return false }
    }
    return lsn <= through && question.from <= eventTime && eventTime <= question.to
      && sight.sees(eventTime, knownAt)
  }

  // MARK: Letters

  /// The letters of a key that wait now, as many as one page has at most and one more.
  private func letters(
    of wanted: ViewKey, _ view: CatalogView, _ question: HistoryQuestion, through: LSN
  ) throws(StoreError) -> [FoundDeadLetter] {
    let sums = newest.state.deadLetters
    guard sums.listed.contains(where: { $0.view == wanted.view }) else { return [] }
    let search = DeadLetterSearch(in: log, sums, newest.catalog)
    var first = LSN.first
    if let last = question.place?.last, !question.isNewestFirst { first = last.next }
    var found: [FoundDeadLetter] = []
    try search.forEachWaiting(from: first, through: through) { letter in
      let event = PastEvent(letter)
      // When it arrived somebody could have known that it was refused.
      let arrived = KnownAt(nanoseconds: letter.arrived.nanoseconds)
      guard !letter.isErased, letter.letter.viewVersion == wanted.view,
        takes(letter.lsn, event.eventTime, arrived, question, through: through),
        view.key(of: letter.letter) == wanted.key
      else { return true }
      found.append(letter)
      if !question.isNewestFirst { return found.count <= question.limit }
      if found.count - 1 > question.limit { found.removeFirst() }
      return true
    }
    return found
  }
}

extension CatalogView {
  /// Of what it has no feature for, any.
  fileprivate func type(of feature: String) -> FeatureType {
    contract.features.first { $0.name == feature }?.type ?? .scalar(.bool)
  }

  /// Nil for a key that was refused because it is none.
  fileprivate func key(of letter: DeadLetter) -> [UInt8]? {
    var encoder = KeyEncoder()
    do throws(KeyError) { try keySchema.encode(letter.key, into: &encoder) } catch { return nil }
    return encoder.bytes.copied()
  }
}

extension HistoryEntry {
  fileprivate init(_ found: FoundDeadLetter, of view: CatalogView) {
    event = PastEvent(found)
    fate = .refused(found.letter.rule)
    said = found.letter.features.compactMap { feature in
      switch feature.input {
      case .absent: nil
      case .null: Said(feature: feature.name, type: view.type(of: feature.name), value: nil)
      case .value(let value): Said(feature: feature.name, value, of: view)
      }
    }
  }
}

extension HistoryEntry.Said {
  /// A vector that no feature can hold, because it has no elements, is told as a list.
  fileprivate init(feature: String, _ value: Value, of view: CatalogView) {
    if let type = value.type {
      self.init(feature: feature, type: type, value: value)
    } else if case .vector(let elements) = value {
      self.init(feature: feature, type: .list(of: elements.type), value: .list(elements))
    } else {
      self.init(feature: feature, type: view.type(of: feature), value: nil)
    }
  }
}

extension PastKey {
  /// The places of those that win some feature.
  fileprivate func winners() throws(StoreError) -> Set<Int> {
    let fold = try explained()
    var winners: Set<Int> = []
    for feature in 0..<layout.count {
      if let winner = fold.winner(feature) { winners.insert(winner.place) }
    }
    return winners
  }

  fileprivate func entry(_ place: Int, wins: Bool) throws(StoreError) -> HistoryEntry {
    let event = events.event(place)
    return HistoryEntry(event: PastEvent(event), fate: wins ? .wins : .winsNothing, said: try said(by: place))
  }

  private func said(by place: Int) throws(StoreError) -> [HistoryEntry.Said] {
    let event = events.event(place)
    if event.head.isDelete { return [] }
    do throws(RowError) {
      let cells = try RowCells(event.cells, layout: layout)
      var said: [HistoryEntry.Said] = []
      for feature in view.contract.features {
        switch try cells.input(layout.slots[Int(feature.index)]) {
        case .absent: break
        case .null: said.append(.init(feature: feature.name, type: feature.type, value: nil))
        case .value(let value): said.append(.init(feature: feature.name, type: feature.type, value: value))
        }
      }
      return said
    } catch {
      throw .history(.cells(event.head.viewVersion, event.head.lsn, error))
    }
  }
}
