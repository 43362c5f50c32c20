// The journal of a store's life, read back: what was intended, what was acknowledged, and up to where it may be relied on.
//
// A store's requests come from one producer, numbered and in order, so what a crash leaves is the requests up to some
// number: at least the last one that was promised, at most the last that was intended.

import ApusBytes
import ApusSystem
import ApusTestSupport

struct StoreStory {
  struct Erase: Equatable {
    var card: Int
    /// It was sent when all requests up to this one had been answered, and before any later one.
    var after: UInt64
    var isAcked = false
    /// A compaction that began after its ack, and ended, has carried it out.
    var isGone = false
  }

  var seed: UInt64 = 0
  var openings = 0
  var wasOpened = false
  /// Of the producer, as far as a life was told.
  var epoch: UInt32 = 0
  var intended: UInt64 = 0
  var acked: UInt64 = 0
  /// Acknowledged as durable, or found by an opening, which makes it so.
  var durable: UInt64 = 0
  var frames: [UInt64: LSNRange] = [:]
  /// How many acknowledgements there ever were.
  var ackCount = 0
  var erases: [Erase] = []
  var definitionsIntended = -1
  var definitionsAcked = -1
  var contradictions: [String] = []

  init(_ path: String, on disk: any Disk) throws(SystemError) {
    guard try disk.entry(at: path) != nil else { return }
    let text = String(decoding: try disk.open(path, .read).readAll(), as: UTF8.self)
    var hasPower = true
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.last == ".", let verb = words.first else { continue }
      let numbers = words.dropFirst().compactMap { UInt64($0) }
      switch (verb, numbers.count) {
      case ("life", 1):
        seed = numbers[0]
        hasPower = true
      case ("opening", 0): openings += 1
      case ("opened", 2):
        wasOpened = true
        epoch = UInt32(clamping: numbers[1])
        found(numbers[0])
      case ("seen", 1): found(numbers[0])
      case ("intent", 1): intended = max(intended, numbers[0])
      case ("ack", 4) where hasPower: ack(numbers)
      case ("erase", 3):
        let erase = Erase(card: Int(clamping: numbers[1]), after: numbers[2])
        if Int(clamping: numbers[0]) < erases.count {
          erases[Int(numbers[0])] = erase
        } else {
          erases.append(erase)
        }
      case ("erased", 1) where hasPower && Int(clamping: numbers[0]) < erases.count:
        erases[Int(numbers[0])].isAcked = true
      case ("forgotten", 1) where hasPower:
        for number in 0..<min(Int(clamping: numbers[0]), erases.count) { erases[number].isGone = true }
      case ("define", 1): definitionsIntended = max(definitionsIntended, Int(clamping: numbers[0]))
      case ("defined", 1) where hasPower: definitionsAcked = Int(clamping: numbers[0])
      case ("cut", 0): hasPower = false
      default: continue
      }
    }
  }

  private mutating func ack(_ numbers: [UInt64]) {
    let (number, lsns) = (numbers[0], LSNRange(LSN(numbers[1]), through: LSN(numbers[2])))
    ackCount += 1
    if let before = frames[number], before != lsns {
      contradictions.append("request \(number) was acknowledged at \(before), and again at \(lsns)")
    }
    if let last = frames[number - 1], last.last >= lsns.first {
      contradictions.append("request \(number) is at \(lsns), and the one before it at \(last)")
    }
    frames[number] = lsns
    acked = max(acked, number)
    if LSN(numbers[3]) >= lsns.last { durable = max(durable, number) }
  }

  /// Requests up to here were there at an opening, and none after them.
  private mutating func found(_ last: UInt64) {
    (acked, durable) = (last, last)
    frames = frames.filter { $0.key <= last }
  }

  /// The last request that may not be missing.
  func promised(after attack: Plan.Attack) -> UInt64 { attack == .kill ? acked : durable }

  /// The erasure that was sent and never answered: nobody knows.
  var openErase: Int? { erases.last.map { !$0.isAcked } == true ? erases.count - 1 : nil }
}
