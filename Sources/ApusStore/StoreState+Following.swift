// A frame's records become state alone, without rows: for whoever only looks at a store, and to try what is about to be written.

import ApusBytes
import ApusContracts
import ApusSystem

extension StoreState {
  /// Applies a frame's records and notes its events, without their rows.
  mutating func follow(
    _ payload: RawSpan, _ frame: FrameMoment, afterLoss: Bool = false
  ) throws(StoreError) {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var at = frame.lsns.first
    do throws(RecordFault) {
      while try followNext(&walker, frame, afterLoss, &at) {}
    } catch {
      throw .recordUnreadable(at, error)
    }
  }

  @_lifetime(walker: copy walker)
  private mutating func followNext(
    _ walker: inout RecordWalker, _ frame: FrameMoment, _ afterLoss: Bool, _ at: inout LSN
  ) throws(RecordFault) -> Bool {
    let record: RecordWalker.Record
    do throws(EventError) {
      guard let found = try walker.next() else { return false }
      record = found
    } catch {
      throw .event(error)
    }
    at = record.lsn
    do throws(RecordFault) { try follow(record, frame, afterLoss) } catch {
      guard afterLoss, error.mayFollowFromLoss else { throw error }
    }
    return true
  }

  private mutating func follow(
    _ record: RecordWalker.Record, _ frame: FrameMoment, _ afterLoss: Bool
  ) throws(RecordFault) {
    guard record.kind == .event else {
      _ = try apply(record, in: frame, afterLoss: afterLoss)
      return
    }
    do throws(EventError) {
      let event = try EventView(record.body, appendNanoseconds: frame.time.nanoseconds)
      note(eventOf: event.viewVersion, eventTime: event.eventTime, lsn: record.lsn, time: frame.time)
    } catch {
      throw .event(error)
    }
  }
}
