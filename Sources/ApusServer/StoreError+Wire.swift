// What the store's refusals are to a client: one code each, and every case is named here, so that a new one does not compile
// before somebody has decided what a client is to do about it.

import ApusBytes
import ApusContracts
package import ApusStore
package import ApusWire

extension StoreError {
  package var wireCode: WireCode {
    switch plain {
    case .unknownProject, .nothingDefined, .unknownView, .unknownService, .unknownFeature, .unknownColumn,
      .unknownKeyName,
      .unknownPin:
      .unknownName
    case .retired: .retired
    case .emptyBatch, .emptyVector, .columnNamedTwice, .batchTooLong, .sourceOffsetTooLong,
      .badProducerName, .plan, .definition, .momentAhead, .nothingBy, .badPinName, .pinNoteTooLong,
      .pinExists, .tooManyPins, .backfill:
      .badRequest
    case .badKey, .keyMissing: .badKey
    case .rowsRefused: .rowsRefused
    case .unknownProducer: .unknownProducer
    case .producerExpired: .producerExpired
    case .fenced: .fenced
    case .sequenceGap: .sequenceGap
    case .sequenceReused: .sequenceReused
    case .sequenceTooOld: .sequenceTooOld
    case .overloaded, .erasuresFull: .overloaded
    case .deadLettersFull, .deadLettersOld: .deadLettersFull
    case .diskLow, .diskFull: .diskFull
    case .clockJump: .clockJump
    case .readOnly: .readOnly
    // A damaged index is made anew by itself.
    case .rebuilding, .indexDamaged: .rebuilding
    case .notYet: .notYet
    case .lsnLost: .lsnLost
    case .historyGone: .historyGone
    case .beyondHistory: .beyondHistory
    case .closed: .shuttingDown
    case .stopped: .stopped
    case .recordUnreadable, .log, .index, .history: .internal
    }
  }

  /// For a code that says *retry*: not before so many milliseconds.
  package var wireWait: UInt32 {
    switch wireCode {
    case .overloaded: SessionLimits.overloadedWaitMilliseconds
    case .notYet: SessionLimits.notYetWaitMilliseconds
    default: wireCode.class == .retry ? SessionLimits.troubleWaitMilliseconds : 0
    }
  }

  /// What programs may want to know of it, by name.
  package var wireDetails: [WireRefusal.Detail] {
    switch self {
    case .unknownProject(let name): Self.details(("project", name))
    case .nothingDefined(let project, let lsn): Self.details(("project", project), ("lsn", "\(lsn)"))
    case .unknownView(let name, let project):
      Self.details(("view", name.description), ("project", project))
    case .unknownService(let name, let project):
      Self.details(("service", name.description), ("project", project))
    case .unknownFeature(let name, let view): Self.details(("feature", name), ("view", view))
    case .unknownColumn(let name, let view): Self.details(("feature", name), ("view", view))
    case .unknownKeyName(let name, let project): Self.details(("key", name), ("project", project))
    case .retired(let name): Self.details(("name", name))
    case .columnNamedTwice(let name): Self.details(("column", name))
    case .badKey(let row, let role, _), .keyMissing(let row, let role):
      Self.details(("row", "\(row)"), ("role", role))
    case .batchTooLong(let byteCount, let max), .sourceOffsetTooLong(let byteCount, let max):
      Self.details(("bytes", "\(byteCount)"), ("max", "\(max)"))
    case .rowsRefused(let tallies):
      tallies.first.map {
        Self.details(
          ("view", $0.view), ("rule", $0.rule), ("row", "\($0.firstRow)"),
          ("rows", "\(tallies.reduce(0) { $0 + $1.count })"))
      } ?? []
    case .badProducerName(let name): Self.details(("producer_name", Shortened(name).description))
    case .unknownProducer(let producer), .producerExpired(let producer):
      Self.details(("producer", "\(producer)"))
    case .fenced(let producer, let epoch, let now):
      Self.details(("producer", "\(producer)"), ("epoch", "\(epoch)"), ("now", "\(now)"))
    case .sequenceGap(let producer, let found, let next):
      Self.details(("producer", "\(producer)"), ("sequence", "\(found)"), ("next", "\(next)"))
    case .sequenceReused(let producer, let sequence):
      Self.details(("producer", "\(producer)"), ("sequence", "\(sequence)"))
    case .sequenceTooOld(let producer, let sequence, let oldest):
      Self.details(("producer", "\(producer)"), ("sequence", "\(sequence)"), ("oldest", "\(oldest)"))
    case .notYet(let lsn, let visible): Self.details(("lsn", "\(lsn)"), ("visible", "\(visible)"))
    case .lsnLost(let lsn, let range): Self.details(("lsn", "\(lsn)"), ("lost", range.description))
    case .historyGone(let lsn, let view, let from):
      Self.details(("lsn", "\(lsn)"), ("view", view), ("from", "\(from)"))
    case .beyondHistory(let view, let from): Self.details(("view", view), ("from", "\(from)"))
    case .readOnly(let ranges): ranges.first.map { Self.details(("lost", $0.description)) } ?? []
    case .recordUnreadable(let lsn, _): Self.details(("lsn", "\(lsn)"))
    case .badPinName(let name), .unknownPin(let name), .pinExists(let name, _):
      Self.details(("pin", Shortened(name).description))
    case .momentAhead, .nothingBy, .pinNoteTooLong, .tooManyPins, .backfill: []
    case .erasuresFull(let keys, let max): Self.details(("keys", "\(keys)"), ("max", "\(max)"))
    case .emptyBatch, .emptyVector, .plan, .definition, .overloaded, .deadLettersFull, .deadLettersOld,
      .diskLow, .diskFull, .clockJump, .rebuilding, .closed, .stopped, .indexDamaged, .log, .index,
      .history:
      []
    }
  }

  /// `next` is in place of the store's own word on what to do, where somebody knows better.
  package func refusal(next: String? = nil) -> WireRefusal {
    WireRefusal(
      wireCode, what, where: place ?? "", next: next ?? self.next, waitMilliseconds: wireWait,
      details: wireDetails)
  }

  private static func details(_ pairs: (String, String)...) -> [WireRefusal.Detail] {
    pairs.map { WireRefusal.Detail($0.0, $0.1) }
  }
}
