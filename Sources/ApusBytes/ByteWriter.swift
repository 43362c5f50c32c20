/// Bytes being written, in one allocation that grows. `0 ≤ count ≤ capacity`; the first `count` are initialised.
///
/// A write allocates only when `capacity` does not suffice, and then at least doubles it, so a writer that is
/// kept and emptied stops allocating. Integers are little-endian. Nothing here can fail: what is written is
/// ours, and a wrong offset is a bug in the caller, which traps.
@safe @usableFromInline
package struct ByteWriter: ~Copyable {
  /// Owned by this writer alone, from `allocate` to `deinit`; no copy of the pointer outlives a call.
  @usableFromInline internal var storage: UnsafeMutableRawBufferPointer
  @usableFromInline internal var end = 0

  package init(capacity: Int = 0) {
    precondition(capacity >= 0, "a writer's capacity cannot be negative")
    unsafe storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    if capacity > 0 { grow(toAtLeast: capacity) }
  }

  deinit {
    unsafe storage.deallocate()
  }

  @inlinable package var count: Int { end }
  @inlinable package var capacity: Int { unsafe storage.count }
  @inlinable package var isEmpty: Bool { end == 0 }

  @inlinable package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // The first `end` bytes are initialised, and cannot change while `self` is borrowed.
      let written = unsafe UnsafeRawBufferPointer(start: storage.baseAddress, count: end)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: written), borrowing: self)
    }
  }

  /// Makes sure that `additional` more bytes fit without an allocation.
  @inlinable
  package mutating func reserve(_ additional: Int) {
    // Seen as unsigned, a negative count is larger than any capacity and reaches the precondition.
    if UInt(bitPattern: additional) > UInt(bitPattern: capacity &- end) { growFor(additional) }
  }

  /// Forgets all bytes and keeps the allocation.
  @inlinable
  package mutating func removeAll() { end = 0 }

  /// Forgets what follows the first `count` bytes.
  @inlinable
  package mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= end, "a writer can only be truncated to what it holds")
    end = count
  }

  @usableFromInline @inline(never)
  internal mutating func growFor(_ additional: Int) {
    precondition(additional >= 0, "a writer cannot make room for a negative count")
    let (needed, overflow) = end.addingReportingOverflow(additional)
    precondition(!overflow, "a writer cannot hold more bytes than memory has addresses")
    grow(toAtLeast: needed)
  }

  private mutating func grow(toAtLeast needed: Int) {
    let doubled = capacity > Int.max / 2 ? needed : capacity * 2
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(needed, doubled, Self.capacityMin), alignment: Self.alignment)
    unsafe larger.copyMemory(from: UnsafeRawBufferPointer(start: storage.baseAddress, count: end))
    unsafe storage.deallocate()
    unsafe storage = larger
  }

  /// One cache line: a smaller allocation would only be outgrown at once.
  private static let capacityMin = 64
  /// What the allocator gives without a detour.
  private static let alignment = 16
}

/// A writer is the only owner of its allocation; to move it is to move that.
extension ByteWriter: @unchecked Sendable {}
