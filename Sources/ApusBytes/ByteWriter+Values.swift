internal import CChecksum

// What can be written. Each makes room first; the store that follows relies on nothing but that.

extension ByteWriter {
  @inlinable @inline(__always)
  package mutating func write<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: end, as: T.self)
    end &+= MemoryLayout<T>.size
  }

  @inlinable
  package mutating func write(float32 value: Float) { write(value.bitPattern) }

  @inlinable
  package mutating func write(float64 value: Double) { write(value.bitPattern) }

  @inlinable
  package mutating func write(_ value: Bool) { write(value ? 1 as UInt8 : 0) }

  @inlinable
  package mutating func write(_ bytes: RawSpan) {
    reserve(bytes.byteCount)
    // The span cannot be this writer's own: it would be borrowed, and this is a mutation.
    unsafe bytes.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(rebasing: storage[end...]).copyMemory(from: source)
    }
    end &+= bytes.byteCount
  }

  /// Writes bytes and returns the checksum extended by them, in one pass.
  package mutating func write(_ bytes: RawSpan, extending crc: UInt32) -> UInt32 {
    reserve(bytes.byteCount)
    // C writes as many bytes as it reads, for which there is room, and keeps no pointer; nothing overlaps, as above.
    let extended = unsafe bytes.withUnsafeBytes { source in
      unsafe crc32c_copy(crc, storage.baseAddress?.advanced(by: end), source.baseAddress, source.count)
    }
    end &+= bytes.byteCount
    return extended
  }

  @inlinable
  package mutating func write(_ bytes: [UInt8]) {
    write(unsafe bytes.span.bytes)
  }

  /// The text's UTF-8, without a length before or an end after it.
  @inlinable
  package mutating func write(utf8 text: String) {
    write(unsafe text.utf8.span.bytes)
  }

  package mutating func writeZeroes(_ count: Int) {
    reserve(count)
    unsafe UnsafeMutableRawBufferPointer(rebasing: storage[end..<(end + count)])
      .initializeMemory(as: UInt8.self, repeating: 0)
    end += count
  }

  /// Writes zeroes until `count` is a multiple of `boundary`.
  package mutating func align(to boundary: Int) {
    precondition(boundary > 0, "bytes can only be aligned to a positive boundary")
    let excess = end % boundary
    if excess > 0 { writeZeroes(boundary - excess) }
  }

  /// Replaces bytes that are written already, as a length that is known only afterwards.
  @inlinable
  package mutating func overwrite<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(
      offset >= 0 && offset <= end && MemoryLayout<T>.size <= end - offset,
      "only bytes that are written can be overwritten")
    unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }

  /// Replaces bytes that are written already by as many others.
  @inlinable
  package mutating func overwrite(_ bytes: RawSpan, at offset: Int) {
    precondition(
      offset >= 0 && offset <= end && bytes.byteCount <= end - offset,
      "only bytes that are written can be overwritten")
    // The span cannot be this writer's own: it would be borrowed, and this is a mutation.
    unsafe bytes.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(rebasing: storage[offset..<end]).copyMemory(from: source)
    }
  }

  /// Replaces bytes that are written already by one that is the same in all of a range.
  package mutating func overwrite(repeating byte: UInt8, in range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= end, "only bytes that are written can be overwritten")
    unsafe UnsafeMutableRawBufferPointer(rebasing: storage[range])
      .initializeMemory(as: UInt8.self, repeating: byte)
  }

  /// Writes the same number so many times.
  @inlinable
  package mutating func write<T: FixedWidthInteger & BitwiseCopyable>(repeating value: T, count: Int) {
    precondition(count >= 0, "nothing can be written a negative number of times")
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<T>.size)
    precondition(!overflow, "a writer cannot hold more bytes than memory has addresses")
    reserve(byteCount)
    var at = end
    end &+= byteCount
    // Room for `byteCount` bytes was made, and each store ends at or before the new end.
    while at < end {
      unsafe storage.storeBytes(of: value.littleEndian, toByteOffset: at, as: T.self)
      at &+= MemoryLayout<T>.size
    }
  }

  /// Lets `fill` write up to `room` bytes at the end and say how many it wrote; when it throws, none are.
  package mutating func append<Fault: Error>(
    atMost room: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Fault) -> Int
  ) throws(Fault) {
    reserve(room)
    let written = try unsafe fill(UnsafeMutableRawBufferPointer(rebasing: storage[end..<(end + room)]))
    precondition(written >= 0 && written <= room, "more was written than there was room for")
    end += written
  }
}
