// A service that answers every frame with itself, and what its tests may ask of it. The frame's type says what else is to happen.

import ApusBytes
import ApusServer
import ApusSystem
import ApusWire

/// What the handlers of one server saw, told to the test.
final class EchoWitness: Sendable {
  struct Seen: Sendable {
    var made = 0
    var received = 0
    var ends: [ConnectionEnd] = []
    var mailboxes: [ConnectionMailbox] = []
    var held: [(ConnectionMailbox, UInt64)] = []
  }

  let seen = Monitor(Seen())

  func change(_ body: (inout Seen) -> Void) {
    seen.withLock { body(&$0) }
    seen.notifyAll()
  }

  /// Waits with a generous bound.
  func wait(until holds: (Seen) -> Bool) -> Bool { seen.wait(for: 60_000_000_000) { holds($0) } }
}

struct EchoService: ServerService {
  /// What a frame's type asks for beyond its echo.
  enum Wish {
    static let echo: UInt8 = 1
    /// HELLO: from here on longer bodies are taken.
    static let greet: UInt8 = 2
    /// A reply of as many bytes as the body's first eight say.
    static let big: UInt8 = 3
    /// No reply until the test posts one: the id is in `held`.
    static let hold: UInt8 = 4
    /// As `echo`, and pauses.
    static let pause: UInt8 = 5
    static let close: UInt8 = 6
    /// From now on `deadlineReached` answers when as many nanoseconds as the body's first eight bytes say are over.
    static let later: UInt8 = 7
  }
  static let stopped: UInt8 = 200
  static let farewell: UInt8 = 201
  static let refusal: UInt8 = 202

  let witness: EchoWitness
  var greeted = true

  func loopService(loop: Int) -> any LoopService { EchoLoop(witness: witness, greeted: greeted) }

  func writeRefusal(into output: inout ByteWriter) {
    EchoHandler.write(type: Self.refusal, id: 0, to: &output)
  }
}

final class EchoLoop: LoopService {
  let witness: EchoWitness
  let greeted: Bool

  init(witness: EchoWitness, greeted: Bool) { (self.witness, self.greeted) = (witness, greeted) }

  func handler(of peer: ConnectionPeer, mailbox: ConnectionMailbox, now: UInt64) -> any FrameHandler {
    witness.change {
      $0.made += 1
      $0.mailboxes.append(mailbox)
    }
    return EchoHandler(witness: witness, mailbox: mailbox, greeted: greeted)
  }
}

final class EchoHandler: FrameHandler {
  private let witness: EchoWitness
  private let mailbox: ConnectionMailbox
  private(set) var isGreeted: Bool
  private(set) var deadline = UInt64.max
  private var underWay = 0
  private var isStopping = false

  init(witness: EchoWitness, mailbox: ConnectionMailbox, greeted: Bool) {
    (self.witness, self.mailbox, isGreeted) = (witness, mailbox, greeted)
  }

  var bodyByteCountMax: Int {
    isGreeted ? ServerLimits.bodyByteCountMax : ServerLimits.bodyByteCountMaxBeforeHello
  }
  var isIdle: Bool { underWay == 0 }

  func received(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, now: UInt64
  ) -> ConnectionAction {
    // A test that counts allocations counts frames by itself.
    if header.type != EchoService.Wish.echo { witness.change { $0.received += 1 } }
    if isStopping {
      Self.write(type: EchoService.stopped, id: header.id, to: &output)
      return .goOn
    }
    var reader = ByteReader(body)
    switch header.type {
    case EchoService.Wish.greet: isGreeted = true
    case EchoService.Wish.big:
      let count = Int(clamping: (try? reader.read(UInt64.self)) ?? 0)
      FrameHeader(length: UInt32(count), type: header.type | 128, id: header.id).encode(into: &output)
      output.writeZeroes(count + FrameHeader.padding(behind: UInt32(count)))
      return .goOn
    case EchoService.Wish.hold:
      underWay += 1
      witness.change { $0.held.append((mailbox, header.id)) }
      return .goOn
    case EchoService.Wish.later:
      deadline = now + ((try? reader.read(UInt64.self)) ?? 0)
      return .goOn
    default: break
    }
    FrameHeader(length: header.length, type: header.type | 128, id: header.id).encode(into: &output)
    output.write(body)
    output.writeZeroes(FrameHeader.padding(behind: header.length))
    switch header.type {
    case EchoService.Wish.pause: return .pause
    case EchoService.Wish.close: return .close
    default: return .goOn
    }
  }

  func noted(_ note: UInt64, _ output: inout ByteWriter, now: UInt64) -> ConnectionAction {
    underWay -= 1
    return .goOn
  }

  func deadlineReached(_ output: inout ByteWriter, now: UInt64) -> ConnectionAction {
    deadline = .max
    Self.write(type: EchoService.Wish.later | 128, id: 0, to: &output)
    return .goOn
  }

  func stopping(_ output: inout ByteWriter, now: UInt64) { isStopping = true }

  func farewell(_ end: ConnectionEnd, _ output: inout ByteWriter) {
    Self.write(type: EchoService.farewell, id: 0, to: &output)
  }

  func ended(_ end: ConnectionEnd) { witness.change { $0.ends.append(end) } }

  static func write(type: UInt8, id: UInt64, to output: inout ByteWriter) {
    FrameHeader(length: 0, type: type, id: id).encode(into: &output)
  }
}
