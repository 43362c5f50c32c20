// Frames of a stream: pieces of one run of bytes in each direction, taken under the other side's credit. A sender's sequence begins at 0
// and has no gap; what a receiver gave is never less than what came.

package import ApusBytes

/// The next piece: a sequence, and any bytes behind it.
package struct StreamData: Equatable, Sendable {
  package static let headByteCount = 8

  package var sequence: UInt64
  package var bytes: [UInt8]

  package init(_ sequence: UInt64, _ bytes: [UInt8]) { (self.sequence, self.bytes) = (sequence, bytes) }

  package static func encode(_ sequence: UInt64, _ bytes: RawSpan, into writer: inout ByteWriter) {
    writer.write(sequence)
    writer.write(bytes)
  }

  package func encode(into writer: inout ByteWriter) {
    Self.encode(sequence, unsafe bytes.span.bytes, into: &writer)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    sequence = try reader.number("DATA's sequence")
    bytes = try reader.span(reader.remaining, "DATA").copied()
  }
}

/// How many more bytes its sender takes.
package struct StreamCredit: Equatable, Sendable {
  package var byteCount: UInt64
  package init(_ byteCount: UInt64) { self.byteCount = byteCount }

  package func encode(into writer: inout ByteWriter) { writer.write(byteCount) }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    byteCount = try reader.number("CREDIT")
    guard byteCount > 0 else { throw .malformed("CREDIT gives nothing", at: 0) }
    try reader.finish("CREDIT")
  }
}

/// END and CANCEL, which say all by their type.
package enum StreamWord {
  package static func decode(_ body: RawSpan) throws(WireError) {
    try BodyReader(body).finish("a word of a stream")
  }
}

/// How far the server is.
package struct StreamProgress: Equatable, Sendable {
  package enum Phase: UInt8, CaseIterable, Sendable {
    /// The spine, for its keys and moments.
    case reading = 1
    case joining = 2
    case writing = 3
  }

  package var phase: Phase
  package var done: UInt64
  /// Nil while nobody knows.
  package var total: UInt64?

  package init(_ phase: Phase, done: UInt64, total: UInt64?) {
    (self.phase, self.done, self.total) = (phase, done, total)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(phase.rawValue)
    writer.writeZeroes(7)
    writer.write(done)
    writer.write(total ?? .max)
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    guard let phase = Phase(rawValue: try reader.number("the phase")) else {
      throw .malformed("there is no such phase", at: 0)
    }
    self.phase = phase
    try reader.zero(7)
    done = try reader.number("what is done")
    let total = try reader.number("what there is", as: UInt64.self)
    self.total = total == .max ? nil : total
    try reader.finish("PROGRESS")
  }
}
