// The journal, read back: everything that was ever intended, promised or seen.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

struct Story {
  struct Promise: Equatable {
    let number: UInt64
    let lsns: LSNRange
    /// A later opening kept it and so made it durable, or its own opening said that it was.
    var isDurable: Bool
  }

  var seed: UInt64 = 0
  var openings = 0
  /// A store has been there.
  var wasOpened = false
  var intents: Set<UInt64> = []
  /// Acknowledged after the power went, by a sync that was under way: nobody could have heard of it.
  var unheard: Set<UInt64> = []
  var promises: [Promise] = []
  /// Up to where segments may have been given up.
  var retired = LSN.none
  /// Frames that were refused while the process went on to acknowledge others.
  var refused: Set<UInt64> = []
  /// Contradictions in the journal itself: LSNs that went backward.
  var contradictions: [String] = []

  var nextNumber: UInt64 { (intents.max() ?? 0) + 1 }

  init(_ path: String, on disk: any Disk) throws(SystemError) {
    guard try disk.entry(at: path) != nil else { return }
    let text = String(decoding: try disk.open(path, .read).readAll(), as: UTF8.self)
    var refusedNow: Set<UInt64> = []
    var last = LSN.none
    var epoch: UInt64 = 0
    // The promises of this process, and of this opening.
    var lifeBegan = 0
    var openingBegan = 0
    var hasPower = true
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.last == ".", let verb = words.first else { continue }
      let numbers = words.dropFirst().compactMap { UInt64($0) }
      switch (verb, numbers.count) {
      case ("life", 1):
        seed = numbers[0]
        hasPower = true
        lifeBegan = promises.count
      case ("opening", 0):
        openings += 1
        refusedNow = []
      case ("opened", 2):
        wasOpened = true
        // What this same process was promised before, it has just found again: no power was cut in between.
        for at in promises[lifeBegan...].indices { promises[at].isDurable = true }
        openingBegan = promises.count
        if numbers[0] <= epoch { contradictions.append("epoch \(numbers[0]) follows \(epoch)") }
        epoch = numbers[0]
        if LSN(numbers[1]) <= last {
          contradictions.append("LSN \(numbers[1]) is next, and \(last) was given out")
        }
      case ("intent", 1): intents.insert(numbers[0])
      case ("refused", 1): refusedNow.insert(numbers[0])
      case ("ack", 4):
        let lsns = LSNRange(LSN(numbers[1]), through: LSN(numbers[2]))
        if lsns.first <= last { contradictions.append("\(lsns) acknowledged after LSN \(last)") }
        last = max(last, lsns.last)
        refused.formUnion(refusedNow)
        refusedNow = []
        guard hasPower else {
          unheard.insert(numbers[0])
          continue
        }
        promises.append(Promise(number: numbers[0], lsns: lsns, isDurable: false))
        settle(from: openingBegan, through: LSN(numbers[3]))
      case ("cut", 0): hasPower = false
      case ("durable", 1) where hasPower: settle(from: openingBegan, through: LSN(numbers[0]))
      case ("seen", 3):
        let lsns = LSNRange(LSN(numbers[1]), through: LSN(numbers[2]))
        last = max(last, lsns.last)
        promises.removeAll { $0.number == numbers[0] && $0.lsns == lsns }
        promises.append(Promise(number: numbers[0], lsns: lsns, isDurable: true))
      case ("retiring", 1): retired = max(retired, LSN(numbers[0]))
      default: continue
      }
    }
  }

  /// The log said up to where it is durable. An opening speaks only for its own frames: what a cut took before it, it skips.
  private mutating func settle(from began: Int, through durable: LSN) {
    for at in promises[began...].indices.reversed() where promises[at].lsns.last <= durable {
      if promises[at].isDurable { return }
      promises[at].isDurable = true
    }
  }
}
