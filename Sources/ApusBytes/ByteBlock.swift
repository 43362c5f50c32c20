/// A block of memory of fixed size: zeroed when made, aligned to a page, its address the same for life.
///
/// What a read from a disk lands in; aligned so that direct input and output may use it too.
@safe @usableFromInline
package struct ByteBlock: ~Copyable {
  package static let alignment = 4096

  /// Where an allocator that knows nothing of pages put the block, with room to begin at one. Asked for a page, the C library
  /// maps a large block anew each time, and a fault for each of its pages costs more than reading it from the page cache.
  private let allocation: UnsafeMutableRawPointer
  /// Inside of the allocation, owned by this block alone, from `init` to `deinit`; all of it is initialised.
  @usableFromInline internal let storage: UnsafeMutableRawBufferPointer

  package init(byteCount: Int) {
    precondition(byteCount >= 0, "a block's size cannot be negative")
    unsafe allocation = .allocate(byteCount: byteCount + Self.alignment, alignment: 16)
    // Less than a page further on, so that `byteCount` bytes are left.
    unsafe storage = UnsafeMutableRawBufferPointer(
      start: allocation.alignedUp(toMultipleOf: Self.alignment), count: byteCount)
    unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    unsafe allocation.deallocate()
  }

  @inlinable package var byteCount: Int { unsafe storage.count }

  @inlinable package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // All bytes are initialised, and cannot change while `self` is borrowed.
      unsafe _overrideLifetime(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(storage)), borrowing: self)
    }
  }

  package var mutableBytes: MutableRawSpan {
    @_lifetime(&self) mutating get {
      // All bytes are initialised, and nobody else sees them while `self` is being mutated.
      unsafe _overrideLifetime(MutableRawSpan(_unsafeBytes: storage), mutating: &self)
    }
  }
}

/// A block is the only owner of its allocation; to move it is to move that.
extension ByteBlock: @unchecked Sendable {}
