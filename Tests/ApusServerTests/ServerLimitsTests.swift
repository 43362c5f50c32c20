import ApusServer
import Testing

@Suite("The server's limits")
struct ServerLimitsTests {
  @Test("allow a stranger less than anybody else")
  func strangers() {
    #expect(ServerLimits.bodyByteCountMaxBeforeHello < ServerLimits.bodyByteCountMax)
  }
}
