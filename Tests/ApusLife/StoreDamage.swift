// An index is damaged, while its store is closed or while it is open, and the store must go on telling the truth: what it
// answers is right, or nothing; what is damaged is found by the opening, by a read or by the scrub; and afterwards it has
// healed itself from the log, with the state hash that a store has that nobody attacked.
//
// LMDB follows pointers wherever they lead, so an attack may end this process by a signal. Whoever started it then starts
// it again, from that attack on: the store must rebuild the index, and be right.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

struct StoreDamage {
  /// The store that is attacked, as bytes, and what is in it.
  private let image: FolderImage
  private let data: String
  private let expected: [StoreKey: [StoreModel.Cell]]
  /// What cells once were: right then, and not any more.
  private let past: [StoreKey: Set<String>]
  /// The hash after `last` was pushed too.
  private let healthy: SHA256.Digest
  private let seed: UInt64
  private let folder: String

  private static let requests: UInt64 = 400

  /// One line to the journal for each attack: its number, a word, and what was done. `WRONG`, `MISSED` and `BROKEN` must never be.
  static func run(_ plan: Plan) -> Int32 {
    do {
      let damage = try StoreDamage(plan)
      let journal = Journal(plan.journal, tells: false)
      for number in plan.from..<plan.to {
        let attack = Attack(number, seed: plan.seed, byteCount: damage.image.files[damage.data]?.count ?? 0)
        if number == plan.from, try damage.isUnderAttack(number) {
          journal.say("\(number) \(damage.wordAfterDeath()) \(attack)")
        } else {
          journal.say("\(number) \(try damage.word(of: attack)) \(attack)")
        }
      }
      return 0
    } catch {
      complain("seed \(plan.seed): \(error)")
      return ExitCode.promiseBroken
    }
  }

  private static func options() -> StoreOptions {
    var options = StoreOptions()
    options.log.segmentByteCount = 256 << 10
    options.log.ceilingStep = 64
    options.overlayByteCountBudget = 16 << 20
    options.index.dirtyPagesMax = 24
    options.diskReserveByteCount = 0
    options.scrubPeriodNanoseconds = nil
    return options
  }

  private static func open(_ folder: String, _ script: StoreScript, _ clock: SimulatedClock)
    throws(StoreError)
    -> StoreHand
  {
    var random = SplitMix64(seed: 5)
    return try StoreHand.open(
      folder, clock: clock, random: &random, options(), stops: Monitor(0), script: script)
  }

  /// A store with a past: free pages, older copies of leaves, rows on pages of their own. The same for the same seed.
  private init(_ plan: Plan) throws {
    seed = plan.seed
    folder = plan.data
    let script = StoreScript(seed: seed)
    let made = plan.data + ".made"
    FolderImage.remove(made)
    defer { FolderImage.remove(made) }
    let clock = SimulatedClock()
    let hand = try Self.open(made, script, clock)
    defer { hand.store.abandon() }
    _ = try hand.store.apply(StoreScript.definition(0))
    let opening = try hand.store.openProducer(StoreScript.producer)
    var model = StoreModel()
    var past: [StoreKey: Set<String>] = [:]
    for number in 1...Self.requests {
      for row in script.rows(of: number) {
        past[row.key, default: []].insert("\(model.cells[row.key] ?? [])")
      }
      clock.advance(nanoseconds: 1_000_000)
      let batch = try hand.batch(number)
      _ = try hand.store.append(
        batch, hand.ticket(number, batch, producer: opening.producer, epoch: opening.epoch))
      model.apply(script.rows(of: number))
      if number % 40 == 0 { try hand.store.checkpoint() }
    }
    try hand.close()
    image = try FolderImage(of: made)
    guard let data = image.files.keys.first(where: { $0.hasSuffix("/data.mdb") }) else {
      throw BrokenPromise(description: "a closed store has no index")
    }
    self.data = data
    self.past = past
    expected = model.cells
    // What a store in health has after the same words.
    let again = try Self.open(made, script, Self.clock())
    defer { again.store.abandon() }
    try Self.write(to: again)
    healthy = try again.store.stateHash()
  }

