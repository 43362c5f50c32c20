internal import CChecksum

/// The Castagnoli CRC that guards every frame, block and row. 0 is the CRC of nothing.
///
/// `extend(extend(0, a), b) == checksum(a + b)`, by whatever method. One call is one loop in C: a call a word
/// would cost more than the word.
package enum CRC32C {
  package static func checksum(_ bytes: RawSpan) -> UInt32 {
    extend(0, bytes)
  }

  package static func extend(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
    // C reads exactly the span's bytes and keeps no pointer.
    unsafe bytes.withUnsafeBytes { unsafe crc32c_extend(crc, $0.baseAddress, $0.count) }
  }

  /// `extend(extend(crc, first), second)`.
  package static func extend(_ crc: UInt32, _ first: RawSpan, _ second: RawSpan) -> UInt32 {
    // C reads exactly the spans' bytes and keeps no pointer.
    unsafe first.withUnsafeBytes { first in
      unsafe second.withUnsafeBytes { second in
        unsafe crc32c_extend_both(crc, first.baseAddress, first.count, second.baseAddress, second.count)
      }
    }
  }

  /// The portable method, which every other must agree with.
  package static func extendSoftware(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
    extend(crc, bytes, by: .software)
  }

  /// Whether this processor has instructions that help.
  package static var usesHardware: Bool { bestMethod > .software }
}

extension CRC32C {
  /// A way to compute the same checksum; what a processor lacks it cannot use.
  package enum Method: Int32, CaseIterable, Comparable, Sendable {
    /// Tables, eight bytes a step.
    case software
    /// The processor's own CRC instruction on three streams at once.
    case interleaved
    /// Carry-less multiplication, 256 bytes a step.
    case folded

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// The method `extend` uses, found once before `main`.
  package static var bestMethod: Method { Method(rawValue: crc32c_best_method()) ?? .software }

  /// By a method of the caller's choice, for tests and measurements.
  package static func extend(_ crc: UInt32, _ bytes: RawSpan, by method: Method) -> UInt32 {
    precondition(method <= bestMethod, "this processor cannot compute a CRC by \(method)")
    // C reads exactly the span's bytes and keeps no pointer.
    return unsafe bytes.withUnsafeBytes {
      unsafe crc32c_extend_by(method.rawValue, crc, $0.baseAddress, $0.count)
    }
  }
}
