import ApusBytes
import ApusContracts
import ApusTestSupport
import Testing

@Suite("The fold")
struct FoldTests {
  @Test("the folded row answers as the rule does, for every feature, stamp, status and age")
  func oracle() throws {
    var merged = 0
    for seed in UInt64(1)...10_000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...random.pick([4, 12, 40])))
      let events = view.events(random.below(12), &random)
      let bytes = try view.fold(events.map(view.row))
      if let fault = try view.fault(of: bytes, after: events, &random) {
        Issue.record("seed \(seed): \(fault)")
        return
      }
      if events.count > 1 { merged += 1 }
    }
    #expect(merged > 7000)
  }

  @Test("every order of up to five events ends in the same bytes")
  func permutations() throws {
    for seed in UInt64(1)...400 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...6))
      let rows = try view.events(random.within(1...5), &random).map(view.row)
      let expected = try view.fold(rows)
      for order in orders(of: rows) where try view.fold(order) != expected {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("in whatever order and grouping events meet, once or many times, the bytes are the same")
  func laws() throws {
    for seed in UInt64(1)...6000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...random.pick([3, 30])))
      let rows = try view.events(random.within(1...9), &random).map(view.row)
      let expected = try view.fold(rows)
      // Some twice, some empty rows between, all in a heap from which any two are folded.
      var heap = rows + rows.filter { _ in random.chance(0.3) } + [emptyRow]
      heap.shuffle(using: &random)
      while heap.count > 1 {
        let a = heap.remove(at: random.below(heap.count))
        let b = heap.remove(at: random.below(heap.count))
        heap.append(try fold(a, b, view.layout, after: random.below(9)))
        if random.chance(0.1) { heap.append(b) }
      }
      if heap != [expected] {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("what one part of an entity's events says of a feature and what another says meet as their rows do")
  func winners() throws {
    for seed in UInt64(1)...2000 {
      var random = SplitMix64(seed: seed)
      let view = try ModelView(&random, features: random.within(1...10))
      let rows = try view.events(8, &random).map(view.row)
      let (a, b) = (try view.fold(Array(rows[..<4])), try view.fold(Array(rows[4...])))
      let whole = try fold(a, b, view.layout)
      let agree = try withRow(a, view.layout) { first in
        try withRow(b, view.layout) { second in
          try withRow(whole, view.layout) { row in
            var agree = true
            for index in 0..<view.layout.count where Fold.winner(first, second, index) != row.cell(index) {
              agree = false
            }
            return agree
          }
        }
      }
      if !agree {
        Issue.record("seed \(seed)")
        return
      }
    }
  }

  @Test("a row with hundreds of stamps folds like any other")
  func manyStamps() throws {
    for count in [255, 256, 257, 600] {
      let layout = try layout([FeatureType](repeating: .int32, count: count))
      var whole = emptyRow
      var backwards = emptyRow
      let rows = try (0..<count).map { index in
        try row(
          [FeatureInput](repeating: .absent, count: index) + [.value(.int32(Int32(index)))], layout,
          at: stamp(Int64(index * 7 % count), 0, UInt64(index + 1)))
      }
      for row in rows { whole = try fold(whole, row, layout) }
      for row in rows.reversed() { backwards = try fold(row, backwards, layout) }
      #expect(whole == backwards)
      #expect(rowError(whole, layout) == nil)
      #expect(try inputs(whole, layout) == (0..<count).map { .value(.int32(Int32($0))) })
      // Everything but the delete's own moment and later is gone.
      let deleted = try fold(whole, deletedRow(at: stamp(Int64(count / 2), 0, 0)), layout)
      let left = try inputs(deleted, layout).filter { $0 != .absent }
      #expect(left.count == count - count / 2)
    }
  }

  private func orders(of rows: [Bytes]) -> [[Bytes]] {
    if rows.count < 2 { return [rows] }
    return rows.indices.flatMap { index in
      var rest = rows
      let first = rest.remove(at: index)
      return orders(of: rest).map { [first] + $0 }
    }
  }
}

@Suite("The fold, told")
struct FoldStoryTests {
  private func outcome(_ a: Bytes, _ b: Bytes, _ layout: RowLayout) throws -> FoldOutcome {
    var writer = ByteWriter()
    return Fold.fold(
      try RowView(unsafe a.span.bytes, layout: layout), try RowView(unsafe b.span.bytes, layout: layout),
      layout: layout, into: &writer)
  }

  @Test("a newer event that speaks of everything replaces the row; an older one is reported as no change")
  func fastPaths() throws {
    let layout = try layout([.int64, .string, .float64])
    let old = try row([.value(.int64(1)), .value(.string("a")), .null], layout, at: stamp(1, 0, 1))
    let new = try row([.value(.int64(2)), .null, .value(.float64(2))], layout, at: stamp(2, 0, 2))
    #expect(try fold(old, new, layout) == new)
    #expect(try outcome(new, old, layout) == .unchanged)
    #expect(try outcome(new, new, layout) == .unchanged)
    let partial = try row([.value(.int64(3))], layout, at: stamp(1, 0, 3))
    #expect(try outcome(new, partial, layout) == .unchanged)
    #expect(try outcome(old, partial, layout) == .written)
    // An event that comes twice changes nothing, and is said to, though older features surround it.
    #expect(try outcome(fold(old, partial, layout), partial, layout) == .unchanged)
  }

