// All events of a few keys, wherever they lie: in runs below the log's floor, in segments from there on. Runs know their keys by their
// pages' bounds; for a segment a table is made when it is first needed, and what lies behind a table is read as it is.
//
// While one of these exists nothing that it reads goes away. Records that are damaged may be the ones that decide, so a read that meets them is
// refused, but for losses that the store's flag tells of already, or that a person accepted.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// A key in a view version.
struct ViewKey: Hashable {
  let view: ViewVersionID
  let key: [UInt8]
}

struct KeyEvents {
  private let log: LogReader
  let history: HistoryView
  private let cache: PastCache
  private let state: StoreState
  /// No event behind it is wanted.
  private let through: LSN
  /// What the store's flag tells of.
  private let losses: LSNRanges

  init(
    _ log: LogReader, _ runs: any RunFiles, _ cache: PastCache, _ state: StoreState, through: LSN,
    losing losses: [LSNRange]
  ) {
    self.log = log
    self.losses = LSNRanges(losses)
    history = HistoryView(log, runs)
    self.cache = cache
    self.state = state
    self.through = through
    cache.keepOnly(history.view)
  }

  /// Below it, only ledgers say which LSNs there were.
  var floor: LSN { history.floor }

  /// The events of each key, in no order.
  func find(_ wanted: [ViewKey]) throws(StoreError) -> [EventBatch] {
    var search = Search(wanted, cache.hash, through)
    try findInRuns(wanted, &search)
    for segment in history.view.segments where segment.record.first <= through {
      try find(in: segment, &search)
    }
    return search.found
  }

  // MARK: Runs

  private func findInRuns(_ wanted: [ViewKey], _ search: inout Search) throws(StoreError) {
    let runs = history.view.runs
    for (place, key) in wanted.enumerated() {
      for record in runs[key.view] ?? [] where record.first <= through {
        let run = try run(record)
        let events: EventBatch
        do throws(HistoryError) { events = try run.events(of: unsafe key.key.span.bytes) } catch {
          throw .history(error)
        }
        for at in 0..<events.count where events.head(at).lsn <= through {
          search.found[place].append(events.event(at))
        }
      }
    }
  }

  private func run(_ record: FileRecord) throws(StoreError) -> any RunLookup {
    if let known = cache.run(record.id) { return known }
    let run = try history.lookup(record)
    cache.keep(run, of: record.id)
    return run
  }

  // MARK: Segments

  private func find(in segment: SegmentView, _ search: inout Search) throws(StoreError) {
    let id = segment.record.id
    let table = cache.table(id)
    if let table {
      for offset in Set(search.hashes.flatMap { table.offsets(of: $0) }).sorted() {
        let (frame, payload) = try read(LogPosition(segment: id, offset: offset))
        try search.take(unsafe payload.span.bytes, frame, state, nil)
      }
    }
    let last = segment.seal?.last ?? history.view.written
    let start = max(table?.through.next ?? segment.record.first, segment.record.first)
    guard start <= last else { return }
    try scan(segment, from: start, through: last, table, &search)
  }

  /// Reads what no table covers, and makes one where that was much.
  private func scan(
    _ segment: SegmentView, from start: LSN, through last: LSN, _ table: SegmentTable?,
    _ search: inout Search
  ) throws(StoreError) {
    var builder = SegmentTable.Builder(on: table, before: segment.record.first)
    var byteCount = 0
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: start, .written) } catch { throw .log(error) }
    var isCut = false
    while let frame = try next(&scanner, through: last, &isCut), frame.lsns.first <= last {
      guard frame.type == .records else { continue }
      builder.begin(frame)
      byteCount += frame.byteCount
      try search.take(scanner.payload, frame, state) { builder.add($0) }
    }
    if isCut {
      // Whoever wants what lies behind the damage goes on from here, and meets it.
      cache.keep(builder.finish(), of: segment.record.id)
    } else if segment.seal != nil {
      cache.keep(builder.finish(through: last), of: segment.record.id)
    } else if byteCount > StoreLimits.tailByteCountMax {
      cache.keep(builder.finish(), of: segment.record.id)
    }
  }

  private func read(
    _ position: LogPosition
  ) throws(StoreError) -> (frame: FrameHeader, payload: [UInt8]) {
    do throws(LogError) { return try log.read(at: position) } catch { throw .log(error) }
  }

  /// Nil at the end of the log, and where what follows is damage behind `last`, or behind everything that is wanted: then it is cut.
  private func next(
    _ scanner: inout LogScanner, through last: LSN, _ isCut: inout Bool
  ) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged(let damage) = error else { throw .log(error) }
        if damage.lsns.first > last { return nil }
        if damage.lsns.first > through {
          isCut = true
          return nil
        }
        guard losses.covers(damage.lsns) else { throw .log(error) }
      }
    }
  }
}

/// What was found of the keys that are wanted.
private struct Search {
  private let wanted: [ViewKey]
  private let hash: ViewKeyHash
  private let through: LSN
  private let places: [UInt64: [Int]]
  var found: [EventBatch]

  init(_ wanted: [ViewKey], _ hash: ViewKeyHash, _ through: LSN) {
    self.wanted = wanted
    self.hash = hash
    self.through = through
    var places: [UInt64: [Int]] = [:]
    for (place, key) in wanted.enumerated() {
      places[hash.hash(key.view, unsafe key.key.span.bytes), default: []].append(place)
    }
    self.places = places
    found = Array(repeating: EventBatch(), count: wanted.count)
  }

  var hashes: [UInt64] { Array(places.keys) }

  /// Takes what is wanted of a frame, and tells the hash of every event.
  mutating func take(
    _ payload: RawSpan, _ frame: FrameHeader, _ state: StoreState, _ tell: ((UInt64) -> Void)?
  ) throws(StoreError) {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var producer: UInt32?
    var at = frame.lsns.first
    do throws(RecordFault) {
      while try takeNext(&walker, frame, state, &producer, &at, tell) {}
    } catch {
      throw .recordUnreadable(at, error)
    }
  }

  @_lifetime(walker: copy walker)
  private mutating func takeNext(
    _ walker: inout RecordWalker, _ frame: FrameHeader, _ state: StoreState, _ producer: inout UInt32?,
    _ at: inout LSN, _ tell: ((UInt64) -> Void)?
  ) throws(RecordFault) -> Bool {
    do throws(EventError) {
      guard let record = try walker.next() else { return false }
      at = record.lsn
      switch record.kind {
      case .event:
        let event = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
        take(event, record.lsn, producer, state, tell)
      case .producer:
        let body = record.body
        do throws(RecordFault) {
          if case .request(let ticket, _) = try ProducerRecord(body) { producer = ticket.producer }
        } catch {
          throw .unknownKind(at: 0, record.rawKind)
        }
      default: break
      }
      return true
    } catch {
      throw .event(error)
    }
  }

  private mutating func take(
    _ event: borrowing EventView, _ lsn: LSN, _ producer: UInt32?, _ state: StoreState,
    _ tell: ((UInt64) -> Void)?
  ) {
    let hash = hash.hash(event.viewVersion, event.key)
    tell?(hash)
    guard lsn <= through, let places = places[hash] else { return }
    for place in places {
      let key = wanted[place]
      guard key.view == event.viewVersion, event.key.isEqual(to: unsafe key.key.span.bytes) else { continue }
      let name = Array((producer.flatMap { state.producers[$0]?.name } ?? "").utf8)
      found[place].append(
        HistoryEventHead(copy event, lsn), key: event.key, cells: event.cellBytes,
        producer: unsafe name.span.bytes)
    }
  }
}
