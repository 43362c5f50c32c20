import ApusSystem

/// Words on their way to a stream, a buffer at a time, so that memory is the same for any amount of them.
///
/// A line is a line: a name that holds a newline or an escape sequence is shown with its control characters spelled out.
/// After a write that failed nothing more is written, and `goesOn` is false.
final class Output {
  private static let bufferByteCount = 64 << 10

  /// Nil: what is said is collected, for whoever asked from afar.
  private let stream: StandardStream?
  private var buffer: [UInt8] = []
  private(set) var failure: SystemError?
  /// Of what is collected; more is left out, and the output ends.
  private let byteCountMax: Int
  private(set) var isCut = false

  init(_ stream: StandardStream) {
    self.stream = stream
    byteCountMax = .max
  }

  init(collecting byteCountMax: Int) {
    stream = nil
    self.byteCountMax = byteCountMax
  }

  /// What was said so far, whole lines only.
  var collected: [UInt8] { stream == nil ? buffer : [] }

  var goesOn: Bool { failure == nil && !isCut }

  func line(_ text: String = "") {
    let start = buffer.count
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
    endLine(from: start)
  }

  func line(_ json: JSON) {
    let start = buffer.count
    json.write(into: &buffer)
    endLine(from: start)
  }

  private func endLine(from start: Int) {
    buffer.append(0x0A)
    if stream == nil {
      guard isCut || buffer.count > byteCountMax else { return }
      isCut = true
      buffer.removeLast(buffer.count - start)
    } else if buffer.count >= Output.bufferByteCount {
      flush()
    }
  }

  func flush() {
    guard let stream else { return }
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
