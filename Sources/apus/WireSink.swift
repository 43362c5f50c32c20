// Rows into a server. A block is one request, so that with a producer the offset that the server stores is always that of the
// rows beside it: a row that cannot stand in the request of those before it begins another block. What was sent and not answered
// is sent again only under its old number, which the server knows; without a producer it is told instead.

import ApusBytes
import ApusContracts
import ApusIngest
import ApusSystem
import ApusWire

final class WireSink: RowSink {
  struct Producer {
    let name: String
    var id: UInt32
    var epoch: UInt32
    var lastSequence: UInt64
  }

  /// How long a server may be away or too busy before the load ends.
  static let patienceNanoseconds: UInt64 = 30_000_000_000
  static let pauseMilliseconds: UInt32 = 50
  /// No answer comes later than this.
  private static let milliseconds: Int32 = 30_000
  private static let byteCountMax = 4 << 20

  private let peer: Remote.Peer
  /// Nil when it was lost.
  private var connection: RemoteConnection?
  private let address: SocketAddress
  private let target: LoadTarget
  private let schema: KeySchema
  private let head: PushHead
  private var producer: Producer?
  private let clock = SystemClock()

  private let rowsMax: Int
  private let bodyByteCountMax: Int
  /// Of a body, besides its rows.
  private let headByteCount: Int
  /// Of a row, its cells of fixed size and what stands for those of others.
  private let cellsByteCount: Int
  /// Of the rows that will be one block.
  private var gathered = Gathered()

  fileprivate struct Gathered {
    var count = 0
    var types: [FeatureType?] = []
    /// Of cells of variable size, and keys.
    var byteCount = 0
    /// What every row has more when a cell of fixed size is not of its feature's type.
    var wider = 0
  }

  init(
    _ peer: Remote.Peer, _ connection: consuming RemoteConnection, _ target: LoadTarget, _ head: PushHead,
    _ producer: Producer?
  ) {
    self.peer = peer
    address = connection.address
    rowsMax = connection.rowsMax
    bodyByteCountMax = connection.bodyByteCountMax
    self.connection = consume connection
    self.target = target
    schema = KeySchema(target.keys.map(\.type))
    self.head = head
    self.producer = producer
    headByteCount = target.features.reduce(1_024) { $0 + $1.name.utf8.count + 64 }
    cellsByteCount = target.features.reduce(0) {
      $0 + 1 + max(8, $1.type.slotByteCount ?? $1.type.vectorByteCount ?? 8)
    }
  }

  // MARK: Blocks

  func joins(_ row: FileRow, behind count: Int) -> Bool {
    if count == 0 { gathered = Gathered() }
    var next = gathered
    let agrees = next.take(row)
    let byteCount = next.byteCount + next.count * (cellsByteCount + next.wider + 32)
    let max = min(bodyByteCountMax - headByteCount, Self.byteCountMax)
    if count == 0 || agrees && next.count <= rowsMax && byteCount <= max {
      gathered = next
      return true
    }
    gathered = Gathered()
    _ = gathered.take(row)
    return false
  }

  func submit(_ block: RowBlock) throws(Trouble) -> RowOutcome {
    var outcome = RowOutcome()
    var head = head
    head.columns = block.event == .upsert ? block.columns : []
    var rows = WireRows(types(of: block))
    var places: [Int] = []
    var encoder = KeyEncoder()
    for (place, row) in block.rows.enumerated() {
      do throws(Uncarried) {
        try add(row, block.event, &encoder, to: &rows)
        places.append(place)
      } catch {
        outcome.refuse(error.rule, error.words, at: place)
      }
    }
    guard rows.count > 0 else { return outcome }
    if rows.count == 1, rows.byteCount + headByteCount > bodyByteCountMax {
      outcome.refuse("too_long", "the row is longer than a request may be", at: places[0])
      return outcome
    }
    let reply = try send(head, rows, block.event == .upsert ? .push : .delete, block.offset.bytes)
    outcome.accepted = Int(reply.accepted)
    outcome.setAside = Int(reply.setAside)
    outcome.erased = Int(reply.erased)
    outcome.setBack = Int(reply.setBack)
    for tally in reply.tallies where places.indices.contains(Int(tally.firstRow)) {
      outcome.add(tally.rule, tally.words, Int(tally.count), at: places[Int(tally.firstRow)])
    }
    return outcome
  }

  /// What the protocol has no place for.
  private struct Uncarried: Error {
    let rule: String
    let words: String
  }

  private func add(
    _ row: FileRow, _ event: EventOperation, _ encoder: inout KeyEncoder, to rows: inout WireRows
  ) throws(Uncarried) {
    if let extra = row.extras.first { throw Uncarried(rule: "unknown_feature", words: extra.words) }
    do throws(KeyError) { try schema.encode(row.key, into: &encoder) } catch {
      throw Uncarried(rule: "key", words: "\(error)")
    }
    do throws(WireColumnError) {
      try rows.append(key: encoder.bytes, row.times, event == .upsert ? row.inputs : [])
    } catch {
      throw Uncarried(rule: "type", words: "a value is of no feature's type")
    }
  }

  /// Those of the values that there are: a row that is refused for one is kept as it was sent.
  private func types(of block: RowBlock) -> [FeatureType] {
    guard block.event == .upsert else { return [] }
    return block.columns.enumerated().map { column, name in
      let known = target.features.first { $0.name == name }?.type ?? .string
      guard block.rows.contains(where: \.hasMisfit) else { return known }
      for row in block.rows where row.inputs.indices.contains(column) {
        if case .value(let value) = row.inputs[column], let type = value.type { return type }
      }
      return known
    }
  }

