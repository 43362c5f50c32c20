import ApusSystem
import ApusTestSupport
import Testing

@Suite("The simulated clock")
struct SimulatedClockTests {
  @Test("stands still until it is told, and jumps only where it is told")
  func clock() {
    let clock = SimulatedClock(wall: WallTime(nanoseconds: 10), monotonic: MonotonicTime(nanoseconds: 5))
    clock.advance(nanoseconds: 3)
    #expect(clock.wall() == WallTime(nanoseconds: 13))
    #expect(clock.monotonic() == MonotonicTime(nanoseconds: 8))
    clock.jumpWall(nanoseconds: -20)
    #expect(clock.wall() == WallTime(nanoseconds: -7))
    #expect(clock.monotonic() == MonotonicTime(nanoseconds: 8))
    clock.setWall(WallTime(nanoseconds: 1))
    clock.setMonotonic(MonotonicTime(nanoseconds: 2))
    #expect(clock.wall() == WallTime(nanoseconds: 1))
    #expect(clock.monotonic() == MonotonicTime(nanoseconds: 2))
  }

  @Test("starts on a new year's midnight")
  func start() {
    #expect(SimulatedClock().wall().description == "2026-01-01T00:00:00.000000000Z")
  }
}
