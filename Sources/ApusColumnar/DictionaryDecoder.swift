/// Turns dictionary indexes into values: each index is checked against the dictionary before anything is read by it.
enum DictionaryDecoder {
  /// How many indexes are unpacked at once.
  private static let batch = 1024

  /// Appends `count` values of `dictionary`; the first byte says how wide the indexes are.
  static func decode(
    _ bytes: RawSpan, count: Int, _ dictionary: ValueBuffer, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    guard count > 0 else { return }
    guard bytes.byteCount > 0 else { throw .truncated("dictionary indexes") }
    var indexes = try HybridDecoder(
      bytes.extracting(droppingFirst: 1), width: Int(truncatingIfNeeded: bytes.unsafeByte(0)))
    var scratch = [UInt32](repeating: 0, count: min(batch, count))
    let size = UInt32(clamping: dictionary.count)
    var left = count
    while left > 0 {
      let taken = min(left, batch)
      var largest: UInt32 = 0
      try unsafe scratch.withUnsafeMutableBufferPointer { (all) throws(PageFault) in
        let part = unsafe UnsafeMutableBufferPointer(rebasing: all[0..<taken])
        try unsafe indexes.fill(part)
        for index in 0..<taken { largest = max(largest, unsafe part[index]) }
      }
      guard largest < size else { throw .corrupt("index \(largest) into a dictionary of \(size) values") }
      try append(scratch, taken, dictionary, into: &buffer)
      left &-= taken
    }
  }

  private static func append(
    _ indexes: [UInt32], _ count: Int, _ dictionary: ValueBuffer, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    if buffer.element.isVariable { return try texts(indexes, count, dictionary, into: &buffer) }
    if buffer.element == .bool { throw .corrupt("bools have no dictionary") }
    let room = try buffer.checkRoom(elements: count)
    let width = buffer.width
    try unsafe buffer.bytes.grow(atMost: room) { (target) throws(PageFault) in
      let out = UnsafeMutableRawBufferPointer(target)
      let values = unsafe dictionary.bytes.span.bytes
      switch width {
      case 1: unsafe gather(indexes, count, values, out, UInt8.self)
      case 2: unsafe gather(indexes, count, values, out, UInt16.self)
      case 4: unsafe gather(indexes, count, values, out, UInt32.self)
      default: unsafe gather(indexes, count, values, out, UInt64.self)
      }
      return room
    }
  }

  /// The caller has checked every index, and made room for `count` values.
  @inline(__always)
  private static func gather<T: FixedWidthInteger & BitwiseCopyable>(
    _ indexes: [UInt32], _ count: Int, _ values: RawSpan, _ out: UnsafeMutableRawBufferPointer, _: T.Type
  ) {
    unsafe indexes.withUnsafeBufferPointer { indexes in
      guard let base = out.baseAddress else { return }
      for at in 0..<count {
        let value = unsafe values.unsafeLoadUnaligned(
          fromUncheckedByteOffset: Int(truncatingIfNeeded: indexes[at]) &* MemoryLayout<T>.size, as: T.self)
        unsafe base.storeBytes(of: value, toByteOffset: at &* MemoryLayout<T>.size, as: T.self)
      }
    }
  }

  private static func texts(
    _ indexes: [UInt32], _ count: Int, _ dictionary: ValueBuffer, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    let offsets = dictionary.offsets
    let (start, limit) = (buffer.bytes.count, buffer.byteLimit)
    // Indexes were checked, and a dictionary's offsets ascend up to its bytes' count: sums of 1024 lengths fit an Int.
    var end = start
    try unsafe buffer.offsets.grow(atMost: count) { (ends) throws(PageFault) in
      unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe indexes.withUnsafeBufferPointer { indexes in
          for at in 0..<count {
            let index = unsafe Int(truncatingIfNeeded: indexes[at])
            end &+= unsafe Int(truncatingIfNeeded: offsets[index &+ 1] &- offsets[index])
            // Too large an end is found below, before anyone uses it.
            unsafe ends[at] = Int32(truncatingIfNeeded: end)
          }
        }
      }
      guard end <= limit else {
        throw .tooLarge("values take more than \(limit) bytes")
      }
      return count
    }
    let room = end &- start
    let slack = ShortCopy.slack
    try unsafe buffer.bytes.grow(atMost: room &+ slack) { (target) throws(PageFault) in
      guard let base = target.baseAddress else { return 0 }
      unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe indexes.withUnsafeBufferPointer { indexes in
          unsafe dictionary.bytes.withUnsafeBytes { source in
            guard let texts = source.baseAddress else { return }
            let available = source.count
            var out = UnsafeMutableRawPointer(base)
            for at in 0..<count {
              let index = unsafe Int(truncatingIfNeeded: indexes[at])
              let first = unsafe Int(truncatingIfNeeded: offsets[index])
              let length = unsafe Int(truncatingIfNeeded: offsets[index &+ 1]) &- first
              if length <= ShortCopy.byteCountMax, first &+ length &+ slack <= available {
                unsafe out.copyInWords(from: texts + first, count: length)
              } else {
                unsafe out.copyMemory(from: texts + first, byteCount: length)
              }
              unsafe out += length
            }
          }
        }
      }
      return room
    }
  }
}
