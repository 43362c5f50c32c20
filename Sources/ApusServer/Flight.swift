// What of a connection is under way: requests that were begun and not answered yet, by whichever thread will answer them.
//
// Answers to writes are sent in the order of their requests: who is done early waits in `writes` for those before. An answer
// is posted under the lock, so that no later one can pass it. `count` is the number of ids, and a connection that has as many as it may is
// not read until one is answered.
//
// An answer that is posted lies in the loop's inbox for a while. Until the loop has it, a connection must not be taken for one that is owed
// nothing: it would be closed, and the answer dropped. So posts are counted up before ids are counted down, and down again by the loop.

import ApusSystem
import Synchronization

final class Flight: Sendable {
  /// The place of a write among the writes of its connection.
  struct Turn: Sendable {
    fileprivate let number: UInt64
    let id: UInt64
  }

  private struct Write: Sendable {
    let id: UInt64
    var frames: [UInt8]?
  }

  private struct Box: Sendable {
    var ids: Set<UInt64> = []
    var isPaused = false
    var nextTurn: UInt64 = 0
    /// Answers from `firstTurn` on; nil where none has come yet.
    var firstTurn: UInt64 = 0
    var writes: [Write] = []

    /// Whether this answer ends a pause.
    mutating func resumes(_ max: Int) -> Bool {
      guard isPaused, ids.count < max else { return false }
      isPaused = false
      return true
    }
  }

  private let box = Monitor(Box())
  /// Of `ids`, for those who only want to know that there are none.
  private let idCount = Atomic<Int>(0)
  /// Answers that were posted and have not reached the loop yet.
  private let undelivered = Atomic<Int>(0)
  /// Writes that are at the admitter: those that follow must go there, too.
  private let admitting = Atomic<Int>(0)
  /// The connection is gone: nobody wants what is under way.
  private let isOver = Atomic<Bool>(false)
  private let port: any ReplyPort
  private let max: Int

  init(_ port: any ReplyPort, max: Int) {
    self.port = port
    self.max = max
  }

  /// As the connection's loop sees it: only that loop begins something.
  var isEmpty: Bool { idCount.load(ordering: .acquiring) == 0 }

  /// Whether every answer is where the loop sends it from, as that loop sees it. In this order: whoever sees that nothing is under way
  /// sees what was posted before.
  var isSettled: Bool { isEmpty && undelivered.load(ordering: .acquiring) == 0 }

  /// The loop has an answer that was posted.
  func delivered() { undelivered.subtract(1, ordering: .relaxed) }

  /// Takes `count` answers from what is under way and posts them, in this order: a loop that has the last of them finds nothing under way,
  /// and one that finds nothing under way before sees that they are to come.
  private func post(_ frames: some Sequence<[UInt8]>, count: Int, _ box: borrowing Box) {
    undelivered.add(count, ordering: .relaxed)
    idCount.store(box.ids.count, ordering: .releasing)
    for each in frames { port.post(each) }
  }

  /// Whether a request with this id is under way.
  func has(_ id: UInt64) -> Bool { !isEmpty && box.withLock { $0.ids.contains(id) } }

  /// Of a connection that has ended. What was not begun need not be done; writes are, since whoever sent them cannot know.
  func abandon() { isOver.store(true, ordering: .relaxed) }
  var isAbandoned: Bool { isOver.load(ordering: .relaxed) }

  /// Begins a request that will be answered later; false when one with this id is under way.
  func begin(_ id: UInt64) -> Bool {
    box.withLock { box in
      defer { idCount.store(box.ids.count, ordering: .releasing) }
      return box.ids.insert(id).inserted
    }
  }

  /// The same for a write.
  func beginWrite(_ id: UInt64) -> Turn? {
    box.withLock { box in
      guard box.ids.insert(id).inserted else { return nil }
      idCount.store(box.ids.count, ordering: .releasing)
      defer { box.nextTurn += 1 }
      box.writes.append(Write(id: id))
      return Turn(number: box.nextTurn, id: id)
    }
  }

  /// As the connection's loop sees it, which alone begins one. It may have ended just now.
  var isAdmitting: Bool { admitting.load(ordering: .acquiring) > 0 }
  func beginAdmitting() { admitting.add(1, ordering: .relaxed) }
  func endAdmitting() { admitting.subtract(1, ordering: .releasing) }

  /// Whether as many are under way as may be; then the connection is paused, and resumed by an answer.
  func pauseIfFull() -> Bool {
    if idCount.load(ordering: .acquiring) < max { return false }
    return box.withLock { box in
      if box.ids.count >= max { box.isPaused = true }
      return box.isPaused
    }
  }

  /// Answers a request that has no order.
  func finish(_ id: UInt64, _ frames: [UInt8]) {
    let resumes = box.withLock { box in
      box.ids.remove(id)
      post(CollectionOfOne(frames), count: 1, box)
      return box.resumes(max)
    }
    if resumes { port.resume() }
  }

  /// The same, for an answer that was sent by the loop itself.
  func finish(_ id: UInt64) {
    let resumes = box.withLock { box in
      box.ids.remove(id)
      idCount.store(box.ids.count, ordering: .releasing)
      return box.resumes(max)
    }
    if resumes { port.resume() }
  }

  /// Answers a write as soon as those before it are answered.
  func finish(_ turn: Turn, _ frames: [UInt8]) {
    let resumes = box.withLock { box in
      let place = Int(turn.number &- box.firstTurn)
      precondition(place < box.writes.count && box.writes[place].frames == nil, "a write is answered once")
      box.writes[place].frames = frames
      let ready = box.writes.prefix { $0.frames != nil }
      for write in ready { box.ids.remove(write.id) }
      box.writes.removeFirst(ready.count)
      box.firstTurn &+= UInt64(ready.count)
      post(ready.lazy.compactMap(\.frames), count: ready.count, box)
      return box.resumes(max)
    }
    if resumes { port.resume() }
  }
}
