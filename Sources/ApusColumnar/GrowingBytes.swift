// Arrays that decoders fill in place: room is made, written to, and only what was written becomes part of the array.

extension Array where Element: BitwiseCopyable {
  /// Lets `fill` write up to `room` elements at the end and say how many it wrote; when it throws, none are.
  ///
  /// What `fill` counts it must have written: nobody else does.
  @inline(__always)
  mutating func grow(
    atMost room: Int, _ fill: (UnsafeMutableBufferPointer<Element>) throws(PageFault) -> Int
  ) throws(PageFault) {
    if room == 0 { return }
    try append(addingCapacity: room) { (output) throws(PageFault) in
      try unsafe output.withUnsafeMutableBufferPointer { (target, initialized) throws(PageFault) in
        let free = unsafe UnsafeMutableBufferPointer(rebasing: target[initialized...])
        let written = try unsafe fill(free)
        precondition(written >= 0 && written <= free.count, "more was written than there was room for")
        initialized += written
      }
    }
  }
}

extension UnsafeMutableRawPointer {
  /// Copies a short run of bytes in steps of eight, writing up to seven bytes beyond it.
  ///
  /// Both sides must have `ShortCopy.slack` bytes more than `count`; a call to `memcpy` would cost more than the copy.
  @inline(__always)
  func copyInWords(from source: UnsafeRawPointer, count: Int) {
    var at = 0
    repeat {
      let word = unsafe source.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      unsafe storeBytes(of: word, toByteOffset: at, as: UInt64.self)
      at &+= 8
    } while at < count
  }
}

enum ShortCopy {
  /// How far `copyInWords` may reach beyond the bytes it is asked to copy.
  static let slack = 8
  /// Up to here words are faster than `memcpy`.
  static let byteCountMax = 48
}
