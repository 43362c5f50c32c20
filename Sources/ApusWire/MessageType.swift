// What a frame's body is. A reply has its request's type + 128; an error has 255, whatever was asked.

@usableFromInline
package enum MessageType: UInt8, CaseIterable, Sendable {
  case hello = 1
  case prepare = 2
  case get = 3
  case push = 4
  case delete = 5
  case erase = 6
  case producer = 7
  case wait = 8
  case scan = 9
  case describe = 10
  case stats = 11
  case ping = 12
  case release = 13
  case console = 14
  case history = 16
  case explain = 17
  case export = 18
  // Frames of a stream, in either direction; they have no reply.
  case data = 20
  case credit = 21
  case end = 22
  case cancel = 23
  case progress = 24

  package static let replyOffset: UInt8 = 128
  package static let error: UInt8 = 255

  /// The type byte of its reply.
  package var reply: UInt8 { rawValue &+ MessageType.replyOffset }

  /// Whether it belongs to a stream that a request began.
  package var isOfStream: Bool { rawValue >= MessageType.data.rawValue }
}
