// The parts of an encoded key, without decoding them: KeyEncoding.md says where each ends.

package import ApusContracts

package enum KeyParts {
  /// Lends each part's bytes, in order. Bytes that are no key of the schema end the walk early.
  package static func forEach(of key: RawSpan, _ schema: KeySchema, _ body: (Int, RawSpan) -> Void) {
    var at = 0
    for (part, type) in schema.parts.enumerated() {
      guard let end = end(of: type, in: key, from: at) else { return }
      body(part, key.extracting(at..<end))
      at = end
    }
  }

  private static func end(of type: KeyType, in key: RawSpan, from start: Int) -> Int? {
    switch type {
    case .string, .bytes:
      // The escape leaves no 00 in the content, so the first one ends the part.
      var at = start
      while at < key.byteCount {
        if key.unsafeByte(at: at) == 0 { return at + 1 }
        at += 1
      }
      return nil
    case .bool: return start + 1 <= key.byteCount ? start + 1 : nil
    case .int32: return start + 4 <= key.byteCount ? start + 4 : nil
    case .int64, .timestamp: return start + 8 <= key.byteCount ? start + 8 : nil
    }
  }
}

extension RawSpan {
  /// The byte at a place that the caller has compared with `byteCount`.
  fileprivate func unsafeByte(at place: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: place, as: UInt8.self)
  }
}
