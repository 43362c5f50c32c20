// What befalls the index while a store opens or serves, for whoever keeps a log of it. Each beginning is followed by one end, or by the store's.

package import ApusBytes

package enum IndexNews: Equatable, Sendable {
  /// It is made anew from history and log; until that is done nothing is read.
  case rebuilding(because: String)
  /// It is whole again. These records could not be read, and the index that was had held them.
  case rebuilt(because: String, nanoseconds: UInt64, losses: [LSNRange])
  /// It could not be made, for another reason than the last time; it is tried again.
  case failed(because: String, StoreError)
}

/// A rebuild that is under way.
package struct IndexRebuild: Equatable, Sendable {
  package let because: String
  /// Of the monotonic clock.
  package let begunNanoseconds: UInt64
}
