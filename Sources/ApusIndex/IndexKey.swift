public import ApusBytes

/// Builds whole keys: (project, entity, encoded key, view version). Kept and set anew, it never allocates.
///
/// `bytes` is always a key that a row may have: project below `IndexFormat.recordsProject`, 1 to 400 bytes of encoded key.
@usableFromInline
package struct IndexKey: ~Copyable {
  @usableFromInline internal var writer = ByteWriter(capacity: IndexFormat.keyByteCountMax)
  @usableFromInline internal var prefixByteCount = 0

  /// The key before the first `set`: of nobody.
  package init() {}

  /// The whole key, with the view version that was set last.
  @inlinable package var bytes: RawSpan {
    @_lifetime(borrow self) get { writer.bytes }
  }

  /// What all rows of the entity's key begin with, and nothing else does.
  @inlinable package var entityPrefix: RawSpan {
    @_lifetime(borrow self) get { writer.bytes.extracting(..<prefixByteCount) }
  }

  package mutating func set(project: UInt32, entity: UInt32, key: RawSpan, view: UInt32 = 0) {
    precondition(project != UInt32.max, "no project has the number of the index's own records")
    precondition(
      key.byteCount >= 1 && key.byteCount <= KeyLimits.byteCountMax, "an encoded key has 1 to 400 bytes")
    writer.removeAll()
    // The writer writes little-endian, that is, the swapped number big-endian.
    writer.write(project.byteSwapped)
    writer.write(entity.byteSwapped)
    writer.write(key)
    prefixByteCount = writer.count
    writer.write(view.byteSwapped)
  }

  /// Takes over the bytes of another of these.
  package mutating func set(whole key: RawSpan) {
    precondition(key.byteCount >= IndexFormat.keyByteCountMin, "a whole key has a view version")
    writer.removeAll()
    writer.write(key)
    prefixByteCount = key.byteCount - IndexFormat.viewByteCount
  }

  /// The same entity's key, another view version.
  @inlinable
  package mutating func set(view: UInt32) {
    precondition(prefixByteCount > 0, "a view version belongs to an entity's key, which is set first")
    writer.overwrite(view.byteSwapped, at: prefixByteCount)
  }
}

extension RawSpan {
  /// The project of a whole key; nil when it is too short for one.
  var projectOfKey: UInt32? {
    guard byteCount >= IndexFormat.entityAt else { return nil }
    return bigEndian32(at: 0)
  }

  /// The view version of a row's key; nil when these bytes are no row's key.
  @inline(__always)
  var viewOfKey: UInt32? {
    guard byteCount >= IndexFormat.keyByteCountMin, byteCount <= IndexFormat.keyByteCountMax,
      bigEndian32(at: 0) != IndexFormat.recordsProject
    else { return nil }
    return bigEndian32(at: byteCount - IndexFormat.viewByteCount)
  }

  func starts(with prefix: RawSpan) -> Bool {
    byteCount >= prefix.byteCount && extracting(..<prefix.byteCount).isEqual(to: prefix)
  }

  /// Four bytes that the caller has checked to be there.
  private func bigEndian32(at offset: Int) -> UInt32 {
    UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}