  @Test("absent leaves a feature as it was; null takes its place")
  func absentAndNull() throws {
    let layout = try layout([.int64, .string])
    let first = try row([.value(.int64(1)), .value(.string("a"))], layout, at: stamp(1, 0, 1))
    let second = try row([.null], layout, at: stamp(2, 0, 2))
    let whole = try fold(first, second, layout)
    #expect(try inputs(whole, layout) == [.null, .value(.string("a"))])
    try withRow(whole, layout) { row in
      #expect(row.stamp(0) == stamp(2, 0, 2))
      #expect(row.stamp(1) == stamp(1, 0, 1))
      #expect(row.base == stamp(2, 0, 2))
    }
  }

  @Test("between equal event times the later revision wins, and between equal revisions the log's order")
  func ties() throws {
    let layout = try layout([.int64])
    let revised = try row([.value(.int64(1))], layout, at: stamp(5, 2, 1))
    let first = try row([.value(.int64(2))], layout, at: stamp(5, 1, 2))
    let again = try row([.value(.int64(3))], layout, at: stamp(5, 1, 3))
    #expect(try inputs(fold(fold(first, again, layout), revised, layout), layout) == [.value(.int64(1))])
    #expect(try inputs(fold(again, first, layout), layout) == [.value(.int64(3))])
  }

  @Test("a delete clears what is older, and later stamps begin a new row that does not see what was before")
  func deletes() throws {
    let layout = try layout([.int64, .int64])
    let before = try row([.value(.int64(1)), .value(.int64(2))], layout, at: stamp(1, 0, 1))
    let delete = deletedRow(at: stamp(2, 0, 2))
    let after = try row([.value(.int64(3))], layout, at: stamp(3, 0, 3))
    #expect(try fold(before, delete, layout) == delete)
    let whole = try fold(fold(before, delete, layout), after, layout)
    #expect(try inputs(whole, layout) == [.value(.int64(3)), .absent])
    try withRow(whole, layout) { row in
      #expect(row.cell(1).content == .deleted)
      #expect(row.cell(1).stamp == stamp(2, 0, 2))
      let judged = row.cell(1).status(at: ReadTime(nanoseconds: 4), ttlNanoseconds: nil)
      #expect(judged == Cell.Judgement(status: .notFound, reason: .deleted))
    }
    // A late event from before the delete stays out.
    #expect(try fold(whole, before, layout) == whole)
  }

  @Test("a delete does not clear what has its own stamp, nor what is newer by any part of the stamp")
  func deleteEdges() throws {
    let layout = try layout([.int64])
    let value = try row([.value(.int64(1))], layout, at: stamp(5, 5, 5))
    for (delete, survives) in [
      (stamp(5, 5, 4), true), (stamp(5, 4, 9), true), (stamp(4, 9, 9), true), (stamp(5, 5, 5), true),
      (stamp(5, 5, 6), false), (stamp(5, 6, 1), false), (stamp(6, 0, 1), false),
    ] {
      let one = try fold(value, deletedRow(at: delete), layout)
      let other = try fold(deletedRow(at: delete), value, layout)
      #expect(one == other)
      let kept: Cell.Content = survives ? .value : .deleted
      try withRow(value, layout) { known in
        #expect(Fold.winner(known, RowView(deletedAt: delete), 0).content == kept)
        #expect(Fold.winner(RowView(deletedAt: delete), known, 0).content == kept)
      }
      #expect(try inputs(one, layout) == [survives ? .value(.int64(1)) : .absent], "\(delete)")
    }
  }

  @Test("a row of an earlier revision is a row of the later one, whose new features nobody spoke of")
  func revisions() throws {
    let narrow = try layout([.int64, .string])
    let wide = try layout([.int64, .string, .vector(of: .float32, count: 2) ?? .bool, .bool])
    let old = try row([.value(.int64(1)), .value(.string("x"))], narrow, at: stamp(1, 0, 1))
    #expect(try inputs(old, wide) == [.value(.int64(1)), .value(.string("x")), .absent, .absent])
    let new = try row([.absent, .absent, .absent, .value(.bool(true))], wide, at: stamp(2, 0, 2))
    let whole = try fold(old, new, wide)
    #expect(
      try inputs(whole, wide) == [.value(.int64(1)), .value(.string("x")), .absent, .value(.bool(true))])
    // And the other way: a wider row is no row of the narrower view.
    #expect(rowError(whole, narrow) == .unknownFeatures(found: 4, known: 2))
  }
}
