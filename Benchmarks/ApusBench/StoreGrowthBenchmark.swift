import ApusBytes
import ApusIndex
import ApusLog
import ApusStore

/// What reads, appends and openings cost from ten thousand entities to ten million, and how fast an index is built anew.
enum StoreGrowthBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let sizes =
      bench.isToy ? [100, 1_000, 10_000] : [10_000, 100_000, 1_000_000, 10_000_000]
    var subjects = try sizes.map { try Subject(bench, entities: $0) }
    defer { for subject in subjects { subject.remove() } }
    let reads = try measureReads(bench, subjects)
    let openings = try measureOpenings(bench, &subjects)
    let rebuild = try measureRebuild(bench, subjects)
    bench.plots.add(
      Plot(
        name: "store-growth-read", title: "A read of one row × 10 features", xTitle: "entities",
        yTitle: "ns of processor time",
        lines: [
          line("Apus", sizes, reads.ours.map { $0.median * 1e9 / Double(reads.count) }),
          line("LMDB get", sizes, reads.peer.map { $0.median * 1e9 / Double(reads.count) }),
        ]))
    bench.plots.add(
      Plot(
        name: "store-growth-append", title: "Filling an empty store, a checkpoint included",
        xTitle: "entities",
        yTitle: "ns a row by the clock",
        lines: [line("keys shuffled", sizes, subjects.map(\.fillNanoseconds))]))
    return reads.rows + openings + rebuild
  }

  private static func line(_ name: String, _ sizes: [Int], _ figures: [Double]) -> Plot.Line {
    Plot.Line(name: name, points: zip(sizes, figures).map { Plot.Point(x: Double($0), y: $1) })
  }

  static func word(_ count: Int) -> String {
    count >= 1_000_000 ? "\(count / 1_000_000) M" : count >= 1_000 ? "\(count / 1_000) k" : "\(count)"
  }

  // MARK: Reads

  private struct Reads {
    var ours: [Spread] = []
    var peer: [Spread] = []
    var count: Int
    var rows: [Row] = []
  }

  private static func measureReads(_ bench: Bench, _ subjects: [Subject]) throws -> Reads {
    let count = bench.size(200_000, toy: 1_000)
    var readings = (
      ours: [[Double]](repeating: [], count: subjects.count),
      peer: [[Double]](repeating: [], count: subjects.count)
    )
    var answers = [AnswerHash](repeating: AnswerHash(), count: subjects.count)
    let rounds = bench.isToy ? 1 : 7
    for round in 0...rounds {
      for (place, subject) in subjects.enumerated() {
        let (ours, theirs, hash) = try subject.read(count, seed: UInt64(round))
        // The first round warms up.
        if round == 0 { continue }
        readings.ours[place].append(ours)
        readings.peer[place].append(theirs)
        answers[place].add(hash.value)
      }
    }
    var reads = Reads(count: count)
    reads.ours = readings.ours.map { Spread($0) }
    reads.peer = readings.peer.map { Spread($0) }
    for (place, subject) in subjects.enumerated() {
      reads.rows.append(
        Row(
          "read at \(word(subject.entities)) entities, against LMDB's get",
          ours: nanoseconds(reads.ours[place].median, count),
          peer: nanoseconds(reads.peer[place].median, count),
          zip(readings.ours[place], readings.peer[place]).map { $0 / $1 }, answers: answers[place]))
    }
    if let large = subjects.indices.last, large > 0 {
      // Of the last hundredfold of entities.
      let small = max(0, large - 2)
      reads.rows.append(
        Row(
          "read at \(word(subjects[large].entities)) entities, against \(word(subjects[small].entities))",
          ours: nanoseconds(reads.ours[large].median, count),
          peer: nanoseconds(reads.ours[small].median, count),
          zip(readings.ours[large], readings.ours[small]).map { $0 / $1 }, goal: .atMost(2),
          answers: answers[large]))
    }
    return reads
  }

  // MARK: Openings

  private static func measureOpenings(_ bench: Bench, _ subjects: inout [Subject]) throws -> [Row] {
    var rows: [Row] = []
    for place in subjects.indices {
      var times: [Double] = []
      for _ in 0..<bench.longRounds { times.append(try subjects[place].closeAndOpen() * 1000) }
      rows.append(
        Row(
          "open after a clean stop, \(word(subjects[place].entities)) entities",
          ours: "\(decimal(Spread(times).median)) ms", times, unit: "ms", goal: .atMost(1000),
          answers: try subjects[place].sample()))
    }
    let tail = bench.size(256 << 20, toy: 1 << 20)
    var times: [Double] = []
    var replayed: UInt64 = 0
    let place = max(0, subjects.count - 2)
    for _ in 0..<bench.longRounds {
      let (time, records) = try subjects[place].killAndOpen(tail: tail)
      times.append(time * 1000)
      replayed = records
    }
    rows.append(
      Row(
        "open after a kill, a tail of \(tail >> 20) MiB, \(word(subjects[place].entities)) entities",
        ours: "\(decimal(Spread(times).median)) ms", times, unit: "ms", goal: .atMost(2000),
        answers: try subjects[place].sample(), note: "\(replayed) rows replayed"))
    return rows
  }

  private static func measureRebuild(_ bench: Bench, _ subjects: [Subject]) throws -> [Row] {
    let subject = subjects[max(0, subjects.count - 2)]
    var speeds: [Double] = []
    var records: UInt64 = 0
    for _ in 0..<(bench.isToy ? 1 : 3) {
      let (time, count) = try subject.rebuild()
      speeds.append(Double(count) / time / 1e6)
      records = count
    }
    return [
      Row(
        "index built anew, \(word(subject.entities)) entities", ours: "\(records) rows", speeds,
        unit: "M rows/s",
        goal: .atLeast(1), answers: try subject.sample())
    ]
  }

  // MARK: A size

  private final class Subject {
    let entities: Int
    let fillNanoseconds: Double
    private let bench: Bench
    private let path: String
    private let barePath: String
    private var store: BenchStore?
    private var bare: BareLMDB?

    init(_ bench: Bench, entities: Int) throws {
      self.bench = bench
      self.entities = entities
      (path, barePath) = (bench.scratch.fresh(), bench.scratch.fresh())
      let store = try BenchStore(path, bench)
      let owners = Shuffled(entities)
      let time = try seconds {
        var pusher = BenchPusher(store)
        try pusher.push(entities) { owners[$0] }
        try store.store.checkpoint()
      }
      fillNanoseconds = time * 1e9 / Double(entities)
      bare = try BareLMDB(barePath)
      // In order: LMDB at its best, and quick.
      try bare?.push(store, entities) { $0 }
      self.store = store
    }

    func remove() {
      store?.store.abandon()
      store = nil
      bare = nil
      bench.scratch.remove(path)
      bench.scratch.remove(barePath)
    }

    private func opened() throws -> BenchStore {
      guard let store else { throw BenchError("store growth: the store is closed") }
      return store
    }

    /// Seconds of reading the same entities from the store and from bare LMDB.
    func read(_ count: Int, seed: UInt64) throws -> (ours: Double, peer: Double, AnswerHash) {
      let store = try opened()
      guard let bare else { throw BenchError("store growth: the peer is closed") }
      var reading = try BenchReading(store)
      let owners = Shuffled(entities)
      var (ours, theirs) = (AnswerHash(), AnswerHash())
      let our = try processorSeconds { ours = try reading.pass(count, below: entities, seed: seed) }
      let their = try processorSeconds { theirs = try bare.pass(store, count, below: entities, seed: seed) }
      // Bare LMDB's entities have their own number, the store's the place where they were shuffled to.
      var (expected, expectedBare) = (AnswerHash(), AnswerHash())
      var random = Uniform(seed: seed)
      for _ in 0..<count {
        let owner = random.below(entities)
        expectedBare.add(Double(10 * owner * 16 + 45).bitPattern)
        expected.add(Double(10 * owners.place(of: owner) * 16 + 45).bitPattern)
      }
      try ours.check(expected, "store growth, \(entities)")
      try theirs.check(expectedBare, "store growth, \(entities), bare")
      return (our, their, ours)
    }

    /// A few entities as they are now.
    func sample() throws -> AnswerHash {
      var reading = try BenchReading(try opened())
      let hash = try reading.pass(min(entities, 1_000), below: entities, seed: 7)
      var random = Uniform(seed: 7)
      var expected = AnswerHash()
      let owners = Shuffled(entities)
      for _ in 0..<min(entities, 1_000) {
        let owner = random.below(entities)
        expected.add(Double(10 * owners.place(of: owner) * 16 + 45).bitPattern)
      }
      try hash.check(expected, "store growth, \(entities), sample")
      return hash
    }

    func closeAndOpen() throws -> Double {
      try opened().store.close()
      store = nil
      return try seconds { store = try BenchStore(path, bench) }
    }

    /// Writes the same rows again, as the entities have them, until the log's tail is so long; then the process is as good
    /// as killed.
    func killAndOpen(tail: Int) throws -> (Double, UInt64) {
      try opened().store.close()
      store = nil
      let filling = try BenchStore(path, bench) { options in
        options.generationByteCount = 2 << 30
        options.overlayByteCountBudget = 4 << 30
        options.generationAgeNanoseconds = .max
      }
      let owners = Shuffled(entities)
      var pusher = BenchPusher(filling)
      let rows = min(tail / 128, entities * 8)
      var pushed = 0
      while pushed < rows {
        let count = min(entities, rows - pushed)
        try pusher.push(count) { owners[$0] }
        pushed += count
      }
      filling.store.abandon()
      var records: UInt64 = 0
      let time = try seconds {
        let opened = try BenchStore(path, bench)
        records = opened.store.report.replayed
        store = opened
      }
      guard records >= rows else {
        throw BenchError("store growth: \(records) rows were replayed of \(rows)")
      }
      return (time, records)
    }

    /// Seconds in which the whole log becomes an index, and of how many rows.
    func rebuild() throws -> (Double, UInt64) {
      try opened().store.close()
      store = nil
      for epoch in try IndexFolder.list(in: path + "/index").ready {
        try IndexFolder(in: path + "/index", epoch: epoch).remove()
      }
      var records: UInt64 = 0
      let time = try seconds {
        let opened = try BenchStore(path, bench)
        records = opened.store.report.replayed
        store = opened
        try opened.store.checkpoint()
      }
      return (time, records)
    }
  }
}

/// The numbers below a count in an order that jumps about, without a table: multiples of a number that shares no divisor
/// with the count.
struct Shuffled {
  private let count: Int
  private let step: Int
  private let inverse: Int

  init(_ count: Int) {
    self.count = count
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    var step = Int(Double(count) * 0.618_033_988) | 1
    while divisor(step, count) != 1 { step += 2 }
    self.step = step % max(count, 2)
    // By Euclid, extended.
    var (a, b, x, y) = (self.step, count, 1, 0)
    while b != 0 {
      let quotient = a / b
      (a, b, x, y) = (b, a - quotient * b, y, x - quotient * y)
    }
    inverse = ((x % count) + count) % count
  }

  subscript(place: Int) -> Int { place % count * step % count }
  /// Where a number stands.
  func place(of number: Int) -> Int { number * inverse % count }
}
