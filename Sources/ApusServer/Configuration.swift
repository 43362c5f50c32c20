// What an operator may choose, as values. Nothing here reads a file, an environment or a command line: those are folded into
// one of these (ConfigurationSources), and a server takes nothing else. There is no secret among them, so all of it may be
// shown.

import ApusStore

package struct Configuration: Equatable, Sendable {
  package enum Durability: String, CaseIterable, Sendable { case durable, buffered }
  package enum Tls: String, CaseIterable, Sendable {
    case none
    case terminatedByProxy = "terminated-by-proxy"
  }
  package enum LogLevel: String, CaseIterable, Comparable, Sendable {
    case debug, info, warn, error

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }
  }
  package enum LogFormat: String, CaseIterable, Sendable { case text, json }

  // Data
  package var data = "/var/lib/apus"
  package var durability = Durability.durable

  // Who may come in, and where
  package var listen = [ListenAddress.usual]
  package var unixSocket: String?
  package var usesTokens = false
  package var tls = Tls.none
  package var isNetworkTrusted = false

  // Loops and limits
  /// Nil: one per core, at most 64.
  package var loops: Int?
  package var connectionsMax = 16_384
  package var frameByteCountMax = ServerLimits.bodyByteCountMax
  package var inFlightMax = 256
  package var rowsMax = 10_000
  /// Nil: never.
  package var compressFrom: Int? = 4_096
  package var outputByteCountMax = 32 << 20
  package var memoryByteCountMax = 1 << 30
  /// Nil: never.
  package var idleNanoseconds: UInt64? = 600 * Configuration.second
  package var slowReaderNanoseconds: UInt64? = 10 * Configuration.second
  package var slowSenderNanoseconds: UInt64 = 30 * Configuration.second
  package var drainNanoseconds: UInt64 = 10 * Configuration.second

  // Training sets
  package var exportsMax = SessionOptions().exportsMax
  package var exportByteCount = SessionOptions().exportByteCount
  package var exportSpineByteCountMax = SessionOptions().exportSpineByteCountMax
  package var exportIdleNanoseconds = SessionOptions().exportIdleNanoseconds

  // The store's memory, disk and pace
  package var overlayByteCount = StoreLimits.overlayByteCountBudget
  package var lookupByteCount = StoreOptions().lookupByteCountMax
  package var generationByteCount = StoreLimits.generationByteCount
  package var generationAgeNanoseconds = StoreLimits.generationAgeNanoseconds
  package var segmentByteCount = 64 << 20
  package var diskReserveByteCount = Int(clamping: StoreLimits.diskReserveByteCount)
  package var groupByteCountMax = StoreLimits.groupByteCountMax
  package var waitingRequestsMax = StoreLimits.waitingRequestsMax
  package var waitingByteCountMax = StoreLimits.waitingByteCountMax

  // Upkeep
  package var scrubPeriodNanoseconds: UInt64? = StoreLimits.scrubPeriodNanoseconds
  package var deadLetterByteCountMax = Int(clamping: StoreLimits.deadLetterByteCountMax)
  package var deadLetterAgeNanosecondsMax = UInt64(StoreLimits.deadLetterAgeNanosecondsMax)
  package var producerIdleNanosecondsMax = UInt64(StoreLimits.producerIdleNanosecondsMax)
  package var eraseWithinNanoseconds = UInt64(CompactionLimits.eraseWithinNanoseconds)

  // Logs
  package var logLevel = LogLevel.info
  package var logFormat = LogFormat.text

  package init() {}

  static let second: UInt64 = 1_000_000_000
  package static let loopsMax = 64

  package func loopCount(cores: Int) -> Int { loops ?? max(1, min(cores, Self.loopsMax)) }
}

// MARK: What is not allowed together

extension Configuration {
  /// Why a server must not start with this; nil when it may.
  package struct Refusal: Equatable, Sendable {
    package let what: String
    /// The setting at fault.
    package let setting: String
    package let next: String
  }

  package var refusal: Refusal? {
    if listen.isEmpty, unixSocket == nil {
      return Refusal(
        what: "the server would listen nowhere", setting: "listen",
        next: "give `listen` an address such as \(ListenAddress.usual), or `unix_socket` a path")
    }
    if let open = listen.first(where: { !$0.isLoopback }) {
      let reach = "\(open) can be reached from other machines"
      guard usesTokens else {
        return Refusal(
          what: "\(reach), and tokens are off: anybody there could read and write everything",
          setting: "listen",
          next:
            "set `tokens: on` and make tokens with `apus token create`, or listen on \(ListenAddress.usual)")
      }
      guard tls == .terminatedByProxy || isNetworkTrusted else {
        return Refusal(
          what: "\(reach), and tokens and values would cross the network in the clear", setting: "listen",
          next: "put a proxy in front that speaks TLS and say `tls: terminated-by-proxy`, or say "
            + "`trusted_network: on` if nobody else can listen there")
      }
    }
    if overlayByteCount < generationByteCount {
      return Refusal(
        what: "`overlay_memory` is less than one generation", setting: "overlay_memory",
        next: "give `overlay_memory` at least as much as `generation_size`, better four times as much")
    }
    if memoryByteCountMax < 2 * frameByteCountMax {
      return Refusal(
        what: "`max_memory` does not hold one frame in each direction", setting: "max_memory",
        next: "give `max_memory` at least twice `max_frame`, or lower `max_frame`")
    }
    if outputByteCountMax < frameByteCountMax {
      return Refusal(
        what: "`max_output` does not hold the longest reply", setting: "max_output",
        next: "give `max_output` at least as much as `max_frame`, or lower `max_frame`")
    }
    return nil
  }
}
