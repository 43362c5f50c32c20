import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusSystem

// An error speaks in three lines: what happened, where, and what a person can do next. The code is for programs: it
// never changes, while the words may.

extension StoreError: CustomStringConvertible {
  package var description: String { place.map { "\($0): \(what)" } ?? what }

  package var what: String {
    switch self {
    case .unknownProject(let name): "there is no project \(Quoted(name))"
    case .nothingDefined(_, let lsn): "nothing was defined by LSN \(lsn)"
    case .unknownView(let name, _): "there is no feature view \(Quoted(name.description))"
    case .unknownService(let name, _): "there is no feature service \(Quoted(name.description))"
    case .unknownFeature(let name, _): "it has no feature \(Quoted(name))"
    case .unknownColumn(let name, _): "it has no feature for the column \(Quoted(name))"
    case .retired: "this version is retired: it takes no rows, and is not served"
    case .emptyBatch: "there is no row in the request"
    case .emptyVector: "no feature is asked for"
    case .columnNamedTwice(let name): "two columns are called \(Quoted(name))"
    case .badKey(_, let role, let error): "no key\(StoreError.of(role)): \(error)"
    case .keyMissing(_, let role): "a key\(StoreError.of(role)) is missing"
    case .unknownKeyName(let name, _): "no entity has a key called \(Quoted(name))"
    case .batchTooLong(let byteCount, let max):
      "a request of \(byteCount) bytes is longer than the \(max) that fit here"
    case .sourceOffsetTooLong(let byteCount, let max):
      "a source offset of \(byteCount) bytes is longer than the \(max) allowed"
    case .rowsRefused(let tallies): StoreError.words(of: tallies)
    case .plan(let refusal): "\(refusal)"
    case .definition(let errors): "\(errors)"
    case .badProducerName(let name):
      "\(Quoted(name)) is no producer's name: it has 1 to \(StoreLimits.producerNameByteCountMax) bytes of text"
    case .unknownProducer: "this store never opened it"
    case .producerExpired: "PRODUCER_EXPIRED: it was idle for too long"
    case .fenced(_, let epoch, let now): "FENCED: epoch \(epoch) has ended; the producer's is \(now) now"
    case .sequenceGap(_, let found, let next): "SEQUENCE_GAP: request \(found) came where \(next) is the next"
    case .sequenceReused(_, let sequence): "SEQUENCE_REUSED: request \(sequence) was another one before"
    case .sequenceTooOld(_, let sequence, let oldest):
      "SEQUENCE_TOO_OLD: the answer to request \(sequence) is not kept; the oldest kept is that to \(oldest)"
    case .overloaded(let requests, let bytes, let overlay):
      "OVERLOADED: \(requests) requests of \(bytes) bytes wait, and \(overlay) bytes for the index"
    case .deadLettersFull(let byteCount, let max):
      "DEAD_LETTERS_FULL: \(byteCount) bytes of dead letters wait, at most \(max) allowed"
    case .deadLettersOld(let since): "DEAD_LETTERS_FULL: the oldest dead letter waits since \(since)"
    case .erasuresFull(let keys, let max):
      "ERASURES_FULL: erasures of \(keys) keys wait until they are carried out, at most \(max) allowed"
    case .diskLow(let free, let reserve):
      "DISK_LOW: \(free) bytes are free, less than the reserve of \(reserve)"
    case .diskFull(let error): "the disk is full: \(error.call) says \(error.errno)"
    case .clockJump(let jump): "CLOCK_JUMP: \(jump)"
    case .readOnly(let ranges):
      "the store is read-only, because \(ranges.map(\.description).joined(separator: ", ")) "
        + "\(ranges.count == 1 ? ranges[0].verb : "are") lost"
    case .rebuilding: "REBUILDING: the index is being made anew from the log"
    case .notYet(let lsn, let visible): "LSN \(lsn) is not visible yet; \(visible) is the newest that is"
    case .lsnLost(let lsn, let range):
      lsn == .none
        ? "LSN_LOST: LSN 0 has no record: the first one has LSN 1"
        : "LSN_LOST: LSN \(lsn) has no record, because \(range) \(range.verb) lost or \(range.count == 1 ? "was" : "were") skipped"
    case .historyGone(let lsn, _, let from):
      "HISTORY_GONE: LSN \(lsn) is behind the view's horizon; the first that can be read is \(from)"
    case .beyondHistory(_, let from): "BEYOND_HISTORY: the view's history begins at \(from)"
    case .momentAhead(let moment, let now): "\(moment) is still to come: it is \(now)"
    case .nothingBy(let moment): "nothing had been appended by \(moment)"
    case .backfill(let refusal): "\(refusal)"
    case .badPinName(let name):
      "\(Quoted(name)) is no pin's name: it has 1 to \(StoreLimits.producerNameByteCountMax) bytes of text"
    case .pinNoteTooLong(let byteCount, let max):
      "a note of \(byteCount) bytes is longer than the \(max) allowed"
    case .pinExists(let name, let last): "there is a pin \(Quoted(name)) already, of LSN \(last)"
    case .unknownPin(let name): "there is no pin \(Quoted(name))"
    case .tooManyPins(let max): "there are \(max) pins already, as many as may be"
    case .closed: "the store is closed"
    case .stopped(let error):
      "the store stopped for good when a call failed: \(error.call) says \(error.errno)"
    case .indexDamaged(let damage): "the index is damaged: \(damage)"
    case .recordUnreadable(_, let fault): "a record of the log cannot be applied: \(fault)"
    case .log(let error): error.what
    case .index(let error): "\(error)"
    case .history(let error): error.what
    }
  }

