import ApusClient
import ApusWire
import Testing

@Suite("What a client decides by itself")
struct PolicyTests {
  @Test("every code of the protocol has its case, with the same name and class")
  func codes() {
    for code in WireCode.allCases {
      let error = ClientError(WireRefusal(code, "what", next: "next"))
      #expect(error.code.rawValue == code.name)
      #expect(error.number == Int(code.rawValue))
      #expect(error.isRetryable == (code.class == .retry))
    }
    let spelled = Set(ClientError.Code.allCases.map(\.rawValue))
    #expect(spelled.count == ClientError.Code.allCases.count)
  }

  @Test("an error says what, where and what next, each on a line")
  func words() {
    let error = ClientError(WireRefusal(.unknownName, "no view", where: "card@2", next: "apus describe"))
    #expect(error.description == "UNKNOWN_NAME: no view\n  card@2\n  next: apus describe")
  }

  @Test("what is not retryable is not made again, nor what may be done and cannot be repeated")
  func safety() {
    let policy = RetryPolicy()
    let refused = ClientError(WireRefusal(.unknownName, "no"))
    #expect(policy.decide(refused, attempts: 1) == .fail)
    let busy = ClientError(WireRefusal(.overloaded, "later", waitMilliseconds: 40))
    #expect(policy.decide(busy, attempts: 1, isRepeatable: false) == .again(afterNanoseconds: 40_000_000))
    #expect(RetryPolicy.never.decide(busy, attempts: 1) == .fail)
  }

  @Test("waits grow, are bounded, and never go beyond the deadline or below what the server asked")
  func waits() {
    var policy = RetryPolicy()
    policy.attemptsMax = 100
    let lost = ClientError(WireRefusal(.shuttingDown, "bye"))
    #expect(policy.decide(lost, attempts: 1, dice: 0) == .again(afterNanoseconds: 5_000_000))
    #expect(policy.decide(lost, attempts: 2, dice: 0) == .again(afterNanoseconds: 10_000_000))
    #expect(policy.decide(lost, attempts: 90, dice: 0) == .again(afterNanoseconds: 500_000_000))
    #expect(policy.decide(lost, attempts: 100) == .fail)
    #expect(policy.decide(lost, attempts: 1, deadline: 1_000_000) == .fail)
    let later = ClientError(WireRefusal(.overloaded, "later", waitMilliseconds: .max))
    #expect(policy.decide(later, attempts: 1, deadline: 1_000_000_000) == .fail)
  }

  @Test(
    "addresses read as they are written",
    arguments: ["tcp://localhost:7417", "tcp://127.0.0.1:1", "tcp://[::1]:7417", "unix:/run/apus.sock"])
  func addresses(text: String) throws {
    #expect("\(try ServerAddress(text))" == text)
  }

  @Test(
    "what is no address is refused before anything is opened",
    arguments: [
      "", "localhost:7417", "tcp://localhost", "tcp://:7417", "tcp://a:0", "tcp://a:65536", "tcp://::1:7417",
      "tcp://a/b:1", "tcp://u@a:1", "unix:relative", "unix:", "http://a:1",
      "unix:/" + String(repeating: "a", count: 200),
    ])
  func wrongAddresses(text: String) {
    let error = #expect(throws: ClientError.self) { try ServerAddress(text) }
    #expect(error?.code == .badAddress)
  }

  @Test("a token that cannot be one is refused before it is sent")
  func token() {
    var options = ClientOptions()
    options.token = .init(id: "t", secret: [1, 2, 3])
    let error = #expect(throws: ClientError.self) { try ApusClient("tcp://127.0.0.1:1", options: options) }
    #expect(error?.code == .badInput)
  }
}

extension RetryPolicy {
  fileprivate func decide(
    _ error: ClientError, attempts: Int, isRepeatable: Bool = true, deadline: UInt64 = .max,
    dice: Double = 0.5
  ) -> Decision {
    decide(
      after: error, attempts: attempts, isRepeatable: isRepeatable, now: 0, deadline: deadline, dice: dice)
  }
}
