// A life: rounds of opening, appending, ending. What it does next is decided by its seed and by how often the store
// was opened before, so a life that goes on after an attack is repeatable too.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

/// The log did what it must never do.
struct BrokenPromise: Error, CustomStringConvertible { let description: String }

struct Life {
  let plan: Plan
  let journal: Journal
  var dice: SplitMix64
  var nextNumber: UInt64
  /// Acknowledged in this process, newest last.
  var acked: [LSNRange] = []

  static func run(_ plan: Plan) -> Int32 {
    do {
      let story = try Story(plan.journal, on: RealDisk())
      let journal = Journal(plan.journal, tells: plan.tells)
      journal.begin(seed: plan.seed)
      var nextNumber = story.nextNumber
      for round in 0..<plan.rounds {
        let opening = UInt64(story.openings + round)
        var life = Life(
          plan: plan, journal: journal, dice: SplitMix64(seed: plan.seed &+ opening &* 0x1_0000_0001),
          nextNumber: nextNumber)
        try life.round()
        nextNumber = life.nextNumber
      }
      return 0
    } catch let error as LogError where error.mayMeetAnInnocent {
      complain("seed \(plan.seed): the log refused: \(error); next: \(error.next)")
      return ExitCode.refused
    } catch {
      complain("seed \(plan.seed): PROMISE BROKEN: \(error)")
      return ExitCode.promiseBroken
    }
  }

  private mutating func round() throws {
    let disk: any Disk = plan.stutters ? StutteringDisk(seed: dice.next()) : RealDisk()
    journal.say("opening")
    var identity = dice.split()
    let log = try Log.open(
      plan.data, on: disk, clock: SystemClock(), random: &identity, options: plan.logOptions)
    journal.say("opened \(log.report.epoch) \(log.report.nextLSN)")
    guard log.writer != nil else {
      throw BrokenPromise(description: "the log opened read-only: \(log.report)")
    }
    switch plan.via {
    case .writer: try live(with: log)
    case .appender: try liveWithAppender(log)
    }
  }

  mutating func nextPayload() -> Payload {
    defer { nextNumber += 1 }
    journal.say("intent \(nextNumber)")
    return Payload(seed: plan.seed, number: nextNumber)
  }

  /// Reads a few frames that were acknowledged. What cannot be read now may be read later; what is read must be right.
  mutating func readBack(_ reader: LogReader) throws {
    let floor = reader.view.floor
    let candidates = acked.suffix(30).filter { $0.first >= floor }
    guard !candidates.isEmpty else { return }
    let wanted = dice.pick(candidates)
    do throws(LogError) {
      var scanner = try reader.scan(from: wanted.first, .written)
      var isFirst = true
      for _ in 0..<3 {
        guard let frame = try scanner.next() else { break }
        let bytes = unsafe scanner.payload.withUnsafeBytes { unsafe Array($0) }
        guard Payload(bytes, recordCount: frame.recordCount, seed: plan.seed) != nil else {
          throw .noFrame(LogPosition(segment: FileID(0), offset: frame.offset), .payloadChecksum)
        }
        if isFirst, frame.lsns != wanted { throw .lost(wanted) }
        isFirst = false
      }
      if isFirst { throw .lost(wanted) }
    } catch {
      guard error.mayMeetAnInnocent else { throw BrokenPromise(description: "\(wanted) read back: \(error)") }
      journal.say("unread")
    }
  }
}

extension LogError {
  /// Whether a broken disk can bring this upon a store in order. Anything else accuses the log of what it did itself.
  var mayMeetAnInnocent: Bool {
    switch self {
    case .diskFull, .stopped, .system, .clockJump: true
    default: false
    }
  }
}
