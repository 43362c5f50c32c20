/// Elements of one type in the order in which a page gives them, laid out as a Column wants them.
///
/// What is fixed in size lies in `bytes`; texts lie there too, and `offsets` (from 0, one more than texts) says where;
/// bools lie in `bits`. `byteLimit` bounds `bytes`: a small page may say much.
struct ValueBuffer: Sendable {
  let element: ColumnElement
  let byteLimit: Int
  var bytes: [UInt8] = []
  var offsets: [Int32] = []
  var bits = GrowingBits()

  init(_ element: ColumnElement, byteLimit: Int) {
    self.element = element
    // Offsets are Int32.
    self.byteLimit = min(byteLimit, Int(Int32.max))
    if element.isVariable { offsets = [0] }
  }

  var width: Int { element.fixedByteCount ?? 0 }

  var count: Int {
    if element.isVariable { return offsets.count - 1 }
    return element == .bool ? bits.count : bytes.count / max(1, width)
  }

  /// Throws unless so many more bytes are allowed.
  func checkRoom(for more: Int) throws(PageFault) {
    guard more <= byteLimit &- bytes.count else {
      throw .tooLarge("values take more than \(byteLimit) bytes")
    }
  }

  /// Throws unless so many offsets are allowed: runs of nothing but levels cost a file next to nothing.
  func checkOffsets(_ count: Int) throws(PageFault) {
    guard count <= byteLimit / 4 else { throw .tooLarge("\(count) rows or elements in one column") }
  }

  /// Checks that so many elements of a fixed size are allowed, and says what they take.
  func checkRoom(elements: Int) throws(PageFault) -> Int {
    let (more, overflow) = elements.multipliedReportingOverflow(by: width)
    guard !overflow else { throw .tooLarge("\(elements) values") }
    try checkRoom(for: more)
    return more
  }
}

// MARK: - Making place for nulls

extension ValueBuffer {
  /// Moves the elements from `first` on apart, so that those whose bit is set in `validity` from `firstRow` on take
  /// their rows, and the others are zero or empty. There are as many set bits as elements.
  mutating func spread(from first: Int, over rows: Int, validity: GrowingBits, from firstRow: Int)
    throws(PageFault)
  {
    let present = count - first
    guard present < rows else { return }
    if element == .bool { return spreadBits(from: first, over: rows, validity, firstRow) }
    if element.isVariable { return spreadOffsets(from: first, over: rows, validity, firstRow) }
    let nulls = rows - present
    let more = try checkRoom(elements: nulls)
    bytes.append(contentsOf: repeatElement(0, count: more))
    switch width {
    case 1: spread(UInt8.self, first, present, rows, validity, firstRow)
    case 2: spread(UInt16.self, first, present, rows, validity, firstRow)
    case 4: spread(UInt32.self, first, present, rows, validity, firstRow)
    default: spread(UInt64.self, first, present, rows, validity, firstRow)
    }
  }

  /// From the last row back: a row is never before its element, so nothing is overwritten that is still to be moved.
  private mutating func spread<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ first: Int, _ present: Int, _ rows: Int, _ validity: GrowingBits, _ firstRow: Int
  ) {
    let bits = unsafe validity.bytes.span.bytes
    unsafe bytes.withUnsafeMutableBytes { all in
      let base = first &* MemoryLayout<T>.size
      var next = present &- 1
      for row in stride(from: rows &- 1, through: 0, by: -1) {
        let at = firstRow &+ row
        let bit = T(truncatingIfNeeded: bits.unsafeByte(at >> 3) >> UInt8(truncatingIfNeeded: at & 7)) & 1
        let value = unsafe all.loadUnaligned(
          fromByteOffset: base &+ max(next, 0) &* MemoryLayout<T>.size, as: T.self)
        unsafe all.storeBytes(
          of: value & (0 &- bit), toByteOffset: base &+ row &* MemoryLayout<T>.size, as: T.self)
        next &-= Int(truncatingIfNeeded: bit)
      }
    }
  }

  private mutating func spreadOffsets(
    from first: Int, over rows: Int, _ validity: GrowingBits, _ firstRow: Int
  ) {
    let present = count - first
    offsets.append(contentsOf: repeatElement(0, count: rows - present))
    let bits = unsafe validity.bytes.span.bytes
    unsafe offsets.withUnsafeMutableBufferPointer { offsets in
      // The end of element n stands at first + n + 1; a null ends where what is before it does.
      var next = present
      for row in stride(from: rows &- 1, through: 0, by: -1) {
        let at = firstRow &+ row
        unsafe offsets[first &+ row &+ 1] = offsets[first &+ next]
        next &-= Int(truncatingIfNeeded: (bits.unsafeByte(at >> 3) >> UInt8(truncatingIfNeeded: at & 7)) & 1)
      }
    }
  }

  private mutating func spreadBits(from first: Int, over rows: Int, _ validity: GrowingBits, _ firstRow: Int)
  {
    var whole = GrowingBits()
    let dense = bits.bytes
    let (old, valid) = unsafe (dense.span.bytes, validity.bytes.span.bytes)
    whole.append(old, from: 0, count: first)
    var next = first
    for row in firstRow..<(firstRow + rows) {
      let isThere = valid.unsafeByte(row >> 3) >> UInt8(truncatingIfNeeded: row & 7) & 1
      if isThere == 1 {
        whole.append(old.unsafeByte(next >> 3) >> UInt8(truncatingIfNeeded: next & 7), count: 1)
        next += 1
      } else {
        whole.append(0, count: 1)
      }
    }
    bits = whole
  }
}
