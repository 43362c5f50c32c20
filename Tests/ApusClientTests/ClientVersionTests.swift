import ApusClient
import Testing

@Suite("A client's name")
struct ClientVersionTests {
  @Test("is short enough for HELLO")
  func short() { #expect(ClientVersion.name.utf8.count < 100) }
}