  /// What of the request, the definitions, the log or the disk this is about; nil when it is about no one place.
  package var place: String? {
    switch self {
    case .unknownView(_, let project), .unknownService(_, let project), .unknownKeyName(_, let project),
      .nothingDefined(let project, _):
      "project \(Quoted(project))"
    case .unknownFeature(_, let view), .unknownColumn(_, let view), .retired(let view): view
    case .badKey(let row, _, _), .keyMissing(let row, _): "row \(row)"
    case .unknownProducer(let producer), .producerExpired(let producer), .fenced(let producer, _, _),
      .sequenceGap(let producer, _, _), .sequenceReused(let producer, _), .sequenceTooOld(let producer, _, _):
      "producer \(producer)"
    case .diskFull(let error), .stopped(let error): error.subject
    case .historyGone(_, let view, _), .beyondHistory(let view, _): view
    case .recordUnreadable(let lsn, _): "LSN \(lsn)"
    case .log(let error): error.place
    case .unknownProject, .emptyBatch, .emptyVector, .columnNamedTwice, .batchTooLong, .sourceOffsetTooLong,
      .rowsRefused, .plan, .definition, .badProducerName, .overloaded, .deadLettersFull, .deadLettersOld,
      .erasuresFull, .diskLow,
      .clockJump,
      .readOnly, .rebuilding, .notYet, .lsnLost, .closed, .indexDamaged, .index, .momentAhead,
      .nothingBy, .badPinName, .pinNoteTooLong, .pinExists, .unknownPin, .tooManyPins, .backfill:
      nil
    case .history(let error): error.path
    }
  }

  /// What a person can do about it.
  package var next: String {
    switch self {
    case .unknownProject, .unknownView, .unknownService, .unknownFeature, .unknownColumn, .unknownKeyName:
      "check the spelling, or apply definitions that have it"
    case .retired:
      "name a version that is in use; what this one was can still be read, at a moment of the past"
    case .nothingDefined: "name a later LSN"
    case .emptyBatch: "send at least one row"
    case .emptyVector: "name at least one feature"
    case .columnNamedTwice: "leave one of them out, or give it a role"
    case .badKey, .keyMissing:
      "send a key of the entity's types, at most \(KeyLimits.byteCountMax) bytes encoded"
    case .batchTooLong: "split the request"
    case .sourceOffsetTooLong: "send a shorter one"
    case .rowsRefused: "mend the rows, or let refused ones be set aside"
    case .plan, .definition: "mend the definitions, then plan again"
    case .badProducerName: "give it a shorter name that is text"
    case .unknownProducer, .producerExpired: "open the producer, then send again with the epoch that it gets"
    case .fenced: "end this producer: another one goes on in its name"
    case .sequenceGap: "send the requests in between first"
    case .sequenceReused: "give a new request a new number"
    case .sequenceTooOld: "go on after the last answer; this request is in the log or was given up"
    case .overloaded: "wait, and send again"
    case .deadLettersFull, .deadLettersOld: "replay or purge dead letters, then send again"
    case .erasuresFull:
      "erase for good what waits, `apus compact --erase`, or wait until a server did; then send again"
    case .diskLow, .diskFull: "free space on that file system; writing goes on by itself"
    case .clockJump: "set the clock right if it is wrong, then confirm it: `apus repair --confirm-clock`"
    case .readOnly: "run `apus check` on the folder; restore the named LSNs from a backup"
    case .rebuilding: "wait, and read again"
    case .notYet: "wait for it, or name an earlier LSN"
    case .lsnLost: "name an LSN that an answer of this store carried"
    case .historyGone, .beyondHistory:
      "name a later moment; `apus describe VIEW` shows how far history reaches"
    case .momentAhead: "name a moment that is past, or none: then it is now"
    case .nothingBy: "name a later moment"
    case .backfill(let refusal): refusal.next
    case .badPinName: "give it a shorter name that is text"
    case .pinNoteTooLong: "say it in fewer words"
    case .pinExists: "take another name, or release that one first"
    case .unknownPin: "`apus pin` lists the pins"
    case .tooManyPins: "release those that nobody reads any more"
    case .closed: "open the store again"
    case .stopped: "look at the disk, then start again: the start trusts only what the disk returns"
    case .indexDamaged: "wait: the index is made anew from the log by itself"
    case .recordUnreadable: "use a program at least as new as the one that wrote it; nothing was changed"
    case .log(let error): error.next
    case .history: "run `apus check` on the folder; restore the named file from a backup"
    case .index: "look at the index folder; it may be removed while the store is closed, and is made anew"
    }
  }

