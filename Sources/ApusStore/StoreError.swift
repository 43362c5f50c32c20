// Why the store did not do what it was asked. Nothing of a refused request is in the log, but for `stopped`: then the
// next opening tells. `StoreError+Words.swift` says of each what, where, and what to do next.

package import ApusBytes
package import ApusContracts
package import ApusHistory
package import ApusIndex
package import ApusLog
package import ApusSystem

package enum StoreError: Error, Equatable, Sendable {
  // What was asked for is not there, or not in this form.
  case unknownProject(String)
  /// Of the project, by then.
  case nothingDefined(project: String, by: LSN)
  case unknownView(VersionedName, project: String)
  case unknownService(VersionedName, project: String)
  case unknownFeature(String, view: String)
  case unknownColumn(String, view: String)
  case retired(String)
  case emptyBatch
  case emptyVector
  /// Two columns of a vector would have one name.
  case columnNamedTwice(String)
  case badKey(row: Int, role: String, KeyError)
  case keyMissing(row: Int, role: String)
  case unknownKeyName(String, project: String)
  case batchTooLong(byteCount: Int, max: Int)
  case sourceOffsetTooLong(byteCount: Int, max: Int)

  // Admission.
  /// By policy *all or nothing*: what was refused, rule by rule.
  case rowsRefused([RefusalTally])
  case plan(PlanRefusal)
  case definition(PlanErrors)

  // Producers.
  case badProducerName(String)
  case unknownProducer(UInt32)
  case producerExpired(UInt32)
  case fenced(producer: UInt32, epoch: UInt32, now: UInt32)
  case sequenceGap(producer: UInt32, found: UInt64, next: UInt64)
  case sequenceReused(producer: UInt32, UInt64)
  case sequenceTooOld(producer: UInt32, UInt64, oldest: UInt64)

  // What passes, or what a person must end.
  case overloaded(waitingRequests: Int, waitingByteCount: Int, overlayByteCount: Int)
  case deadLettersFull(byteCount: UInt64, max: UInt64)
  case deadLettersOld(since: WallTime)
  /// The manifest has no room for erasures of more keys, until those it has are history.
  case erasuresFull(keys: Int, max: Int)
  case diskLow(freeByteCount: UInt64, reserve: UInt64)
  case diskFull(SystemError)
  case clockJump(ClockJump)
  case readOnly([LSNRange])
  case rebuilding
  case notYet(LSN, visible: LSN)
  /// No record has this LSN: a crash took it, or it was never given out.
  case lsnLost(LSN, LSNRange)
  /// The view's history does not reach back to this LSN.
  case historyGone(LSN, view: String, from: LSN)
  /// Nor to the moment that was asked for.
  case beyondHistory(view: String, from: WallTime)
  /// Of a moment that is still to come nobody knows what it holds.
  case momentAhead(WallTime, now: WallTime)
  /// Nothing was appended by then.
  case nothingBy(WallTime)

  case backfill(BackfillRefusal)

  // Pins.
  case badPinName(String)
  case pinNoteTooLong(byteCount: Int, max: Int)
  case pinExists(String, last: LSN)
  case unknownPin(String)
  case tooManyPins(max: Int)
  case closed

  // The end of this process's writing, or of one read.
  case stopped(because: SystemError)
  case indexDamaged(IndexDamage)
  /// The log holds a frame that this program cannot apply.
  case recordUnreadable(LSN, RecordFault)

  case log(LogError)
  case index(IndexError)
  /// A run or a ledger is not what was written, or cannot be read or written.
  case history(HistoryError)
}

/// Why a record of the log cannot be applied.
package enum RecordFault: Error, Equatable, Sendable {
  case event(EventError)
  case registry(RegistryError)
  case unknownView(ViewVersionID)
  case unknownKind(UInt8)
  case unknownOperation(kind: UInt8, operation: UInt8)
  case cut(kind: UInt8, at: Int)
  case notZero(kind: UInt8, at: Int)
  case trailing(kind: UInt8, byteCount: Int)
  case notText(kind: UInt8, at: Int)
  /// It contradicts what came before it.
  case contradicts(kind: UInt8, String)
  case recordCount(expected: Int, found: Int)
}

/// Rows of one request that one rule refused.
package struct RefusalTally: Equatable, Sendable {
  /// `card_activity@1`.
  package var view: String
  /// `last_action.one_of`, or the rule of a row.
  package var rule: String
  package var count: Int
  /// The first of them: its place in the request, and why, in words.
  package var firstRow: Int
  package var words: String

  package init(view: String, rule: String, count: Int, firstRow: Int, words: String) {
    self.view = view
    self.rule = rule
    self.count = count
    self.firstRow = firstRow
    self.words = words
  }
}
