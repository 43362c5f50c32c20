import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Foundation
import Testing

@Suite("Tokens")
struct TokenTests {
  private static let secret = Array(UInt8(0)..<32)

  private func record(
    _ name: String = "pay-2", id: String = "0011223344556677", secret: [UInt8] = Self.secret,
    scopes: Scope = [.read, .ingest], project: String? = nil
  ) -> TokenRecord {
    TokenRecord(
      id: id, name: name, digest: SHA256.digest(of: unsafe secret.span.bytes), scopes: scopes,
      project: project,
      created: WallTime(nanoseconds: 1_600_000_000_000_000_000))
  }

  @Test("as text are an id and a secret, and are described without the secret")
  func text() throws {
    let token = try #require(AccessToken(idBytes: Array(0xA0..<0xA8), secret: Self.secret))
    #expect(
      token.text == "apus_a0a1a2a3a4a5a6a7_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
    #expect(AccessToken(" \(token.text)\r\n") == token)
    for shown in ["\(token)", String(reflecting: token), "\([token])"] {
      #expect(!shown.contains("0001020304"))
    }
    var dumped = ""
    dump(token, to: &dumped)
    #expect(!dumped.contains("0001020304") && !dumped.contains("- 31"))
    for wrong in [
      "", "apus_", token.text + "0", String(token.text.dropLast()), token.text.uppercased(), "x\(token.text)",
    ] {
      #expect(AccessToken(wrong) == nil, "\(wrong)")
    }
  }

