// The other end of a connection, as simple as possible: it blocks, with a generous bound.

import ApusBytes
import ApusServer
import ApusSystem
import ApusWire
import Testing

final class Peer {
  struct Frame: Equatable {
    var header: FrameHeader
    var body: [UInt8]
  }

  enum PeerError: Error { case tooLate, ended }

  static let milliseconds: Int32 = 60_000

  private var socket: StreamSocket?
  private var bytes: [UInt8] = []
  /// How many of them were given away as frames.
  private var taken = 0

  init(_ address: SocketAddress, receiving: Int32? = nil) throws {
    let socket = try StreamSocket.connect(to: address, milliseconds: Self.milliseconds)
    if let receiving { try socket.limitBuffers(receiving: receiving) }
    self.socket = consume socket
  }

  static func frame(_ type: UInt8, id: UInt64, body: [UInt8] = []) -> [UInt8] {
    var writer = ByteWriter()
    FrameHeader(length: UInt32(body.count), type: type, id: id).encode(into: &writer)
    writer.write(body)
    writer.writeZeroes(FrameHeader.padding(behind: UInt32(body.count)))
    return writer.bytes.copied()
  }

  static func number(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  func send(_ type: UInt8, id: UInt64, body: [UInt8] = []) throws {
    try send(Self.frame(type, id: id, body: body))
  }

  func send(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      switch try socket?.send(unsafe bytes.span.bytes.extracting(done...)) {
      case .bytes(let count): done += count
      case .wouldBlock:
        guard try socket?.wait(forSending: true, milliseconds: Self.milliseconds) == true else {
          throw PeerError.tooLate
        }
      case .gone, nil: throw PeerError.ended
      }
    }
  }

  /// As much as goes without waiting.
  func attempt(_ bytes: [UInt8]) throws -> StreamSocket.Sent {
    try socket?.send(unsafe bytes.span.bytes) ?? .gone
  }

  /// A frame, if all of it is there.
  func receiveAtOnce() throws -> Frame? {
    while true {
      if let frame = try take() { return frame }
      guard try socket?.wait(milliseconds: 0) == true, try read() else { return nil }
    }
  }

  func endSending() throws { try socket?.endSending() }

  func close() { socket = nil }

  /// The next frame; nil at the end.
  func receive() throws -> Frame? {
    while true {
      if let frame = try take() { return frame }
      guard try read() else { return nil }
    }
  }

  /// Reads what comes; false at the end.
  private func read() throws -> Bool {
    var block = [UInt8](repeating: 0, count: 64 << 10)
    guard try socket?.wait(milliseconds: Self.milliseconds) == true else { throw PeerError.tooLate }
    var span = block.mutableSpan
    var room = unsafe span.mutableBytes
    switch try socket?.receive(into: &room) {
    case .bytes(let count): bytes += block.prefix(count)
    case .wouldBlock: break
    case .ended, .gone, nil: return false
    }
    return true
  }

  private func take() throws -> Frame? {
    let bytes = self.bytes
    guard let header = try FrameHeader.decode(unsafe bytes.span.bytes.extracting(taken...)),
      bytes.count - taken >= header.frameByteCount
    else {
      self.bytes.removeFirst(taken)
      taken = 0
      return nil
    }
    let body = taken + FrameHeader.byteCount
    taken += header.frameByteCount
    return Frame(header: header, body: Array(bytes[body..<(body + Int(header.length))]))
  }
}

/// A server that echoes, for as long as a test needs it.
final class EchoServer {
  let server: Server
  let witness = EchoWitness()
  private var isOver = false

  init(
    loops: Int = 2, at address: SocketAddress = .loopback(port: 0), greeted: Bool = true,
    clock: any Clock = SystemClock(), _ change: (inout TransportLimits) -> Void = { _ in }
  ) throws {
    var limits = TransportLimits()
    change(&limits)
    server = try Server.start(
      at: [address], loops: loops, limits: limits, service: EchoService(witness: witness, greeted: greeted),
      clock: clock)
  }

  deinit { try? stop() }

  var address: SocketAddress { server.addresses[0] }

  func stop(drainNanoseconds: UInt64 = 0) throws {
    if isOver { return }
    isOver = true
    server.stop(drainNanoseconds: drainNanoseconds)
    try server.join()
  }

  func peer(receiving: Int32? = nil) throws -> Peer { try Peer(address, receiving: receiving) }

  /// Waits until what the loops counted together holds.
  func wait(until holds: (LoopCounts) -> Bool) -> Bool {
    let pause = Monitor(0)
    for _ in 0..<60_000 {
      if holds(server.sum) { return true }
      _ = pause.wait(for: 1_000_000) { _ in false }
    }
    return false
  }
}
