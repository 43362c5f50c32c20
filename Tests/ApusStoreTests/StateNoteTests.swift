// A note is understood as a whole, or it is no note; whatever its bytes are, reading it is an error or a state.

import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport
import Testing

@Suite("The note of the state")
struct StateNoteTests {
  private static let seeds: [UInt64] = [7, 8, 9]

  @Test("a note that is cut anywhere is refused, or is the note of another state", arguments: seeds)
  func cuts(seed: UInt64) throws {
    let note = try StateStory(seed: seed, frameCount: 60).state.noteBytes
    var states = 0
    for count in 0..<note.count {
      guard case .success(let found) = state(noted: Array(note[..<count])) else { continue }
      states += 1
      #expect(found.noteBytes == Array(note[..<count]), "seed \(seed), \(count) of \(note.count) bytes")
    }
    // Sections are left out when they say nothing, so a note that ends with one is a note.
    #expect(states == noteSections(note).count, "seed \(seed)")
  }

  @Test("a note with any bit flipped is refused, or is the note of another state", arguments: seeds)
  func flips(seed: UInt64) throws {
    let before = try StateStory(seed: seed, frameCount: 60).state
    let note = before.noteBytes
    var refused = 0
    for place in note.indices {
      for bit in 0..<8 {
        var flipped = note
        flipped[place] ^= 1 << bit
        guard case .success(let found) = state(noted: flipped) else {
          refused += 1
          continue
        }
        #expect(try state(noted: found.noteBytes).get() == found, "seed \(seed), byte \(place), bit \(bit)")
      }
    }
    #expect(refused > note.count, "seed \(seed)")
  }

  @Test("random bytes behind a note's head are refused, or are a state", arguments: seeds)
  func noise(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let sections = try noteSections(StateStory(seed: seed, frameCount: 60).state.noteBytes)
    for _ in 0..<3_000 {
      var chosen = sections
      let place = random.below(chosen.count)
      var body = chosen[place].body
      for _ in 0...random.below(4) where !body.isEmpty {
        body[random.below(body.count)] = UInt8(random.below(256))
      }
      chosen[place].body = random.coin() ? body : Array(body.prefix(random.below(body.count + 1)))
      guard case .success(let found) = state(noted: noteOf(chosen)) else { continue }
      #expect(try state(noted: found.noteBytes).get() == found, "seed \(seed)")
    }
  }

  @Test("an odd section that is unknown is passed over, an even one refused")
  func unknownSections() throws {
    let before = try StateStory(seed: 1, frameCount: 60).state
    let sections = noteSections(before.noteBytes)
    #expect(sections.map(\.tag) == [2, 4, 6, 8, 10, 12, 14, 16])
    #expect(try state(noted: noteOf(sections)).get() == before)
    #expect(try state(noted: noteOf(sections + [(17, [1, 2, 3])])).get() == before)
    #expect(try state(noted: noteOf([(1, [])] + sections)).get() == before)
    #expect(
      state(noted: noteOf(sections + [(18, [])]))
        == .failure(.contradicts(kind: 0, "section 18 is of a newer program")))
  }

  @Test("sections out of order, or twice, are refused, and so are bytes behind a section's last field")
  func misplacedSections() throws {
    let sections = noteSections(try StateStory(seed: 1, frameCount: 60).state.noteBytes)
    #expect(
      state(noted: noteOf([sections[1], sections[0]]))
        == .failure(.contradicts(kind: 0, "section 2 follows section 4")))
    #expect(
      state(noted: noteOf([sections[0], sections[0]]))
        == .failure(.contradicts(kind: 0, "section 2 follows section 2")))
    #expect(
      state(noted: noteOf([(0, [])])) == .failure(.contradicts(kind: 0, "section 0 follows section 0")))
    for place in sections.indices {
      var longer = sections
      longer[place].body.append(0)
      #expect(state(noted: noteOf(longer)) == .failure(.trailing(kind: 0, byteCount: 1)))
    }
  }

  @Test("another version's note, and bytes that are none, are refused")
  func heads() {
    let note = StoreState().noteBytes
    #expect(note.count == 16)
    for place in note.indices {
      var other = note
      other[place] &+= 1
      #expect((try? state(noted: other).get()) == nil, "byte \(place)")
    }
    #expect(state(noted: []) == .failure(.cut(kind: 0, at: 0)))
  }

  @Test("counts and lengths that the bytes cannot hold are refused before anything is made for them")
  func hugeCounts() {
    let huge = [UInt8](repeating: 0xff, count: 9) + [1]
    let large: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x7f]
    for count in [huge, large] {
      #expect((try? state(noted: noteOf([(2, count)])).get()) == nil)
      #expect((try? state(noted: noteOf([(4, count)])).get()) == nil)
      #expect((try? state(noted: noteOf([(6, [UInt8](repeating: 1, count: 32) + count)])).get()) == nil)
      #expect((try? state(noted: noteOf([(8, count)])).get()) == nil)
      #expect((try? state(noted: noteOf([(8, [0, 0, 0, 0, 0, 0, 0, 0, 0] + count)])).get()) == nil)
      for tag in [10, 12, 14, 16] as [UInt32] {
        #expect((try? state(noted: noteOf([(tag, count)])).get()) == nil)
      }
    }
    var tooLong = noteOf([(2, [0])])
    for place in 24..<32 { tooLong[place] = 0xff }
    #expect(state(noted: tooLong) == .failure(.cut(kind: 0, at: 24)))
  }

  @Test("the sections of a note agree with one another")
  func agreement() throws {
    let sections = noteSections(try StateStory(seed: 1, frameCount: 60).state.noteBytes)
    // Without the definitions there is no view version to have letters or events.
    for place in [3, 4, 5] {
      guard case .failure(.unknownView) = state(noted: noteOf([sections[place]])) else {
        Issue.record("section \(sections[place].tag) is understood without definitions")
        continue
      }
    }
  }
}

/// The sections of a note that a state wrote.
private func noteSections(_ note: [UInt8]) -> [(tag: UInt32, body: [UInt8])] {
  var sections: [(tag: UInt32, body: [UInt8])] = []
  var at = 16
  while at + 16 <= note.count {
    let tag = note[at..<(at + 4)].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    let length = note[(at + 8)..<(at + 16)].reversed().reduce(0) { $0 << 8 | Int($1) }
    sections.append((tag, Array(note[(at + 16)..<(at + 16 + length)])))
    at += 16 + length
  }
  return sections
}

private func noteOf(_ sections: [(tag: UInt32, body: [UInt8])]) -> [UInt8] {
  record {
    $0.write(utf8: "APUSNOTE")
    $0.write(UInt32(1))
    $0.writeZeroes(4)
    for section in sections {
      $0.write(section.tag)
      $0.writeZeroes(4)
      $0.write(UInt64(section.body.count))
      $0.write(section.body)
    }
  }
}
