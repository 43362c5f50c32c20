// What a client does by itself, and for how long. Every time and every number here has a default that suits a service which
// asks for features while somebody waits.

public struct ClientOptions: Sendable {
  /// What `apus token create` gave.
  public struct Token: Equatable, Sendable {
    public var id: String
    public var secret: [UInt8]
    /// `secret`: 32 bytes.
    public init(id: String, secret: [UInt8]) { (self.id, self.secret) = (id, secret) }
  }

  /// Nil: the server lets everybody in who reaches it.
  public var token: Token?
  /// Many calls share one connection; more connections are for more of the server's loops.
  public var connections = 1
  /// Name resolution, connecting and HELLO together.
  public var connectTimeout = Duration.seconds(5)
  /// Of a call that names no deadline, its retries included.
  public var callTimeout = Duration.seconds(5)
  public var retries = RetryPolicy()
  /// Calls under way or waiting in this client; the next one throws `busy`.
  public var callsMax = 16_384
  /// The shortest body that is sent compressed, in either direction, if the server does that, too; nil: none is. Saves bytes where rows
  /// are many and the way is long, and costs time on both sides. Requests and replies of one row never are.
  public var compressFrom: Int?
  /// The name of this program, in the server's list of connections.
  public var name = ""

  public init() {}
}

extension Duration {
  /// 0 for a negative one; the greatest for 584 years and more.
  var clampedNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let (scaled, over) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, beyond) = scaled.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
    return over || beyond ? .max : sum
  }
}

extension UInt64 {
  /// A moment so much later; the end of time when there is no such moment.
  func later(by nanoseconds: UInt64) -> UInt64 {
    let (sum, over) = addingReportingOverflow(nanoseconds)
    return over ? .max : sum
  }
}
