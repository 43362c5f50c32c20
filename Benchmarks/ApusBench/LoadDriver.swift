// The Swift side of the load driver: requests that were made beforehand, and connections that they go over.

import ApusBytes
import CLoad
import Glibc

/// Where the payload lies in every reply.
struct PayloadPlace {
  /// Bytes of the whole reply.
  let replyByteCount: Int
  let at: Int
  /// Of one piece; a multiple of 8.
  let byteCount: Int
  /// From a piece to the next.
  var stride = 0
  var pieces = 1
}

/// Requests, what each must be answered with, and where the answer lies.
final class LoadPlan {
  private let requests: [UInt8]
  private let starts: [Int]
  private let place: PayloadPlace
  /// What the words of each answer add up to.
  private let sums: [UInt64]

  var count: Int { sums.count }
  /// Of all requests together, divided by their number.
  var requestByteCount: Int { requests.count / count }
  var replyByteCount: Int { place.replyByteCount }

  init(requests: [[UInt8]], sums: [UInt64], place: PayloadPlace) {
    precondition(!requests.isEmpty && requests.count == sums.count, "every request has an answer")
    var starts = [0]
    for request in requests { starts.append(starts[starts.count - 1] + request.count) }
    self.requests = requests.flatMap(\.self)
    self.starts = starts
    self.sums = sums
    self.place = place
  }

  func request(_ number: Int) -> [UInt8] { Array(requests[starts[number]..<starts[number + 1]]) }

  /// What so many answers from the one to request `first` on must add up to.
  private func sum(first: Int, count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for number in first..<(first + count) { sum &+= sums[number % sums.count] }
    return sum
  }

  private func check(_ sum: UInt64, first: Int, count: Int, _ what: String) throws {
    let expected = self.sum(first: first, count: count)
    guard sum == expected else {
      throw BenchError("\(what): \(count) answers add up to \(sum), not to \(expected)")
    }
  }

  private func lend<Result>(_ body: (UnsafePointer<apus_load_plan>) -> Result) -> Result {
    unsafe requests.withUnsafeBufferPointer { requests in
      unsafe starts.withUnsafeBufferPointer { starts in
        var plan = unsafe apus_load_plan(
          requests: requests.baseAddress, starts: starts.baseAddress, count: count,
          reply_size: place.replyByteCount, payload_at: place.at, payload_size: place.byteCount,
          payload_stride: place.stride, payload_count: place.pieces)
        return unsafe body(&plan)
      }
    }
  }

  /// Nanoseconds that each of `count` requests took, one after another, and what the answers add up to.
  func oneByOne(
    _ connection: LoadConnection, first: Int, count: Int, _ what: String
  ) throws -> (times: [UInt64], sum: UInt64) {
    var times = [UInt64](repeating: 0, count: count)
    var sum: UInt64 = 0
    let code = unsafe lend {
      unsafe apus_load_one_by_one(connection.descriptor, $0, first, count, &times, &sum)
    }
    try LoadConnection.check(what, code)
    try check(sum, first: first, count: count, what)
    return (times, sum)
  }

  /// Every connection makes `count` requests, `window` of them in flight; says what all answers add up to.
  func pipelined(_ connections: [LoadConnection], window: Int, count: Int, _ what: String) throws -> UInt64 {
    let descriptors = connections.map(\.descriptor)
    var sum: UInt64 = 0
    let code = unsafe lend {
      unsafe apus_load_pipelined(descriptors, descriptors.count, $0, window, count, &sum)
    }
    try LoadConnection.check(what, code)
    try check(sum, first: 0, count: count * connections.count, what)
    return sum
  }
}

/// Where a server listens.
struct LoadAddress {
  let port: UInt16
  let unixPath: String

  /// A port nobody had a moment ago, and a path nobody will have.
  static func fresh(_ bench: Bench) throws -> LoadAddress {
    let port = apus_load_free_port()
    guard port != 0 else { throw BenchError("there is no free port") }
    return LoadAddress(port: port, unixPath: bench.scratch.fresh() + ".sock")
  }
}

/// A connection whose reads and writes wait.
final class LoadConnection {
  fileprivate let descriptor: Int32

  init(_ address: LoadAddress, isUnix: Bool = false) throws {
    var found: Int32 = -1
    let code =
      unsafe isUnix
      ? apus_load_connect_unix(address.unixPath, &found) : apus_load_connect_tcp(address.port, &found)
    try Self.check("connect", code)
    descriptor = found
  }

  deinit { apus_load_close(descriptor) }

  static func check(_ what: String, _ code: Int32) throws {
    if code != 0 { throw BenchError("\(what): \(unsafe String(cString: strerror(code)))") }
  }

  /// Sends a request, and receives so many bytes of what answers it.
  func exchange(_ request: [UInt8], replyByteCount: Int) throws -> [UInt8] {
    var reply = [UInt8](repeating: 0, count: replyByteCount)
    try Self.check(
      "exchange",
      unsafe apus_load_exchange(descriptor, request, request.count, &reply, replyByteCount))
    return reply
  }
}

/// The server on the first processor, who measures on the last: so for all servers.
enum Processors {
  static func pinServer() throws { try pin(0) }
  static func pinDriver() throws { try pin(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1) }
  static func free() { _ = apus_load_pin(-1) }

  private static func pin(_ processor: Int) throws {
    try LoadConnection.check("sched_setaffinity", apus_load_pin(Int32(processor)))
  }
}
