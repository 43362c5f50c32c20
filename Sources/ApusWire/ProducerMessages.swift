// PRODUCER takes a name, and fences whoever had it before.

package import ApusBytes

package struct ProducerRequest: Equatable, Sendable {
  package var name: String
  package init(name: String) { self.name = name }

  package func encode(into writer: inout ByteWriter) { writer.write(short: name) }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    name = try reader.short("the producer's name")
    try reader.finish("PRODUCER")
  }
}

package struct ProducerReply: Equatable, Sendable {
  package var id: UInt32
  package var epoch: UInt32
  /// 0: none yet.
  package var lastSequence: UInt64
  package var sourceOffset: [UInt8]?

  package init(id: UInt32, epoch: UInt32, lastSequence: UInt64, sourceOffset: [UInt8]?) {
    (self.id, self.epoch, self.lastSequence, self.sourceOffset) = (id, epoch, lastSequence, sourceOffset)
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(id)
    writer.write(epoch)
    writer.write(lastSequence)
    writer.write(sourceOffset != nil)
    writer.writeZeroes(7)
    if let sourceOffset { writer.write(bytes: unsafe sourceOffset.span.bytes) }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    id = try reader.number("the producer's id")
    epoch = try reader.number("the producer's epoch")
    lastSequence = try reader.number("the last sequence")
    let flag = try reader.number("whether an offset follows", as: UInt8.self)
    guard flag <= 1 else { throw .malformed("a bool is \(flag)", at: 16) }
    try reader.zero(7)
    sourceOffset = flag == 1 ? try reader.bytes("the source offset").copied() : nil
    try reader.finish("PRODUCER's reply")
  }
}
