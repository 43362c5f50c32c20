package import ApusBytes
package import ApusSystem

/// Why the index cannot do what it was asked.
package enum IndexError: Error, Equatable, Sendable {
  /// Somebody else, or this process already, has the folder open.
  case inUse(folder: String, process: Int32?)
  /// What was read is not what was written. The index is suspect; whoever meets this marks it so.
  case damaged(IndexDamage)
  /// No space. The transaction never was, the index remains usable, and the same checkpoint may be tried again.
  case full(IndexFullness)
  /// A commit failed, and nothing can be written any more in this process: the index is to be rebuilt.
  case abandoned(LMDBFault)
  /// More reading transactions than `IndexFormat.readersMax`.
  case tooManyReaders
  case lmdb(LMDBFault)
  case system(SystemError)
}

/// Which space ran out.
package enum IndexFullness: Equatable, Sendable {
  /// The file and what the transaction needs besides would pass the quota.
  case quota(byteCount: UInt64)
  /// LMDB's map has no more addresses.
  case map
  case disk(LMDBFault)
}

/// What LMDB answered, and to which call.
package struct LMDBFault: Error, Equatable, Sendable {
  package let call: String
  package let code: Int32
  package let words: String
}

/// Bytes of the index that are not what they must be. Keys are whole keys, as bytes.
package enum IndexDamage: Equatable, Sendable {
  case value(key: [UInt8], ValueFault)
  /// LMDB itself found its tree broken.
  case tree(LMDBFault)
  /// A record is missing or has a form that no writer gives.
  case record(key: [UInt8])
  /// The tree that was found is of another transaction than LMDB says.
  case transaction(expected: UInt64, found: UInt64)
  case entries(expected: UInt64, found: UInt64)
  /// A key that is neither a row's nor a record's.
  case key([UInt8])
  /// A key that does not come after the one before it.
  case order(key: [UInt8])
  /// A key that stands in the tree and cannot be found there.
  case lookup(key: [UInt8])
  case tally(view: UInt32, expected: IndexTally, found: IndexTally)
  /// A page that the list of free pages may not name.
  case freePage(UInt64)
  /// A record of the list of free pages that is no list.
  case freeRecord
  /// Pages that are neither a key's nor free, of which LMDB counts another number.
  case pages(expected: UInt64, found: UInt64)
  /// A page with another page's number, or bounds that its nodes do not have.
  case page(UInt64)
  /// The fold could not read a row whose checksum is right.
  case row(key: [UInt8])
}

package enum ValueFault: Error, Equatable, Sendable {
  /// The value does not lie inside of the file.
  case place
  case short(Int)
  case checksum
  case flags(UInt8)
  case lsn(LSN, touched: LSN)
}
