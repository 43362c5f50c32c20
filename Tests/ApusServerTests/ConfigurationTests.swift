import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite("Settings")
struct ConfigurationTests {
  private func effective(
    _ text: String? = nil, environment: [String: String] = [:], flags: [String: String] = [:]
  ) throws -> EffectiveConfiguration {
    try EffectiveConfiguration(
      file: text.map { ("apus.yaml", Array($0.utf8)) }, environment: environment, flags: flags)
  }

  private func faults(_ text: String) -> [String] {
    do {
      _ = try effective(text)
      return []
    } catch let error as ConfigurationFaults {
      return error.all.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  @Test("the file in Config documents every setting with its default, and nothing else")
  func page() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "Config/apus.yaml"), encoding: .utf8)
    #expect(text == ConfigurationPage.text, "`apus config defaults > Config/apus.yaml` writes it")
    guard case .mapping(let entries) = try YamlReader.read(Array(text.utf8)).root.content else {
      Issue.record("no mapping")
      return
    }
    #expect(entries.map(\.key).sorted() == Settings.all.map(\.name).sorted())
    let read = try effective(text)
    #expect(read.values == Configuration())
    for setting in Settings.all {
      guard case .file = read.origin(of: setting) else {
        Issue.record("\(setting.name) is not read from the file")
        continue
      }
      #expect(!setting.effect.isEmpty)
    }
  }

  @Test("what a setting spells is what it reads, for every setting")
  func spelled() throws {
    for setting in Settings.all {
      #expect(
        try effective(flags: [setting.name: setting.usual]).values == Configuration(), "\(setting.name)")
    }
    let all = try effective(
      "listen: [127.0.0.1:1, '[::1]:0']\nunix_socket: /run/x\nloops: 3\nidle_timeout: none\nmax_frame: 64KiB")
    #expect(
      all.values.listen.map(\.description) == ["127.0.0.1:1", "[::1]:0"] && all.values.loops == 3
        && all.values.unixSocket == "/run/x" && all.values.idleNanoseconds == nil
        && all.values.frameByteCountMax == 65_536)
    let again = Dictionary(uniqueKeysWithValues: Settings.all.map { ($0.name, $0.spelled(in: all.values)) })
    #expect(try effective(flags: again).values == all.values)
  }

  @Test("a flag wins over the environment, the environment over the file, and each is remembered")
  func order() throws {
    let setting = try #require(Settings.named("max_rows"))
    let file = "# rows\nmax_rows: 1"
    let variable = ["APUS_MAX_ROWS": "2"]
    let inFile = try effective(file)
    #expect(inFile.values.rowsMax == 1)
    #expect(inFile.origin(of: setting) == .file("apus.yaml", SourcePlace(line: 2, column: 11)))
    let inEnvironment = try effective(file, environment: variable)
    #expect(
      inEnvironment.values.rowsMax == 2 && inEnvironment.origin(of: setting) == .environment("APUS_MAX_ROWS"))
    let byFlag = try effective(file, environment: variable, flags: ["max_rows": "3"])
    #expect(byFlag.values.rowsMax == 3 && byFlag.origin(of: setting).description == "--max-rows")
    #expect(try effective().origin(of: setting).description == "default")
  }

  @Test("everything that is wrong is told at once, each with its line and column, and what was meant")
  func wrong() {
    #expect(
      faults(
        "max_conections: 3\nmax_rows: many\nloops: 0\nlisten: {a: 1}\nmax_frame: 1MB\nmax_frame: 1MiB\nidle_timeout:"
      )
        == [
          "apus.yaml:6:1: \"max_frame\" is here twice, first at 5:1",
          "apus.yaml:1:1: there is no setting `max_conections`; did you mean `max_connections`?",
          "apus.yaml:2:11: `max_rows` is a whole number from 1 to 65535, and not `many`",
          "apus.yaml:3:8: `loops` is a whole number from 1 to 64, or auto, and not `0`",
          "apus.yaml:4:9: `listen` is addresses such as 127.0.0.1:7399 or [::1]:7399, or none",
          "apus.yaml:5:12: `max_frame` is a size from 64KiB to 16MiB, and not `1MB`",
          "apus.yaml:7:14: `idle_timeout` is a time from 1s to 30d, or none",
        ])
    #expect(faults("- a").first == "apus.yaml:1:1: expected settings, each as `name: value`")
    #expect(faults("frobnicate: 1").first?.hasSuffix("`apus config defaults` lists them") == true)
    #expect(faults("listen: [::1]:7399").first?.contains("an address with brackets needs quotes") == true)
    #expect(faults("# nothing\n").isEmpty && faults("").isEmpty)
  }

  @Test("a variable that is nearly a setting is told, and others are left alone")
  func environment() throws {
    let read = try effective(environment: ["APUS_MAX_CONECTIONS": "3", "APUS_URL": "x", "HOME": "/"])
    #expect(
      read.warnings == [
        "$APUS_MAX_CONECTIONS is no setting and was not read; did you mean $APUS_MAX_CONNECTIONS?"
      ])
    #expect(read.values == Configuration())
  }

  @Test(
    "values that no setting takes are refused",
    arguments: [
      ("max_frame", "17MiB"), ("max_frame", "-1KiB"), ("max_frame", "99999999999TiB"), ("max_frame", ""),
      ("max_frame", "1 MiB"), ("max_rows", "0"), ("max_rows", "65536"), ("max_rows", "1e3"), ("loops", "65"),
      ("drain_timeout", "none"), ("drain_timeout", "0s"), ("drain_timeout", "1h1m"), ("tokens", "yes"),
      ("tls", "on"), ("durability", "sometimes"), ("log_level", "WARN"), ("listen", "127.0.0.1"),
      ("listen", "127.0.0.1:65536"), ("listen", "127.0.0.1:1,"), ("listen", "example.org:7399"),
      ("listen", "1.2.3.04:1"), ("listen", "[::1::]:7"), ("listen", "[1:2:3:4:5:6:7]:7"), ("data", ""),
      ("unix_socket", String(repeating: "x", count: 108)), ("data", "a\0b"),
      ("segment_size", "1MiB"), ("segment_size", "8191KiB"),
    ])
  func refused(_ name: String, _ text: String) throws {
    #expect(throws: ConfigurationFaults.self) { try effective(flags: [name: text]) }
  }

  @Test(
    "addresses are read and spelled as people do, and it is known which are this machine's own",
    arguments: [
      ("127.0.0.1:7399", "127.0.0.1:7399", true), ("localhost:1", "127.0.0.1:1", true),
      ("127.9.9.9:1", "127.9.9.9:1", true), ("[::1]:7399", "[::1]:7399", true),
      ("[0:0:0:0:0:0:0:1]:2", "[::1]:2", true), ("[::ffff:7f00:1]:2", "[::ffff:7f00:1]:2", true),
      ("0.0.0.0:7399", "0.0.0.0:7399", false), ("[::]:7399", "[::]:7399", false),
      ("128.0.0.1:1", "128.0.0.1:1", false), ("[fe80::1:0:0:2]:3", "[fe80::1:0:0:2]:3", false),
      ("[2001:db8::]:3", "[2001:db8::]:3", false), ("[::ffff:a00:1]:2", "[::ffff:a00:1]:2", false),
      ("[1:0:3:4:5:6:7:8]:9", "[1:0:3:4:5:6:7:8]:9", false),
    ])
  func addresses(_ text: String, _ spelled: String, _ isLoopback: Bool) throws {
    let address = try #require(ListenAddress(text))
    #expect(address.description == spelled && address.isLoopback == isLoopback)
    #expect(address.socketAddress.description == spelled && address.socketAddress.isLoopback == isLoopback)
    #expect(ListenAddress(spelled) == address)
  }

  @Test("an address that other machines reach needs tokens, and a word on what protects them")
  func open() {
    var all = Configuration()
    #expect(all.refusal == nil)
    all.listen = [ListenAddress("127.0.0.1:1"), ListenAddress("0.0.0.0:2")].compactMap { $0 }
    #expect(
      all.refusal?.what.contains("0.0.0.0:2 can be reached from other machines, and tokens are off") == true)
    all.tls = .terminatedByProxy
    all.isNetworkTrusted = true
    #expect(all.refusal != nil, "without tokens neither is enough")
    all.usesTokens = true
    #expect(all.refusal == nil)
    all.tls = .none
    #expect(all.refusal == nil)
    all.isNetworkTrusted = false
    #expect(all.refusal?.what.contains("in the clear") == true)
    all.tls = .terminatedByProxy
    #expect(all.refusal == nil)
  }

  @Test("settings that do not go together are refused by name")
  func together() {
    func refused(_ change: (inout Configuration) -> Void) -> String? {
      var all = Configuration()
      change(&all)
      return all.refusal?.setting
    }
    #expect(refused { $0.listen = [] } == "listen")
    #expect(
      refused {
        $0.listen = []
        $0.unixSocket = "/run/x"
      } == nil)
    #expect(refused { $0.overlayByteCount = 1 << 20 } == "overlay_memory")
    #expect(refused { $0.memoryByteCountMax = 1 << 24 } == "max_memory")
    #expect(refused { $0.outputByteCountMax = 1 << 20 } == "max_output")
  }

  @Test("a server has a loop for each core, and no more than it may have")
  func loops() {
    var all = Configuration()
    #expect(all.loopCount(cores: 1) == 1 && all.loopCount(cores: 200) == 64)
    all.loops = 5
    #expect(all.loopCount(cores: 2) == 5)
  }

  @Test("random bytes are settings or faults, never a trap")
  func noise() throws {
    var random = SplitMix64(seed: 4)
    let page = Array(ConfigurationPage.text.utf8)
    for _ in 0..<300 {
      var bytes = page
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
      }
      do { _ = try EffectiveConfiguration(file: ("x", bytes)) } catch { #expect(!error.all.isEmpty) }
    }
  }
}
