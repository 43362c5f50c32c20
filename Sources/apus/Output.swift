import ApusSystem

/// Words on their way to a stream, a buffer at a time, so that memory is the same for any amount of them.
///
/// A line is a line: a name that holds a newline or an escape sequence is shown with its control characters spelled out.
/// After a write that failed nothing more is written, and `goesOn` is false.
final class Output {
  private static let bufferByteCount = 64 << 10

  private let stream: StandardStream
  private var buffer: [UInt8] = []
  private(set) var failure: SystemError?

  init(_ stream: StandardStream) { self.stream = stream }

  var goesOn: Bool { failure == nil }

  func line(_ text: String = "") {
    for scalar in text.unicodeScalars {
      if 0x20..<0x7F ~= scalar.value {
        // Nearly all of it.
        buffer.append(UInt8(truncatingIfNeeded: scalar.value))
      } else if scalar.isControl {
        buffer.append(contentsOf: scalar.spelledOut.utf8)
      } else {
        buffer.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    endLine()
  }

  func line(_ json: JSON) {
    json.write(into: &buffer)
    endLine()
  }

  private func endLine() {
    buffer.append(0x0A)
    if buffer.count >= Output.bufferByteCount { flush() }
  }

  func flush() {
    defer { buffer.removeAll(keepingCapacity: true) }
    guard failure == nil, !buffer.isEmpty else { return }
    // An array's elements are all there, and a UInt8 has no padding.
    do throws(SystemError) { try unsafe stream.write(buffer.span.bytes) } catch { failure = error }
  }
}

extension Unicode.Scalar {
  /// Whether a terminal might act on it, or turn the line around, instead of showing it.
  fileprivate var isControl: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  fileprivate var spelledOut: String {
    switch self {
    case "\n": "\\n"
    case "\t": "\\t"
    case "\r": "\\r"
    default: "\\u{\(String(value, radix: 16))}"
    }
  }
}