  // MARK: Requests

  private func send(
    _ head: PushHead, _ rows: WireRows, _ type: MessageType, _ offset: [UInt8]
  ) throws(Trouble) -> PushReply {
    let giveUp = clock.monotonic().nanoseconds + Self.patienceNanoseconds
    while true {
      let isLate = clock.monotonic().nanoseconds > giveUp
      var wait = Self.pauseMilliseconds
      do throws(Trouble) {
        switch try exchange(head, rows, type, offset) {
        case .success(let reply):
          // Where nothing was written, the number is still free.
          if reply.first <= reply.last { producer?.lastSequence += 1 }
          return reply
        case .failure(let refusal):
          guard !isLate, mayRetry(refusal) else { throw Trouble(refusal, from: address) }
          wait = max(1, refusal.waitMilliseconds)
        }
      } catch {
        guard !isLate, producer != nil, error.isOfConnection else { throw error }
      }
      _ = Monitor(()).wait(for: UInt64(wait) * 1_000_000) { _ in false }
    }
  }

  /// Without a producer only what was certainly not taken is sent again.
  private func mayRetry(_ refusal: WireRefusal) -> Bool {
    switch refusal.code {
    case .overloaded, .rebuilding: true
    case .shuttingDown, .stopped, .deadline, .internal: producer != nil
    default: false
    }
  }

  private func exchange(
    _ head: PushHead, _ rows: WireRows, _ type: MessageType, _ offset: [UInt8]
  ) throws(Trouble) -> Result<PushReply, WireRefusal> {
    guard var connection = try connected() else {
      throw Trouble(
        "connection_lost", "the connection to the server was lost", at: "\(address)",
        next: "try again; with --producer NAME nothing is loaded twice")
    }
    var head = head
    head.producer = producer.map {
      PushHead.Producer(id: $0.id, epoch: $0.epoch, sequence: $0.lastSequence + 1, sourceOffset: offset)
    }
    // Only a connection that answered is asked again.
    switch try connection.exchange(
      type, milliseconds: Self.milliseconds, { head.encode(rows, into: &$0) })
    {
    case .failure(let refusal):
      if refusal.class != .session { self.connection = consume connection }
      return .failure(refusal)
    case .success(let body):
      let reply = try connection.read("PUSH's answer", body) { (body) throws(WireError) in
        try PushReply(decoding: body)
      }
      self.connection = consume connection
      return .success(reply)
    }
  }

  /// The connection, taken out; another when it was lost, with the producer taken again under a new epoch.
  private func connected() throws(Trouble) -> RemoteConnection? {
    if let connection = connection.take() { return connection }
    guard let held = producer else { return nil }
    var connection = try peer.connect()
    let opened = try Self.open(held.name, &connection)
    guard opened.lastSequence == held.lastSequence || opened.lastSequence == held.lastSequence + 1 else {
      throw Trouble(
        "fenced", "somebody else uses the producer `\(held.name)`", at: "\(address)",
        next: "let one process at a time use a name")
    }
    producer?.id = opened.id
    producer?.epoch = opened.epoch
    return connection
  }

  static func open(
    _ name: String, _ connection: inout RemoteConnection
  ) throws(Trouble) -> ProducerReply {
    let body = try connection.ask(.producer, milliseconds: milliseconds) {
      ProducerRequest(name: name).encode(into: &$0)
    }
    return try connection.read("PRODUCER's answer", body) { (body) throws(WireError) in
      try ProducerReply(decoding: body)
    }
  }
}

extension WireSink.Gathered {
  /// False when a value is of another type than those before it in its column; it is taken all the same.
  fileprivate mutating func take(_ row: FileRow) -> Bool {
    count += 1
    byteCount += row.key.reduce(64) { $0 + 2 * $1.variableByteCount }
    // Such a row is not sent.
    guard row.extras.isEmpty else { return true }
    if types.count < row.inputs.count {
      types += Array(repeating: nil, count: row.inputs.count - types.count)
    }
    var agrees = true
    for (column, input) in row.inputs.enumerated() {
      guard case .value(let value) = input else { continue }
      byteCount += value.variableByteCount
      let type = value.type
      if let known = types[column] { agrees = agrees && known == type } else { types[column] = type }
      if row.hasMisfit { wider += type?.vectorByteCount ?? 0 }
    }
    return agrees
  }
}

extension Value {
  /// At most what it takes beside the cells of fixed size.
  fileprivate var variableByteCount: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    case .list(.string(let all)): all.reduce(8) { $0 + $1.utf8.count + 4 }
    case .list(.bytes(let all)): all.reduce(8) { $0 + $1.count + 4 }
    case .list(let elements): 8 * elements.count
    default: 0
    }
  }
}

extension RowOutcome {
  fileprivate mutating func add(_ rule: String, _ words: String, _ count: Int, at place: Int) {
    guard let found = rules.firstIndex(where: { $0.rule == rule }) else {
      return rules.append(RuleOutcome(rule: rule, count: count, firstRow: place, words: words))
    }
    rules[found].count += count
  }

  fileprivate mutating func refuse(_ rule: String, _ words: String, at place: Int) {
    refused += 1
    add(rule, words, 1, at: place)
  }
}

extension Trouble {
  /// Whether another connection may mend it.
  var isOfConnection: Bool {
    ["connection_lost", "no_server", "no_answer", "system", "shutting_down", "rebuilding", "overloaded"]
      .contains(name)
  }
}
