// The records of one frame but for the producer's, as they were judged under one catalog at one moment. Nothing of it
// changes; `recordCount == counts.accepted + counts.setAside`, and it may be 0, when every row was of an erased key.

import ApusBytes
package import ApusContracts
package import ApusSystem

package final class AdmittedBatch: Sendable {
  private let payload: ByteWriter
  /// Events and dead letters.
  package let recordCount: Int
  package let counts: RowCounts
  /// Of the rows that were set aside.
  package let refused: [RefusalTally]
  /// Of the letters' whole records, each with its head.
  package let deadLetterByteCount: UInt64
  package let catalogNumber: UInt64
  package let admittedAt: WallTime
  /// Nil when the batch is not numbered.
  let asked: RequestDigest?

  package let choice: KnownAtChoice
  package let policy: RefusalPolicy
  /// The moment at which the rows were judged for the first time, when rows without an event time became true.
  let firstAdmittedAt: WallTime
  let erasedRows: [Int]
  let notes: [RowNote]

  /// `first` is nil for rows that were never judged before.
  init(_ done: consuming Admission, digest: RequestDigest?, first: WallTime?) throws(StoreError) {
    let refused = done.tallies.refused
    if done.policy == .allOrNothing, !refused.isEmpty { throw .rowsRefused(refused) }
    self.refused = refused
    asked = digest
    counts = done.counts
    recordCount = done.counts.accepted + done.counts.setAside
    deadLetterByteCount = done.deadLetterByteCount
    catalogNumber = done.catalog.number
    admittedAt = done.now
    firstAdmittedAt = first ?? done.now
    choice = done.choice
    policy = done.policy
    erasedRows = done.erasedRows
    notes = done.notes
    payload = done.payload
  }

  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // The payload is a `let` of this object: it neither moves nor changes while the object lives.
      unsafe _overrideLifetime(RawSpan(_unsafeBytes: Self.memory(of: payload)), borrowing: self)
    }
  }

  package var byteCount: Int { payload.count }

  /// Of what the caller asked.
  package var digest: RequestDigest {
    guard let asked else { preconditionFailure("a batch that a producer sends is a numbered one") }
    return asked
  }

  private static func memory(of writer: borrowing ByteWriter) -> UnsafeRawBufferPointer {
    let bytes = writer.bytes
    return unsafe bytes.withUnsafeBytes { memory in unsafe memory }
  }
}
