// What a life is told to do, from its command line.

import ApusIndex
import ApusLog
import ApusStore

struct Plan: Sendable {
  enum Verb: String {
    case live, verify, store, damage
    case verifyStore = "verify-store"
  }
  enum Via: String { case writer, appender }
  enum Attack: String { case kill, power }

  static let usage = """
    usage: ApusLife live --data DIR --journal FILE --seed N [--frames N] [--rounds N] [--segment BYTES]
             [--durability durable|buffered] [--via writer|appender] [--group N] [--retire] [--stutter] [--tell] [--ask]
             [--compact]
           ApusLife verify --data DIR --journal FILE [--after kill|power] [--leave open]
           ApusLife store, ApusLife verify-store: the same of a whole store; --via and --retire are the log's alone, --compact
             is the store's
           ApusLife damage --data DIR --journal FILE --seed N --from N --to N
      --frames   frames in a round; a round ends with closing the log or with dropping it
      --group    frames that wait for one sync, at most
      --retire   gives old segments up
      --compact  turns the log into history, merges it, reads the past, erases for good
      --stutter  makes every write a few short ones
      --tell     repeats acknowledgements on the standard output
      --ask      says `sync?` before each sync, `full?` when the disk is full, and waits for a line
      --leave    open: verify leaves the store as a killed process would
      --after    what came before: a store that loses power may lose what was only buffered
      --from     the first attack on an index, --to the one after the last
    """

  struct Misuse: Error, CustomStringConvertible { let description: String }

  let verb: Verb
  let data: String
  let journal: String
  var seed: UInt64 = 0
  var frames = 40
  var rounds = 3
  var group = 4
  var segment: UInt64 = 8 << 10
  var durability = Durability.durable
  var via = Via.writer
  var attack = Attack.kill
  var retires = false
  var compacts = false
  var stutters = false
  var tells = false
  var asks = false
  var leavesOpen = false
  var from = 0
  var to = 1

  init(_ words: some Sequence<String>) throws(Misuse) {
    var words = Array(words)
    guard !words.isEmpty, let verb = Verb(rawValue: words.removeFirst()) else {
      throw Misuse(description: "the first word must be a verb")
    }
    self.verb = verb
    var data: String?
    var journal: String?
    while !words.isEmpty {
      let option = words.removeFirst()
      switch option {
      case "--retire": retires = true
      case "--compact": compacts = true
      case "--stutter": stutters = true
      case "--tell": tells = true
      case "--ask": asks = true
      case "--data": data = try Plan.take(option, &words) { $0 }
      case "--journal": journal = try Plan.take(option, &words) { $0 }
      case "--seed": seed = try Plan.take(option, &words) { UInt64($0) }
      case "--frames": frames = try Plan.take(option, &words) { Int($0) }
      case "--rounds": rounds = try Plan.take(option, &words) { Int($0) }
      case "--group": group = try Plan.take(option, &words) { Int($0).flatMap { $0 > 0 ? $0 : nil } }
      case "--segment":
        segment = try Plan.take(option, &words) { UInt64($0).flatMap { $0 >= 8 << 10 ? $0 : nil } }
      case "--durability": durability = try Plan.take(option, &words) { Durability(rawValue: $0) }
      case "--via": via = try Plan.take(option, &words) { Via(rawValue: $0) }
      case "--after": attack = try Plan.take(option, &words) { Attack(rawValue: $0) }
      case "--from": from = try Plan.take(option, &words) { Int($0) }
      case "--to": to = try Plan.take(option, &words) { Int($0) }
      case "--leave": leavesOpen = try Plan.take(option, &words) { $0 == "open" ? true : nil }
      default: throw Misuse(description: "\(option) is no option")
      }
    }
    guard let data, let journal else { throw Misuse(description: "--data and --journal must be named") }
    self.data = data
    self.journal = journal
  }

  private static func take<T>(
    _ option: String, _ words: inout [String], _ parse: (String) -> T?
  ) throws(Misuse) -> T {
    guard !words.isEmpty, let value = parse(words.removeFirst()) else {
      throw Misuse(description: "\(option) wants another value")
    }
    return value
  }

  /// Small steps, so that a short life reserves LSNs many times.
  var logOptions: LogOptions {
    var options = LogOptions()
    options.segmentByteCount = segment
    options.ceilingStep = 64
    options.creates = verb == .live || verb == .store
    return options
  }

  /// A small store does in seconds what a large one does in months: segments end, checkpoints take several transactions.
  var storeOptions: StoreOptions {
    var options = StoreOptions()
    options.log = logOptions
    options.log.segmentByteCount = max(segment, 64 << 10)
    options.durability = durability
    options.overlayByteCountBudget = 16 << 20
    options.generationByteCount = 96 << 10
    options.index.dirtyPagesMax = 24
    options.diskReserveByteCount = 0
    options.scrubPeriodNanoseconds = nil
    return options
  }
}