  /// Later than everything in the image.
  private static func clock() -> SimulatedClock {
    let clock = SimulatedClock()
    clock.advance(nanoseconds: 3_600_000_000_000)
    return clock
  }

  /// Writes a row of most keys: what can be written to was sound.
  private static func write(to hand: StoreHand) throws {
    var batch = hand.store.batch()
    for number in (requests + 1)...(requests + 12) { try hand.script.fill(&batch, number) }
    _ = try hand.store.append(try batch.admitted())
  }

  // MARK: One attack

  enum Outcome: String { case healed, untouched, died }

  private var now: String { folder + "/now" }

  private func isUnderAttack(_ number: Int) throws -> Bool {
    let disk = RealDisk()
    return try disk.entry(at: folder + "/attack-\(number)") != nil
  }

  private func word(of attack: Attack) throws -> String {
    let disk = RealDisk()
    if try disk.entry(at: folder) == nil { try disk.makeFolder(folder) }
    var image = image
    if !attack.isOpen { attack.apply(to: &image.files[data, default: []]) }
    try image.write(to: now)
    let mark = folder + "/attack-\(attack.number)"
    try disk.open(mark, .create).close()
    defer { try? disk.remove(mark) }
    let hand: StoreHand
    do { hand = try Self.open(now, StoreScript(seed: seed), Self.clock()) } catch {
      return "BROKEN(\(error))".joined
    }
    defer { hand.store.abandon() }
    do { return try judge(attack, hand) } catch { return "BROKEN(\(error))".joined }
  }

  /// What reading everything gave.
  private struct Reading {
    var lost = 0
    var past = 0
    var wrong: [String] = []
    /// The store itself said that something is damaged.
    var isFound = false
    var isRight: Bool { lost == 0 && past == 0 && wrong.isEmpty && !isFound }
  }

  private func judge(_ attack: Attack, _ hand: StoreHand) throws -> String {
    var reading = try attackAndRead(attack, hand)
    if case .rebuilt = hand.store.report.index { reading.isFound = true }
    let scrub = try scrubbed(hand)
    let isSound = scrub == true
    if scrub == nil { reading.isFound = true }
    if !reading.wrong.isEmpty { return "WRONG(\(reading.wrong[0]))".joined }
    if isSound, !reading.isFound, !reading.isRight { return "MISSED(\(reading.lost),\(reading.past))" }
    let isFound = reading.isFound || !isSound
    // A row behind the rebuild: what waits for its checkpoint waits for the other too.
    let hash = try healed(hand)
    if hash != healthy { return "BROKEN(the state is another than that of a store in health)".joined }
    let after = try hand.store.scrub()
    guard after.isSound else { return "BROKEN(\(after.damages))".joined }
    let words = (reading.past > 0 ? "+past" : "") + (reading.lost > 0 ? "+lost" : "")
    return (isFound ? Outcome.healed : .untouched).rawValue + words
  }

  private func attackAndRead(_ attack: Attack, _ hand: StoreHand) throws -> Reading {
    var reader = try hand.store.reader()
    if attack.isOpen {
      // Half of the pages are known to the process before.
      if attack.number % 4 == 1 { _ = try hand.read(StoreKey.all, &reader) }
      try attack.apply(toFile: now + data)
    }
    return read(hand, &reader)
  }

  /// Nil when the index is so damaged that it cannot be walked, or is being rebuilt.
  private func scrubbed(_ hand: StoreHand) throws(StoreError) -> Bool? {
    do throws(StoreError) { return try hand.store.scrub().isSound } catch {
      guard error.isFinding else { throw error }
      return nil
    }
  }

  /// Reads every key by itself, so that one damage does not hide another.
  private func read(_ hand: StoreHand, _ reader: inout StoreReader) -> Reading {
    var reading = Reading()
    for key in StoreKey.all {
      let found: [StoreModel.Cell]?
      do { found = try hand.read([key], &reader)[key] } catch {
        reading.isFound = true
        continue
      }
      guard let found, found != expected[key] else { continue }
      if found.allSatisfy({ $0 == .blank(.neverSeen) }) {
        reading.lost += 1
      } else if past[key]?.contains("\(found)") == true {
        reading.past += 1
      } else {
        reading.wrong.append("\(key): \(found)")
      }
    }
    return reading
  }