  @Test("the file has the bytes that its page shows, and reads back as what was written")
  func golden() throws {
    var table = TokenTable()
    table.add(record())
    table.add(record("etl", id: "8899aabbccddeeff", scopes: .admin, project: "fraud"))
    let text = String(decoding: table.bytes, as: UTF8.self)
    #expect(
      text == """
        apus-tokens 1
        0011223344556677 630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd read,ingest * 1600000000000000000 pay-2
        8899aabbccddeeff 630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd admin fraud 1600000000000000000 etl
        crc32c \(text.suffix(9))
        """)
    #expect(TokenTable(table.bytes) == table)
    #expect(TokenTable(TokenTable().bytes) == TokenTable())
    #expect(!text.contains("000102"))
  }

  @Test("a file with any bit flipped, or cut anywhere, is refused whole")
  func damaged() {
    var table = TokenTable()
    table.add(record())
    let bytes = table.bytes
    for at in bytes.indices {
      #expect(TokenTable(Array(bytes[..<at])) == nil)
      for bit in 0..<8 {
        var flipped = bytes
        flipped[at] ^= 1 << UInt8(bit)
        #expect(TokenTable(flipped) == nil, "byte \(at), bit \(bit)")
      }
    }
    var twice = table
    twice.add(record(id: "ffffffffffffffff"))
    #expect(TokenTable(twice.bytes) == nil, "two of one name")
  }

  @Test("scopes are the words read, ingest and admin, each once")
  func scopes() {
    #expect(Scope("read") == .read && Scope("admin,read")?.description == "read,admin")
    for wrong in ["", "write", "read,", "read,read", "READ", "read ingest"] { #expect(Scope(wrong) == nil) }
  }

  @Test("are replaced whole and durably on the disk, readable by their owner alone")
  func file() throws {
    let folder = try TemporaryFolder("apus-tokens")
    let file = TokenFile(inFolder: folder.path)
    #expect(try file.read() == TokenTable())
    let added = record()
    try file.change { (table) throws(Never) in table.add(added) }.get()
    #expect(try file.read().records == [added])
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    struct No: Error, Equatable {}
    let refused: Result<Void, No> = try file.change { (table) throws(No) in
      table.remove(added.id)
      throw No()
    }
    #expect(throws: No()) { try refused.get() }
    #expect(try file.read().records == [added])
    #expect(try RealDisk().names(in: folder.path) == ["tokens", "tokens.lock"])
  }

  @Test("survive a power cut before any call, as they were before it or after it")
  func crash() throws {
    let first = record()
    let second = record("etl", id: "8899aabbccddeeff")
    var outcomes: Set<Int> = []
    for seed in UInt64(0)..<20 {
      for call in 1..<100 {
        let disk = SimulatedDisk(seed: seed, folders: ["store"])
        try TokenFile(inFolder: "store", on: disk).change { (table) throws(Never) in table.add(first) }.get()
        let survivor = disk.crash()
        survivor.failPower(beforeCall: call)
        let file = TokenFile(inFolder: "store", on: survivor)
        let result: Result<Void, Never>? = try? file.change { (table) throws(Never) in table.add(second) }
        let found = try TokenFile(inFolder: "store", on: survivor.crash(seed: seed)).read().records
        #expect(found == [first] || found == [first, second], "seed \(seed), call \(call)")
        outcomes.insert(found.count)
        guard result == nil else {
          #expect(found == [first, second], "what was done stays done: seed \(seed)")
          break
        }
      }
    }
    #expect(outcomes == [1, 2])
  }

  @Test("two who change them at once: one is told who is there")
  func busy() throws {
    let folder = try TemporaryFolder("apus-tokens")
    let file = TokenFile(inFolder: folder.path)
    let outer: Result<TokenFileError?, Never> = try file.change { (_) throws(Never) in
      do throws(TokenFileError) {
        _ = try file.change { (_) throws(Never) in }
        return nil
      } catch {
        return error
      }
    }
    #expect(outer.get() == .inUse(path: file.path + ".lock", process: SystemProcess.id))
  }

  @Test("let in who shows the secret, and nobody else")
  func gate() throws {
    let folder = try TemporaryFolder("apus-tokens")
    let file = TokenFile(inFolder: folder.path)
    let events = Monitor<[TokenGate.Event]>([])
    let known = record()
    try file.change { (table) throws(Never) in table.add(known) }.get()
    let gate = try TokenGate(file) { event in events.withLock { $0.append(event) } }
    #expect(gate.record(id: known.id, secret: Self.secret) == known)
    var wrong = Self.secret
    wrong[31] ^= 1
    #expect(gate.record(id: known.id, secret: wrong) == nil)
    #expect(gate.record(id: known.id, secret: []) == nil)
    #expect(gate.record(id: "0011223344556678", secret: Self.secret) == nil)
    #expect(gate.record(id: "", secret: [UInt8](repeating: 0, count: 32)) == nil)

    try file.change { (table) throws(Never) in table.remove(known.id) }.get()
    #expect(gate.record(id: known.id, secret: Self.secret) == known, "not read again yet")
    gate.reread()
    #expect(gate.record(id: known.id, secret: Self.secret) == nil)
    gate.reread()
    #expect(events.withLock { $0 } == [.reread(tokens: 0)])
  }

  @Test(
    "end the connections that they opened when they are revoked, once the file is read again, and no others")
  func revoked() throws {
    let folder = try TemporaryFolder("apus-tokens")
    let file = TokenFile(inFolder: folder.path)
    let going = record()
    let staying = record("stays", id: "1111111111111111")
    try file.change { (table) throws(Never) in
      table.add(going)
      table.add(staying)
    }.get()
    let gate = try TokenGate(file) { _ in }
    let fixture = try SessionFixture(tokens: gate)
    func peer(_ record: TokenRecord) throws -> Caller {
      let peer = fixture.stranger()
      let hello = HelloRequest(client: "test", token: .init(id: record.id, secret: Self.secret))
      #expect(try peer.hello(hello).code == nil)
      return peer
    }
    let (revoked, second, kept, ended) = (
      try peer(going), try peer(going), try peer(staying), try peer(going)
    )
    ended.session.ended(.peerGone)

    try file.change { (table) throws(Never) in table.remove(going.id) }.get()
    #expect(try revoked.ask(.ping).type == MessageType.ping.reply, "the file is not read again yet")
    gate.reread()
    for peer in [revoked, second] {
      #expect(peer.fetch())
      #expect(peer.action == .close && peer.frames.map(\.id) == [0])
      #expect(peer.frames.first?.code == .unauthenticated && peer.frames.first?.refusal?.class == .session)
      peer.send(.ping)
      #expect(peer.frames.count == 1 && peer.action == .close)
    }
    #expect(try kept.ask(.ping).type == MessageType.ping.reply)
    #expect(kept.port.letters.withLock { $0.isEmpty } && ended.port.letters.withLock { $0.isEmpty })
    let late = fixture.stranger()
    late.send(type: 1, id: 0) {
      HelloRequest(client: "test", token: .init(id: going.id, secret: Self.secret)).encode(into: &$0)
    }
    #expect(late.action == .pause, "it is told, after a while, that nobody knows this token")
  }

  @Test("stay as they were when the file turns bad, which is said once")
  func bad() throws {
    let folder = try TemporaryFolder("apus-tokens")
    let file = TokenFile(inFolder: folder.path)
    let known = record()
    try file.change { (table) throws(Never) in table.add(known) }.get()
    let events = Monitor<[TokenGate.Event]>([])
    let gate = try TokenGate(file) { event in events.withLock { $0.append(event) } }
    let good = try Data(contentsOf: URL(filePath: file.path))
    try Data("apus-tokens 1\nx\n".utf8).write(to: URL(filePath: file.path))
    gate.reread()
    gate.reread()
    #expect(gate.record(id: known.id, secret: Self.secret) == known)
    #expect(events.withLock { $0 } == [.failed(.unreadable(path: file.path))])
    #expect(throws: TokenFileError.unreadable(path: file.path)) { try TokenGate(file) { _ in } }
    try good.write(to: URL(filePath: file.path))
    gate.reread()
    #expect(events.withLock { $0.last } == .reread(tokens: 1))
  }
}
