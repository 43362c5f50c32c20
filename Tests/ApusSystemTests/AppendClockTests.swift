// The jump rule, told by clocks that say what the test wants.

import ApusSystem
import Testing

private let second: Int64 = 1_000_000_000
private let noon: Int64 = 1_770_000_000 * 1_000_000_000

private func wall(_ nanoseconds: Int64) -> WallTime { WallTime(nanoseconds: nanoseconds) }
private func boot(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(nanoseconds)) }

@Suite("The append clock")
struct AppendClockTests {
  @Test("stamps with the wall clock when there was no append")
  func first() throws {
    var clock = AppendClock(lastAppend: nil)
    #expect(try clock.stamp(wall: wall(noon), monotonic: boot(5)) == wall(noon))
    #expect(clock.lastAppend == wall(noon))
  }

  @Test("never goes backward, and stands until the wall clock has caught up")
  func backward() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    #expect(try clock.stamp(wall: wall(noon - 30 * second), monotonic: boot(0)) == wall(noon))
    #expect(try clock.stamp(wall: wall(noon - 1), monotonic: boot(30 * second)) == wall(noon))
    #expect(try clock.stamp(wall: wall(noon + 1), monotonic: boot(30 * second + 2)) == wall(noon + 1))
  }

  @Test("begins behind the last append by 60 s exactly, and not by a nanosecond more")
  func behindAtStart() throws {
    var fine = AppendClock(lastAppend: wall(noon))
    #expect(try fine.stamp(wall: wall(noon - 60 * second), monotonic: boot(0)) == wall(noon))
    var jumped = AppendClock(lastAppend: wall(noon))
    let late = wall(noon - 60 * second - 1)
    #expect(throws: ClockJump(wall: late, expected: wall(noon), by: .lastAppend)) {
      try jumped.stamp(wall: late, monotonic: boot(0))
    }
  }

  @Test("begins as far ahead of the last append as it likes")
  func aheadAtStart() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    let later = wall(noon + 1_000_000 * second)
    #expect(try clock.stamp(wall: later, monotonic: boot(0)) == later)
  }

  @Test("lets the wall clock move against the monotonic one by 60 s exactly", arguments: [1, -1] as [Int64])
  func jumpEdge(_ side: Int64) throws {
    for (distance, jumps) in [(60 * second, false), (60 * second + 1, true)] {
      var clock = AppendClock(lastAppend: nil)
      _ = try clock.stamp(wall: wall(noon), monotonic: boot(100 * second))
      let expected = noon + 10 * second
      let now = wall(expected + side * distance)
      if jumps {
        #expect(throws: ClockJump(wall: now, expected: wall(expected), by: .monotonicClock)) {
          try clock.stamp(wall: now, monotonic: boot(110 * second))
        }
      } else {
        #expect(try clock.stamp(wall: now, monotonic: boot(110 * second)) == max(wall(noon), now))
      }
    }
  }

  @Test("compares with the last look, however long ago that was")
  func longIdle() throws {
    var clock = AppendClock(lastAppend: nil)
    _ = try clock.stamp(wall: wall(noon), monotonic: boot(0))
    let week = 7 * 86_400 * second
    #expect(
      try clock.stamp(wall: wall(noon + week + 59 * second), monotonic: boot(week))
        == wall(noon + week + 59 * second))
  }

  @Test("keeps refusing after a jump, even when the clock comes back")
  func standing() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    let jump = ClockJump(wall: wall(noon - 3_600 * second), expected: wall(noon), by: .lastAppend)
    #expect(throws: jump) { try clock.stamp(wall: jump.wall, monotonic: boot(0)) }
    #expect(throws: jump) { try clock.stamp(wall: wall(noon), monotonic: boot(1)) }
    #expect(clock.standingJump == jump)
    #expect(clock.lastAppend == wall(noon))
  }

  @Test("steps back only when confirmed, says from where to where, and goes on from there")
  func confirm() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    let back = noon - 3_600 * second
    #expect(throws: ClockJump.self) { try clock.stamp(wall: wall(back), monotonic: boot(0)) }
    let confirmation = clock.confirm(wall: wall(back + 5), monotonic: boot(5))
    #expect(confirmation == ClockConfirmation(from: wall(noon), to: wall(back + 5)))
    #expect(clock.lastAppend == wall(back + 5))
    #expect(try clock.stamp(wall: wall(back + 6), monotonic: boot(6)) == wall(back + 6))
    #expect(try clock.stamp(wall: wall(back + 3), monotonic: boot(7)) == wall(back + 6))
  }

  @Test("can be confirmed before the first stamp has met the jump")
  func confirmFirst() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    let back = wall(noon - 3_600 * second)
    #expect(clock.confirm(wall: back, monotonic: boot(0)) == ClockConfirmation(from: wall(noon), to: back))
    #expect(try clock.stamp(wall: back, monotonic: boot(0)) == back)
  }

  @Test("does not step back when there is nothing to confirm")
  func needlessConfirm() throws {
    var clock = AppendClock(lastAppend: wall(noon))
    #expect(clock.confirm(wall: wall(noon - 30 * second), monotonic: boot(0)) == nil)
    #expect(try clock.stamp(wall: wall(noon - 30 * second), monotonic: boot(0)) == wall(noon))
  }

  @Test("after a confirmed leap forward, refuses the way back until that is confirmed too")
  func thereAndBack() throws {
    var clock = AppendClock(lastAppend: nil)
    _ = try clock.stamp(wall: wall(noon), monotonic: boot(0))
    let year = 365 * 86_400 * second
    #expect(throws: ClockJump.self) { try clock.stamp(wall: wall(noon + year), monotonic: boot(1)) }
    #expect(clock.confirm(wall: wall(noon + year), monotonic: boot(2))?.from == wall(noon))
    #expect(try clock.stamp(wall: wall(noon + year), monotonic: boot(2)) == wall(noon + year))
    #expect(throws: ClockJump.self) { try clock.stamp(wall: wall(noon), monotonic: boot(3)) }
    #expect(clock.confirm(wall: wall(noon), monotonic: boot(4))?.to == wall(noon))
  }

  @Test("survives clocks at the ends of their range")
  func absurd() {
    let walls = [Int64.min, Int64.min + 1, -1, 0, 1, Int64.max - 1, Int64.max].map { wall($0) }
    let boots = [0, 1, UInt64.max - 1, UInt64.max].map { MonotonicTime(nanoseconds: $0) }
    var jumps = 0
    for last in walls.map({ Optional($0) }) + [nil] {
      for first in walls {
        for second in walls {
          for (one, two) in boots.flatMap({ one in boots.map { (one, $0) } }) {
            var clock = AppendClock(lastAppend: last)
            var times: [WallTime] = last.map { [$0] } ?? []
            for (wall, boot) in [(first, one), (second, two)] {
              do {
                times.append(try clock.stamp(wall: wall, monotonic: boot))
              } catch {
                jumps += 1
                #expect(!error.description.isEmpty)
                times = [clock.confirm(wall: wall, monotonic: boot)?.to ?? wall]
              }
            }
            #expect(times == times.sorted())
          }
        }
      }
    }
    #expect(jumps > 0)
  }

  @Test("tells an operator what was compared with what")
  func text() {
    let behind = ClockJump(wall: wall(noon - 3_600 * second - 1), expected: wall(noon), by: .lastAppend)
    #expect(
      behind.description
        == "the wall clock says 2026-02-02T01:39:59.999999999Z, 3600.000000001 s behind the last append "
        + "(2026-02-02T02:40:00.000000000Z); writes stop until a person confirms the clock")
    let ahead = ClockJump(wall: wall(noon + 61 * second), expected: wall(noon), by: .monotonicClock)
    #expect(ahead.description.contains("61 s ahead of where the monotonic clock puts it"))
  }
}

@Suite("A moment of the wall clock")
struct WallTimeTextTests {
  @Test(
    "is shown in UTC to the nanosecond",
    arguments: [
      (0, "1970-01-01T00:00:00.000000000Z"),
      (-1, "1969-12-31T23:59:59.999999999Z"),
      (951_827_696_000_000_007, "2000-02-29T12:34:56.000000007Z"),
      (1_709_251_199_000_000_000, "2024-02-29T23:59:59.000000000Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
      (Int64.max, "2262-04-11T23:47:16.854775807Z"),
      (Int64.min, "1677-09-21T00:12:43.145224192Z"),
    ])
  func text(_ nanoseconds: Int64, _ text: String) {
    #expect(wall(nanoseconds).description == text)
  }
}
