// Where a server listens, as people write it: `127.0.0.1:7399`, `[::1]:7399`, `localhost:7399`. Names that only a resolver
// knows are refused: who may reach a server must be seen from the file, and not from what a name means today.

package import ApusSystem

package struct ListenAddress: Hashable, Sendable {
  /// 4 bytes, or 16 of IPv6.
  package let host: [UInt8]
  package let port: UInt16

  package init?(host: [UInt8], port: UInt16) {
    guard host.count == 4 || host.count == 16 else { return nil }
    self.host = host
    self.port = port
  }

  private init(v4 host: [UInt8], port: UInt16) {
    self.host = host
    self.port = port
  }

  package static let usualPort: UInt16 = 7_399
  package static let usual = ListenAddress(v4: [127, 0, 0, 1], port: usualPort)

  /// Nil when it is none of the spellings above.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard let port = Self.number(digits, max: UInt16.max) else { return nil }
    let name = text[..<colon]
    if name == "localhost" {
      self.init(v4: [127, 0, 0, 1], port: port)
    } else if name.hasPrefix("["), name.hasSuffix("]"), let host = Self.v6(name.dropFirst().dropLast()) {
      self.init(host: host, port: port)
    } else if let host = Self.v4(name) {
      self.init(host: host, port: port)
    } else {
      return nil
    }
  }

  /// Whether only this machine can reach it.
  package var isLoopback: Bool {
    if host.count == 4 { return host[0] == 127 }
    let isMapped = host[..<10].allSatisfy { $0 == 0 } && host[10] == 0xFF && host[11] == 0xFF
    return isMapped ? host[12] == 127 : host[..<15].allSatisfy { $0 == 0 } && host[15] == 1
  }

  // MARK: Reading

  private static func number<N: FixedWidthInteger>(_ text: Substring, max: N) -> N? {
    guard !text.isEmpty, text.utf8.count <= 5, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return N(text)
  }

  private static func v4(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    // `010` is eight to some and ten to others, so it is nothing here.
    let bytes = parts.compactMap { $0.count > 1 && $0.hasPrefix("0") ? nil : number($0, max: UInt8.max) }
    return bytes.count == 4 ? bytes : nil
  }

  private static func v6(_ text: Substring) -> [UInt8]? {
    let halves = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let gap = text.firstRange(of: "::") else {
      let groups = halves.compactMap(group)
      return groups.count == 8 && halves.count == 8 ? bytes(groups) : nil
    }
    guard text[gap.upperBound...].firstRange(of: "::") == nil, !text[gap.upperBound...].hasPrefix(":") else {
      return nil
    }
    let before = text[..<gap.lowerBound].split(separator: ":", omittingEmptySubsequences: false)
    let after = text[gap.upperBound...].split(separator: ":", omittingEmptySubsequences: false)
    let first = before == [""] ? [] : before.map(group)
    let last = after == [""] ? [] : after.map(group)
    let known = (first + last).compactMap { $0 }
    guard known.count == first.count + last.count, known.count <= 7 else { return nil }
    let zeroes = [UInt16](repeating: 0, count: 8 - known.count)
    return bytes(known[..<first.count] + zeroes + known[first.count...])
  }

  private static func group(_ text: Substring) -> UInt16? {
    guard 1...4 ~= text.utf8.count, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
      return nil
    }
    return UInt16(text, radix: 16)
  }

  private static func bytes(_ groups: some Sequence<UInt16>) -> [UInt8] {
    groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
  }
}

extension ListenAddress: CustomStringConvertible {
  /// As it is read; of IPv6, with the longest run of zeroes left out.
  package var description: String {
    if host.count == 4 { return host.map { "\($0)" }.joined(separator: ".") + ":\(port)" }
    let groups = (0..<8).map { UInt16(host[2 * $0]) << 8 | UInt16(host[2 * $0 + 1]) }
    var best = 0..<0
    var start = 0
    while start < 8 {
      let end = groups[start...].firstIndex { $0 != 0 } ?? 8
      if end - start > max(1, best.count) { best = start..<end }
      start = end + 1
    }
    func spelled(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if best.isEmpty { return "[\(spelled(groups[...]))]:\(port)" }
    return "[\(spelled(groups[..<best.lowerBound]))::\(spelled(groups[best.upperBound...]))]:\(port)"
  }
}

extension ListenAddress {
  /// As the kernel takes it.
  package var socketAddress: SocketAddress {
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    if host.count == 4 { return .v4(UInt32(number(host[0..<4])), port: port) }
    return .v6(number(host[0..<8]), number(host[8..<16]), port: port)
  }
}
