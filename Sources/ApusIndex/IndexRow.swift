package import ApusBytes

/// A row as the index keeps it, checked, and borrowed from the transaction it was read in.
package struct IndexRow: ~Escapable {
  /// The greatest LSN among what the row was folded from.
  package let lsn: LSN
  package let bytes: RawSpan

  @_lifetime(copy bytes)
  init(lsn: LSN, bytes: RawSpan) {
    self.lsn = lsn
    self.bytes = bytes
  }
}

/// How values of one index are signed and judged. `seed` binds them to their store and epoch.
struct ValueSeal: Sendable {
  private let seed: UInt32

  init(storeID: [UInt8], epoch: UInt64) {
    var writer = ByteWriter(capacity: 32)
    writer.write(storeID)
    writer.write(epoch)
    seed = CRC32C.checksum(writer.bytes)
  }

  private init(seed: UInt32) { self.seed = seed }

  /// Of the identity record, which is read before anybody knows whose index it is.
  static let ofIdentity = ValueSeal(seed: 0)

  /// Begins a value: leaves room for what `finish` fills in.
  func begin(_ writer: inout ByteWriter) {
    writer.removeAll()
    writer.writeZeroes(IndexFormat.valueHeaderByteCount)
  }

  /// Makes what was written since `begin` the value of `key`.
  func finish(_ writer: inout ByteWriter, key: RawSpan, lsn: LSN) {
    writer.overwrite(lsn.rawValue, at: IndexFormat.lsnAt)
    writer.overwrite(checksum(key, writer.bytes), at: 0)
  }

  private func checksum(_ key: RawSpan, _ value: RawSpan) -> UInt32 {
    CRC32C.extend(seed, key, value.extracting(droppingFirst: IndexFormat.lsnAt))
  }

  /// The row in a value that belongs to `key`, or what is wrong with it.
  @_lifetime(copy value)
  func open(_ value: RawSpan, of key: RawSpan, touched: LSN) throws(ValueFault) -> IndexRow {
    guard value.byteCount >= IndexFormat.valueHeaderByteCount else { throw .short(value.byteCount) }
    // The header's bytes are there, as was just checked.
    let found = UInt32(littleEndian: unsafe value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
    guard found == checksum(key, value) else { throw .checksum }
    let flags = unsafe value.unsafeLoad(fromByteOffset: IndexFormat.flagsAt, as: UInt8.self)
    guard flags == 0 else { throw .flags(flags) }
    let lsn = LSN(
      UInt64(
        littleEndian: unsafe value.unsafeLoadUnaligned(fromByteOffset: IndexFormat.lsnAt, as: UInt64.self)))
    guard lsn <= touched else { throw .lsn(lsn, touched: touched) }
    return IndexRow(lsn: lsn, bytes: value.extracting(droppingFirst: IndexFormat.valueHeaderByteCount))
  }
}
