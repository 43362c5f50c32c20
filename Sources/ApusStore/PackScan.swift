// What a pack takes from the log: its events, its letters that wait, its frames, and the state as of its last LSN. Nothing of it is
// judged anew; a record that was passed over when it was applied, because it rests on lost ones, is passed over here.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// Its range may be taken in parts, one behind the other: the events of each are given away before the next.
struct PackScan {
  struct Letter {
    let lsn: LSN
    let nanoseconds: Int64
    let body: [UInt8]
  }

  let lsns: LSNRange
  private(set) var state: StoreState
  private(set) var events = EventSorter()
  private(set) var frames: [(lsns: LSNRange, nanoseconds: Int64)] = []
  /// All of the range; which of them wait is known at its end.
  private var letters: [Letter] = []
  /// Of erased keys; they are left out.
  private(set) var erasedEvents: UInt64 = 0
  private let erasures: Erasures
  private let handled: DeadLetterSums
  /// The state is that at the end already.
  private let isSettled: Bool
  private var catalog: Catalog

  /// `state` is that before the range; `erasures` and what letters are `handled` are the newest.
  init(
    _ lsns: LSNRange, from state: StoreState, _ erasures: Erasures, handled: DeadLetterSums,
    isSettled: Bool = false
  ) {
    self.isSettled = isSettled
    self.handled = handled
    self.lsns = lsns
    self.state = state
    self.erasures = erasures
    catalog = Catalog(number: 0, registry: state.registry, erasures: erasures)
  }

  /// Takes all frames of a part of the range, which follows the one before. `pace` is called between them, with the bytes of each.
  mutating func run(
    _ part: LSNRange, _ log: LogReader, pace: (Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    events = EventSorter()
    let accepted = log.view.accepted.ranges.first?.first
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: part.first) } catch { throw .log(error) }
    while let frame = try Self.next(&scanner, through: part.last), frame.lsns.last <= part.last {
      guard frame.type == .records else {
        // It has no event, but an LSN that a read may have been of.
        if frame.type.takesLSN { frames.append((frame.lsns, frame.appendTime.nanoseconds)) }
        continue
      }
      let afterLoss = accepted.map { $0 < frame.lsns.first } ?? false
      try take(scanner.payload, frame, afterLoss: afterLoss)
      try pace(frame.payloadByteCount)
    }
    do throws(HistoryError) { try events.sort() } catch { throw .history(error) }
  }

  /// Nil where what follows is damage behind the range.
  private static func next(
    _ scanner: inout LogScanner, through last: LSN
  ) throws(StoreError) -> FrameHeader? {
    do throws(LogError) { return try scanner.next() } catch {
      if case .damaged(let damage) = error, damage.lsns.first > last { return nil }
      throw .log(error)
    }
  }

  private mutating func take(
    _ payload: RawSpan, _ frame: FrameHeader, afterLoss: Bool
  ) throws(StoreError) {
    let moment = FrameMoment(lsns: frame.lsns, time: frame.appendTime)
    if !isSettled { try state.follow(payload, moment, afterLoss: afterLoss) }
    if catalog.registry != state.registry { catalog = catalog.with(state.registry, erasures) }
    frames.append((frame.lsns, frame.appendTime.nanoseconds))
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var producer: [UInt8] = []
    var at = frame.lsns.first
    do throws(RecordFault) {
      while try takeNext(&walker, frame, afterLoss, &producer, &at) {}
    } catch {
      throw .recordUnreadable(at, error)
    }
  }

  @_lifetime(walker: copy walker)
  private mutating func takeNext(
    _ walker: inout RecordWalker, _ frame: FrameHeader, _ afterLoss: Bool, _ producer: inout [UInt8],
    _ at: inout LSN
  ) throws(RecordFault) -> Bool {
    let record: RecordWalker.Record
    do throws(EventError) {
      guard let found = try walker.next() else { return false }
      record = found
    } catch {
      throw .event(error)
    }
    at = record.lsn
    switch record.kind {
    case .event:
      do throws(RecordFault) { try take(record.body, record.lsn, frame.appendTime, producer) } catch {
        guard afterLoss, error.mayFollowFromLoss else { throw error }
      }
    case .deadLetter:
      // What was handled, and that something was, matters no more once the state says so.
      if case .letter = try DeadLetterRecord(record.body) {
        letters.append(
          Letter(lsn: record.lsn, nanoseconds: frame.appendTime.nanoseconds, body: record.body.copied()))
      }
    case .producer:
      if case .request(let ticket, _) = try ProducerRecord(record.body) {
        producer = Array((state.producers[ticket.producer]?.name ?? "").utf8)
      }
    default: break
    }
    return true
  }

  private mutating func take(
    _ body: RawSpan, _ lsn: LSN, _ time: WallTime, _ producer: [UInt8]
  ) throws(RecordFault) {
    let event: EventView
    do throws(EventError) { event = try EventView(body, appendNanoseconds: time.nanoseconds) } catch {
      throw .event(error)
    }
    guard let view = catalog[event.viewVersion] else { throw .unknownView(event.viewVersion) }
    do throws(EventError) { _ = try event.row(lsn, layout: view.layout) } catch { throw .event(error) }
    if let erase = erasures.erase(of: event.key, in: view), lsn <= erase.floor {
      erasedEvents += 1
      return
    }
    events.add(
      HistoryEventView(
        HistoryEventHead(event, lsn), key: event.key, cells: event.cellBytes,
        producer: unsafe producer.span.bytes))
  }

  /// The letters that wait still.
  var waitingLetters: [Letter] {
    letters.filter { !isHandled($0.lsn) }
  }

  func isHandled(_ letter: LSN) -> Bool {
    state.deadLetters.isHandled(letter) || handled.isHandled(letter)
  }
}
