// Between spans and arrays: the only unsafe lines of the simulated disk.

extension Array where Element == UInt8 {
  /// Replaces bytes from `start` on with all of `bytes`, which must fit.
  mutating func overwrite(at start: Int, with bytes: RawSpan) {
    precondition(start >= 0 && bytes.byteCount <= count - start, "the bytes do not fit")
    if bytes.byteCount == 0 { return }
    unsafe withUnsafeMutableBytes { whole in
      unsafe bytes.withUnsafeBytes { part in
        // In bounds by the check above.
        unsafe UnsafeMutableRawBufferPointer(rebasing: whole[start..<start + part.count]).copyMemory(
          from: part)
      }
    }
  }

  /// Copies bytes from `start` on into as much of `buffer` as there are; returns how many.
  func read(from start: Int, upTo most: Int, into buffer: inout MutableRawSpan) -> Int {
    let readable = Swift.min(most, buffer.byteCount, count - start)
    guard start >= 0, readable > 0 else { return 0 }
    unsafe buffer.withUnsafeMutableBytes { target in
      unsafe withUnsafeBytes { whole in
        // In bounds: `readable` is at most what either side has.
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<start + readable]))
      }
    }
    return readable
  }

  /// Replaces bytes from `start` on with as many of `bytes` as fit.
  mutating func overlay(at start: Int, with bytes: some Collection<UInt8>) {
    if start >= count { return }
    let end = Swift.min(count, start + bytes.count)
    replaceSubrange(start..<end, with: bytes.prefix(end - start))
  }

  /// Cuts, or grows with zeroes.
  mutating func resize(to size: Int) {
    if size < count {
      removeLast(count - size)
    } else if size > count {
      append(contentsOf: repeatElement(0, count: size - count))
    }
  }
}
