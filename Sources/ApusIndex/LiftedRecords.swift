// The records come behind all rows, so a row that comes behind all others is put in between, and LMDB divides the full leaf that both lie on in
// its middle: of a load in ascending order every leaf stays half empty. Without records the row is the tree's last, and LMDB fills one
// leaf before it begins the next.
//
// What a transaction has lifted it puts back before it ends, so no snapshot lacks a record.

import ApusBytes
import ApusSystem

struct LiftedRecords {
  private var records: [(key: [UInt8], value: [UInt8])] = []

  /// Takes all records out of the tree.
  init(from transaction: inout WriteTransaction, _ judge: PageJudge) throws(IndexError) {
    let prefix = unsafe RecordKey.prefix.span.bytes
    while true {
      var found = transaction.seek(atOrAfter: prefix)
      if found.code == LMDB.notFound { break }
      // From a leaf that has become too empty LMDB moves what is left to the one before.
      try judge.leaves(around: found, isThere: false, in: &transaction)
      found = transaction.seek(atOrAfter: prefix)
      try judge.leaves(around: found, isThere: true, in: &transaction)
      guard found.code == LMDB.success else { throw LMDB.error("mdb_cursor_get", found.code) }
      guard judge.isReadable(found.key), judge.isReadable(found.value) else {
        throw .damaged(.record(key: RecordKey.prefix))
      }
      let before = judge.region.enter()
      let record = (found.key.span(in: transaction).copied(), found.value.span(in: transaction).copied())
      judge.region.leave(before)
      records.append(record)
      try transaction.removeCurrent()
    }
    // A cursor that has stood at the end of the tree may remember where that was.
    _ = transaction.first()
  }

  /// Puts them behind the rows again, as they were.
  func putBack(into transaction: inout WriteTransaction) throws(IndexError) {
    for (key, value) in records {
      try transaction.append(unsafe key.span.bytes, unsafe value.span.bytes)
    }
  }
}