  /// The name by which programs know this error.
  package var code: String {
    switch self {
    case .unknownProject: "unknown_project"
    case .nothingDefined: "nothing_defined"
    case .unknownView: "unknown_view"
    case .unknownService: "unknown_service"
    case .unknownFeature: "unknown_feature"
    case .unknownColumn: "unknown_column"
    case .retired: "retired"
    case .emptyBatch: "empty_batch"
    case .emptyVector: "empty_vector"
    case .columnNamedTwice: "column_named_twice"
    case .badKey: "bad_key"
    case .keyMissing: "key_missing"
    case .unknownKeyName: "unknown_key_name"
    case .batchTooLong: "batch_too_long"
    case .sourceOffsetTooLong: "source_offset_too_long"
    case .rowsRefused: "rows_refused"
    case .plan: "plan_refused"
    case .definition: "definition_refused"
    case .badProducerName: "bad_producer_name"
    case .unknownProducer: "unknown_producer"
    case .producerExpired: "producer_expired"
    case .fenced: "fenced"
    case .sequenceGap: "sequence_gap"
    case .sequenceReused: "sequence_reused"
    case .sequenceTooOld: "sequence_too_old"
    case .overloaded: "overloaded"
    case .deadLettersFull: "dead_letters_full"
    case .deadLettersOld: "dead_letters_old"
    case .erasuresFull: "erasures_full"
    case .diskLow: "disk_low"
    case .diskFull: "disk_full"
    case .clockJump: "clock_jump"
    case .readOnly: "read_only"
    case .rebuilding: "rebuilding"
    case .notYet: "not_yet"
    case .lsnLost: "lsn_lost"
    case .historyGone: "history_gone"
    case .beyondHistory: "beyond_history"
    case .momentAhead: "moment_ahead"
    case .nothingBy: "nothing_by"
    case .backfill(let refusal): refusal.code
    case .badPinName: "bad_pin_name"
    case .pinNoteTooLong: "pin_note_too_long"
    case .pinExists: "pin_exists"
    case .unknownPin: "unknown_pin"
    case .tooManyPins: "too_many_pins"
    case .closed: "closed"
    case .stopped: "stopped"
    case .indexDamaged: "index_damaged"
    case .recordUnreadable: "record_unreadable"
    case .log(let error): "log_" + error.code
    case .index: "index"
    case .history: "history"
    }
  }

  private static func of(_ role: String) -> String { role.isEmpty ? "" : " of \(Quoted(role))" }

  /// The request's refusals in a sentence: how many rows, and each rule once.
  private static func words(of tallies: [RefusalTally]) -> String {
    let count = tallies.reduce(0) { $0 + $1.count }
    return "\(count) \(count == 1 ? "row is" : "rows are") refused: "
      + tallies.map(\.description).joined(separator: "; ")
  }
}

extension RefusalTally: CustomStringConvertible {
  package var description: String { "\(count) of \(view) by \(rule), first row \(firstRow) (\(words))" }
}

extension RecordFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .event(let error): "\(error)"
    case .registry(let error): "\(error)"
    case .unknownView(let id): "there is no view version \(id.rawValue)"
    case .unknownKind(let kind): "record of the unknown kind \(kind)"
    case .unknownOperation(let kind, let operation):
      "record of kind \(kind) with the unknown operation \(operation)"
    case .cut(let kind, let at): "record of kind \(kind) is cut short at byte \(at)"
    case .notZero(let kind, let at): "byte \(at) of a record of kind \(kind) must be zero"
    case .trailing(let kind, let byteCount):
      "\(byteCount) bytes follow the last field of a record of kind \(kind)"
    case .notText(let kind, let at): "the text at byte \(at) of a record of kind \(kind) is not valid UTF-8"
    case .contradicts(let kind, let why): "record of kind \(kind) cannot be: \(why)"
    case .recordCount(let expected, let found): "\(found) records, where the frame has \(expected)"
    }
  }
}

extension StoreError {
  /// Stays the same while the same thing is in the way, though each try may meet it at another file or with less room.
  package var reason: String {
    switch self {
    case .history(let error):
      error.refusal.map { "\(code): \($0.call), \($0.errno)" } ?? "\(self)"
    case .diskFull(let refusal): "\(code): \(refusal.call), \(refusal.errno)"
    case .diskLow, .overloaded: code
    default: "\(self)"
    }
  }
}
