// Addresses as the kernel takes and gives them, and host names, which only people use.

import CLinux

extension SocketAddress {
  /// Longer paths the kernel has no room for.
  package static let unixPathByteCountMax = Int(LINUX_UNIX_PATH_MAX)

  /// Nil for a path that is too long, or has a zero in it.
  var forKernel: linux_address? {
    var address = linux_address()
    switch self {
    case .v4(let host, let port):
      (address.family, address.port) = (LINUX_V4, port)
      unsafe withUnsafeMutableBytes(of: &address.host) {
        unsafe $0.storeBytes(of: host.bigEndian, as: UInt32.self)
      }
    case .v6(let high, let low, let port, let scope):
      (address.family, address.port, address.scope) = (LINUX_V6, port, scope)
      unsafe withUnsafeMutableBytes(of: &address.host) { host in
        unsafe host.storeBytes(of: high.bigEndian, as: UInt64.self)
        unsafe host.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
    case .unix(let path):
      guard path.utf8.count <= Self.unixPathByteCountMax, !path.utf8.contains(0) else { return nil }
      (address.family, address.path_length) = (LINUX_UNIX, UInt32(path.utf8.count))
      unsafe withUnsafeMutableBytes(of: &address.path) { unsafe $0.copyBytes(from: path.utf8) }
    }
    return address
  }

  init?(_ address: linux_address) {
    var address = address
    switch address.family {
    case LINUX_V4:
      let host = unsafe withUnsafeBytes(of: &address.host) { unsafe $0.load(as: UInt32.self) }
      self = .v4(UInt32(bigEndian: host), port: address.port)
    case LINUX_V6:
      let (high, low) = unsafe withUnsafeBytes(of: &address.host) {
        unsafe ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
      self = .v6(UInt64(bigEndian: high), UInt64(bigEndian: low), port: address.port, scope: address.scope)
    case LINUX_UNIX:
      let count = min(Int(address.path_length), Self.unixPathByteCountMax + 1)
      let path = unsafe withUnsafeBytes(of: &address.path) {
        unsafe String(decoding: $0.prefix(count), as: UTF8.self)
      }
      self = .unix(path: path)
    default: return nil
    }
  }

  /// The addresses of a host, which is a name or an address as people write it, in the order in which they should be tried. Asks
  /// the resolver, and so may wait for a network.
  package static func resolve(_ host: String, port: UInt16) throws(SystemError) -> [SocketAddress] {
    var found: [SocketAddress] = []
    for index: UInt32 in 0..<64 {
      var address = linux_address()
      let more = try Kernel.call("getaddrinfo", on: host) {
        unsafe linux_resolve(host, port, index, &address)
      }
      if more == 0 { break }
      if let one = SocketAddress(address) { found.append(one) }
    }
    if found.isEmpty { throw SystemError("getaddrinfo", .noEntry, on: host) }
    return found
  }

  /// Calls `body` with the address as the kernel takes it.
  func lend(
    to name: StaticString, _ body: (UnsafePointer<linux_address>) -> Int64
  ) throws(SystemError) -> CallResult {
    guard var address = forKernel else { throw SystemError("\(name)", .invalid, on: description) }
    return try Kernel.ask(name, on: description) {
      unsafe withUnsafePointer(to: &address) { unsafe body($0) }
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  /// As in `127.0.0.1:7417`, `[::1]:7417` (the scope, if any, behind a `%`) and `unix:/run/apus.sock`.
  package var description: String {
    switch self {
    case .v4(let host, let port):
      "\(host >> 24).\(host >> 16 & 255).\(host >> 8 & 255).\(host & 255):\(port)"
    case .v6(let high, let low, let port, let scope):
      "[\(Self.spelled(high, low))\(scope == 0 ? "" : "%\(scope)")]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The longest run of zeroes, from two groups on, as `::` (RFC 5952).
  private static func spelled(_ high: UInt64, _ low: UInt64) -> String {
    let groups = [high, low].flatMap { half in
      stride(from: 48, through: 0, by: -16).map { half >> $0 & 0xFFFF }
    }
    var longest = 0..<0
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start > max(longest.count, 1) { longest = start..<end }
      start = end + 1
    }
    let words = groups.map { String($0, radix: 16) }
    if longest.isEmpty { return words.joined(separator: ":") }
    return words[..<longest.lowerBound].joined(separator: ":") + "::"
      + words[longest.upperBound...].joined(separator: ":")
  }
}
