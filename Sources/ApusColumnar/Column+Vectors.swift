// Lists that all have one length, as vectors: a null row, which as a list takes nothing, takes as many empty elements as any.

extension Column {
  /// This column of lists as one of vectors; throws unless every row that is there has `size` elements.
  func vectors(of size: Int, byteLimit: Int) throws(PageFault) -> Column {
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, total <= Column.countMax, total <= byteLimit / 8 else {
      throw .tooLarge("\(count) vectors of \(size) elements")
    }
    for row in 0..<count where !isNull(row) {
      let found = elements(of: row).count
      guard found == size else { throw .mismatch("elements of a vector", claimed: size, found: found) }
    }
    var buffer = ValueBuffer(type.element, byteLimit: byteLimit)
    (buffer.bytes, buffer.offsets) = (values, valueOffsets)
    if type.element == .bool {
      buffer.bytes = []
      let held = values
      buffer.bits.append(unsafe held.span.bytes, from: 0, count: elementCount)
    }
    var present = GrowingBits()
    if nullCount > 0 {
      for row in 0..<count { present.append(repeating: !isNull(row), count: size) }
      try buffer.spread(from: 0, over: total, validity: present, from: 0)
    }
    return Column(
      trusted: ColumnType(type.element, .vector(size)), count: count, nullCount: nullCount,
      validity: validity,
      listOffsets: [], valueOffsets: buffer.offsets,
      values: type.element == .bool ? buffer.bits.bytes : buffer.bytes,
      elementCount: total)
  }
}