  /// What stands in the way of a checkpoint is tried again after a little time.
  private func healed(_ hand: StoreHand) throws -> SHA256.Digest {
    try Self.write(to: hand)
    let patience = Monitor(())
    for _ in 0..<400 {
      do throws(StoreError) { return try hand.store.stateHash() } catch {
        guard error.isFinding else { throw error }
        _ = patience.wait(for: 5_000_000) { _ in false }
      }
    }
    return try hand.store.stateHash()
  }

  // MARK: After a death

  /// The store as a dead process left it: whatever it opens with, it answers everything right.
  private func wordAfterDeath() -> String {
    do {
      defer { FolderImage.remove(folder) }
      let marked = try RealDisk().entry(at: now + data.dropLast("data.mdb".count) + "SUSPECT") != nil
      let hand = try Self.open(now, StoreScript(seed: seed), Self.clock())
      defer { hand.store.abandon() }
      var reader = try hand.store.reader()
      let reading = read(hand, &reader)
      guard case .rebuilt = hand.store.report.index else { return "BROKEN(not rebuilt after a death)".joined }
      guard reading.isRight else { return "BROKEN(\(reading))".joined }
      guard try hand.store.scrub().isSound else { return "BROKEN(unsound after a death)".joined }
      return Outcome.died.rawValue + (marked ? "+marked" : "+unmarked")
    } catch { return "BROKEN(after a death: \(error))".joined }
  }
}

extension StoreError {
  /// Whether the index is called damaged, or is being rebuilt. Of LMDB's codes those above zero are the kernel's.
  fileprivate var isFinding: Bool {
    switch self {
    case .rebuilding, .indexDamaged, .index(.damaged), .index(.abandoned): true
    case .index(.lmdb(let fault)): fault.code < 0
    default: false
    }
  }
}

extension String {
  /// One word of the journal.
  fileprivate var joined: String { split(whereSeparator: \.isWhitespace).joined(separator: "_") }
}

/// What is done to an index: a bit of it is flipped, or its end is cut off.
struct Attack: CustomStringConvertible {
  enum Doing {
    case flip(bit: Int)
    case cut(to: Int)
  }

  let number: Int
  /// While the store is open; else while it is closed.
  let isOpen: Bool
  let doing: Doing

  init(_ number: Int, seed: UInt64, byteCount: Int) {
    var dice = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number))
    self.number = number
    isOpen = number % 2 == 1
    let page = dice.below(max(1, byteCount / 4_096)) * 4_096
    switch dice.below(10) {
    case 0: doing = .cut(to: dice.coin() ? page : dice.below(max(1, byteCount)))
    // Anywhere; in a page's head and its nodes' places; at a node's head; in a meta page.
    case 1...4: doing = .flip(bit: dice.below(max(1, byteCount) * 8))
    case 5, 6: doing = .flip(bit: page * 8 + dice.below(160 * 8))
    case 7, 8: doing = .flip(bit: (page + dice.below(32) * 128) * 8 + dice.below(128 * 8))
    default: doing = .flip(bit: dice.below(2) * 4_096 * 8 + dice.below(152 * 8))
    }
  }

  var description: String {
    switch doing {
    case .flip(let bit): "\(isOpen ? "open" : "closed") bit \(bit % 8) of byte \(bit / 8)"
    case .cut(let length): "\(isOpen ? "open" : "closed") cut to \(length)"
    }
  }

  func apply(to bytes: inout [UInt8]) {
    switch doing {
    case .flip(let bit): bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    case .cut(let length): bytes.removeLast(bytes.count - length)
    }
  }

  /// Under the eyes of whoever has mapped the file.
  func apply(toFile path: String) throws(SystemError) {
    let file = try RealDisk().open(path, .readWrite)
    defer { file.close() }
    switch doing {
    case .cut(let length): try file.truncate(UInt64(length))
    case .flip(let bit):
      let byte = try file.read(1, at: UInt64(bit / 8)).map { $0 ^ 1 << UInt8(bit % 8) }
      try file.writeAll(unsafe byte.span.bytes, at: UInt64(bit / 8))
    }
  }
}
