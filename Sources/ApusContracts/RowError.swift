/// Why bytes are no row of a view, or a value cannot be put into one. `feature` is an interned index.
package enum RowError: Error, Equatable, Sendable {
  /// A part that takes `needed` bytes has only `available`.
  case truncated(needed: Int, available: Int)
  /// This many bytes follow the row's end.
  case trailingBytes(Int)
  /// A flag that no program of this version sets.
  case unknownFlags(UInt8)
  /// The byte at this offset of the row or its cells must be zero.
  case notZero(at: Int)
  /// The row speaks of more features than the view ever had.
  case unknownFeatures(found: Int, known: Int)
  /// The last feature of the row is absent, so the row has a shorter form.
  case notTrimmed(count: Int)
  case badState(feature: Int)
  case stampCount(stamps: Int, features: Int)
  /// The stamp at this place is not less than the one before.
  case stampOrder(place: Int)
  case stampUnused(place: Int)
  /// A feature is older than the delete that would have cleared it.
  case stampBeforeDelete
  case badPlace(feature: Int)
  /// The value ends before it begins, or after the row does, or has bytes though it is not there.
  case badEnd(feature: Int)
  case slotNotZero(feature: Int)
  case badBool(feature: Int)
  case invalidUTF8(feature: Int)
  case badList(feature: Int)
  case valueTooLong(feature: Int, byteCount: Int)
  case valueByteCount(feature: Int, expected: Int, found: Int)
  /// `found` is nil for a value of no feature's type.
  case wrongType(feature: Int, expected: FeatureType, found: FeatureType?)
  /// More features were given than the view has.
  case tooManyFeatures(known: Int)
}
