// The table of settings: everything that a file, the environment or a flag may say is a row here, and nothing else is. The
// file that documents them (Config/apus.yaml), the help and `apus config show` are made from it.

import ApusContracts
import ApusStore

package enum Settings {
  package static let all: [Setting] = data + network + limits + exports + store + upkeep + logs

  package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

  private static func period(_ seconds: Int64) -> Period {
    Period(nanoseconds: seconds * 1_000_000_000) ?? .minute
  }
  private static let day: Int64 = 86_400

  private static let data: [Setting] = [
    Setting(
      name: "data", group: .data, expected: "a path", placeholder: "DIR",
      effect: "The folder of the store: log, index and tokens. Made if it is not there.",
      take: { text, all in
        guard let path = path(text) else { return false }
        all.data = path
        return true
      }, spell: \.data),
    .choice(
      .data, "durability", \.durability,
      "When a push is acknowledged: durable, when a sync has covered it, so that it survives a power cut; "
        + "buffered, when it is in the file, so that it survives a killed process, and a power cut some 10 ms later."
    ),
  ]

  private static let network: [Setting] = [
    Setting(
      name: "listen", group: .network, expected: "addresses such as 127.0.0.1:7399 or [::1]:7399, or none",
      placeholder: "ADDR,...",
      effect: "TCP addresses. One that other machines can reach is refused unless tokens are on, and tls or "
        + "trusted_network says why what crosses the network is safe. Port 0 takes any free one.",
      take: { text, all in
        guard let addresses = addresses(text) else { return false }
        all.listen = addresses
        return true
      },
      spell: { all in
        all.listen.isEmpty ? Setting.none : all.listen.map(\.description).joined(separator: ", ")
      }),
    Setting(
      name: "unix_socket", group: .network, expected: "a path of at most 107 bytes, or none",
      placeholder: "PATH",
      effect:
        "A Unix socket for callers on this machine, one hop cheaper than TCP. Whoever may open it needs "
        + "a token all the same when tokens are on.",
      take: { text, all in
        if text == Setting.none {
          all.unixSocket = nil
          return true
        }
        guard let path = path(text), path.utf8.count <= 107 else { return false }
        all.unixSocket = path
        return true
      }, spell: { $0.unixSocket ?? Setting.none }),
    .toggle(
      .network, "tokens", \.usesTokens,
      "Whether a client must show a token (`apus token create`). Off: whoever can connect may do everything."),
    .choice(
      .network, "tls", \.tls,
      "What encrypts the way to other machines: none, or terminated-by-proxy when a proxy in front does. "
        + "The server itself speaks no TLS."),
    .toggle(
      .network, "trusted_network", \.isNetworkTrusted,
      "States that nobody else can listen on the network, so that tokens may cross it in the clear."),
  ]

  private static let limits: [Setting] = [
    Setting(
      name: "loops", group: .limits, expected: "a whole number from 1 to \(Configuration.loopsMax), or auto",
      placeholder: "N",
      effect: "Threads that serve connections. auto: one per core, at most \(Configuration.loopsMax).",
      take: { text, all in
        if text == "auto" {
          all.loops = nil
          return true
        }
        guard let count = Setting.whole(text), 1...Configuration.loopsMax ~= count else { return false }
        all.loops = count
        return true
      }, spell: { $0.loops.map { "\($0)" } ?? "auto" }),
    .count(
      .limits, "max_connections", \.connectionsMax, 1...1_000_000,
      "Connections at a time. One more is told to come again, and closed."),
    .size(
      .limits, "max_frame", \.frameByteCountMax, 65_536...ServerLimits.bodyByteCountMax,
      "The longest request, and the longest reply. A longer request ends its connection."),
    .count(
      .limits, "max_in_flight", \.inFlightMax, 1...65_536,
      "Requests of one connection that wait for an answer. With more, the connection is not read."),
    .count(
      .limits, "max_rows", \.rowsMax, 1...65_535, "Keys of one GET, and rows of one PUSH."),
    .optionalSize(
      .limits, "compress_from", \.compressFrom, 64...ServerLimits.bodyByteCountMax,
      "The shortest body that is compressed, in both directions, with a client that asks for it; a client may name a "
        + "larger one. Replies of one row never are. none: never."),
    .size(
      .limits, "max_output", \.outputByteCountMax, 65_536...(1 << 32),
      "Replies that one connection has not read yet. With more, its requests are not read."),
    .size(
      .limits, "max_memory", \.memoryByteCountMax, (1 << 20)...(1 << 42),
      "The buffers of all connections together. Near it, no new request is read."),
    .optionalDuration(
      .limits, "idle_timeout", \.idleNanoseconds, period(1)...period(30 * day),
      "After so long without a request, a connection is closed. none: never."),
    .optionalDuration(
      .limits, "slow_reader_timeout", \.slowReaderNanoseconds, period(1)...period(3_600),
      "A connection that reads none of its replies for so long is cut off. none: never."),
    .duration(
      .limits, "slow_sender_timeout", \.slowSenderNanoseconds, period(1)...period(3_600),
      "How long a request may take from its first byte to its last. A slower connection is cut off."),
    .duration(
      .limits, "drain_timeout", \.drainNanoseconds, period(1)...period(3_600),
      "At a shutdown, how long requests under way may take before their connections are cut off."),
  ]

  private static let exports: [Setting] = [
    .count(
      .exports, "max_exports", \.exportsMax, 0...64,
      "Training sets that are made at a time. One more is answered OVERLOADED. 0: none is made here, which is UNSUPPORTED."
    ),
    .size(
      .exports, "export_memory", \.exportByteCount, (1 << 20)...(1 << 40),
      "What one holds in memory, about. The rest of what it needs goes into files without names in the store's folder. A batch of its "
        + "spine may be half of it."),
    .size(
      .exports, "export_spine_size", \.exportSpineByteCountMax, (1 << 16)...(1 << 46),
      "The longest spine that a client may send."),
    .duration(
      .exports, "export_idle_timeout", \.exportIdleNanoseconds, period(1)...period(day),
      "An export whose client gives nothing of its spine, or takes nothing of its set, for so long ends with DEADLINE."
    ),
  ]

  private static let store: [Setting] = [
    .size(
      .store, "overlay_memory", \.overlayByteCount, (1 << 20)...(1 << 42),
      "Memory for what the index does not have yet. Full, pushes are answered OVERLOADED until a checkpoint is done."
    ),
    .size(
      .store, "lookup_memory", \.lookupByteCount, 0...(1 << 40),
      "Memory for where rows lie in the index, 8 bytes each, so that the next read of one goes straight there."
    ),
    .size(
      .store, "generation_size", \.generationByteCount, (1 << 16)...(1 << 40),
      "New rows are put into the index when they are so many bytes."),
    .duration(
      .store, "generation_age", \.generationAgeNanoseconds, period(1)...period(day),
      "... or when the oldest of them is so old. The longer, the more a restart replays."),
    .size(
      .store, "segment_size", \.segmentByteCount, (8 << 20)...(1 << 32),
      "A file of the log. It is reserved on disk as a whole, and no push may be longer than it is."),
    .size(
      .store, "disk_reserve", \.diskReserveByteCount, 0...(1 << 42),
      "With less free space than this, pushes are refused with DISK_FULL, and reads go on."),
    .size(
      .store, "group_size", \.groupByteCountMax, (1 << 16)...(1 << 28),
      "Pushes that share one sync are at most so many bytes."),
    .count(
      .store, "max_waiting_requests", \.waitingRequestsMax, 1...1_000_000,
      "Pushes of all connections that wait to be written. One more is answered OVERLOADED."),
    .size(
      .store, "max_waiting_bytes", \.waitingByteCountMax, (1 << 16)...(1 << 36),
      "... and what they weigh together."),
  ]

  private static let upkeep: [Setting] = [
    .optionalDuration(
      .upkeep, "scrub_period", \.scrubPeriodNanoseconds, period(60)...period(3_650 * day),
      "How often every key of the index is verified in the background. none: only when asked."),
    .size(
      .upkeep, "dead_letter_quota", \.deadLetterByteCountMax, 0...(1 << 42),
      "What rows that were set aside and wait may weigh. Beyond it, a push that would set more aside is refused."
    ),
    .duration(
      .upkeep, "dead_letter_age", \.deadLetterAgeNanosecondsMax, period(60)...period(3_650 * day),
      "When the oldest row that was set aside waits for so long, a push that would set more aside is refused."
    ),
    .duration(
      .upkeep, "producer_idle", \.producerIdleNanosecondsMax, period(60)...period(3_650 * day),
      "A producer that sent nothing for so long expires: it opens again before it goes on, and what it sent last is no longer known."
    ),
    .duration(
      .upkeep, "erase_within", \.eraseWithinNanoseconds, period(60)...period(365 * day),
      "By then the bytes of a key that was erased are gone from every file. Several erasures are carried out together, from half of the time on."
    ),
  ]

  private static let logs: [Setting] = [
    .choice(.logs, "log_level", \.logLevel, "The least that is logged."),
    .choice(
      .logs, "log_format", \.logFormat,
      "text: lines for people. json: one object a line. Both go to standard error."),
  ]

  // MARK: Kinds of one setting only

  /// Without slashes at its end; nil for what names nothing.
  private static func path(_ text: String) -> String? {
    guard !text.isEmpty, !text.utf8.contains(0) else { return nil }
    var path = text[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  private static func addresses(_ text: String) -> [ListenAddress]? {
    if text == Setting.none { return [] }
    var all: [ListenAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let address = ListenAddress(String(part.drop { $0 == " " })) else { return nil }
      // Named twice, it would be in use the second time.
      if !all.contains(address) || address.port == 0 { all.append(address) }
    }
    return all
  }
}
