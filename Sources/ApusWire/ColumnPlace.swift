// Where one column's values stand in a body: fixed values or ends in one section, and what the ends count in another. A place
// is made only where both sections lie in the body, the ends begin at 0 and ascend, and count exactly what is there; so
// every access through it stays inside. What a value holds (UTF-8, bools) is checked when it is read.

import ApusBytes
package import ApusContracts

package struct ColumnPlace: Sendable {
  package let type: FeatureType
  package let form: ReplyShape.Form
  package let rows: Int
  /// Section 1: values of fixed size, or rows + 1 ends.
  package let fixedAt: Int
  /// Of lists of strings or bytes: the ends of their elements, which `textCount` says how many there are.
  package let textEndsAt: Int
  package let textCount: Int
  /// Section 2: the bytes, or the elements.
  package let dataAt: Int
  package let dataByteCount: Int
  /// Behind section 2 and the zeroes that follow it; for a column of fixed form, where section 2 would begin.
  let end: Int
  /// Of a value, or of an element.
  let width: Int

  static func fixedByteCount(_ type: FeatureType, rows: Int) -> Int {
    ReplyShape.Form(type) == .fixed
      ? rows * (type.slotByteCount ?? type.vectorByteCount ?? 0) : 4 * (rows + 1)
  }

  /// Section 1 begins at `fixedAt`, and lies in the body; section 2 is to begin at `dataFrom`. `rows` are no more than the
  /// body has bytes, and a value takes less than 2²⁰: no sum here overflows.
  init(
    checking body: RawSpan, _ type: FeatureType, rows: Int, fixedAt: Int, dataFrom: Int
  ) throws(WireError) {
    self.type = type
    self.rows = rows
    self.fixedAt = fixedAt
    form = ReplyShape.Form(type)
    guard fixedAt + Self.fixedByteCount(type, rows: rows) <= body.byteCount else {
      throw .malformed("a column's values are cut off", at: body.byteCount)
    }
    if form == .fixed {
      width = type.slotByteCount ?? type.vectorByteCount ?? 0
      (textEndsAt, textCount, dataAt, dataByteCount, end) = (dataFrom, 0, dataFrom, 0, dataFrom)
      return
    }
    let counted = try Self.lastEnd(body, at: fixedAt, count: rows)
    if form == .texts {
      width = 1
      textEndsAt = dataFrom
      textCount = counted
      let endsByteCount = 4 * (counted + 1)
      guard endsByteCount <= body.byteCount - dataFrom else {
        throw .malformed("the ends of a column's texts are cut off", at: dataFrom)
      }
      dataByteCount = try Self.lastEnd(body, at: dataFrom, count: counted)
      dataAt = try Self.aligned(body, behind: dataFrom + endsByteCount)
    } else {
      width = form == .elements ? type.element.byteCount ?? 1 : 1
      (textEndsAt, textCount) = (dataFrom, 0)
      dataAt = dataFrom
      dataByteCount = counted * width
    }
    guard dataByteCount <= body.byteCount - dataAt else {
      throw .malformed("a column's bytes are cut off", at: dataAt)
    }
    end = try Self.aligned(body, behind: dataAt + dataByteCount)
  }

  /// That `count` + 1 ends, which lie in the body, begin at 0 and ascend; the last of them.
  private static func lastEnd(_ body: RawSpan, at: Int, count: Int) throws(WireError) -> Int {
    var last = body.uint32(at: at)
    guard last == 0 else { throw .malformed("the first end is not 0", at: at) }
    var offset = at
    for _ in 0..<count {
      offset &+= 4
      let next = body.uint32(at: offset)
      guard next >= last else { throw .malformed("an end lies before the one before it", at: offset) }
      last = next
    }
    return Int(clamping: last)
  }

  /// The next multiple of 8, up to which the body must be zero.
  static func aligned(_ body: RawSpan, behind offset: Int) throws(WireError) -> Int {
    let next = ReplyShape.aligned(offset)
    guard next <= body.byteCount else { throw .malformed("a section is cut off", at: body.byteCount) }
    if let at = body.extracting(offset..<next).firstNonZeroByte {
      throw .malformed("a byte that must be zero is not", at: offset &+ at)
    }
    return next
  }
}

extension RawSpan {
  /// These loads check their bounds.
  func uint32(at offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  func uint64(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  func uint8(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
