// `apus skew`: whether training and serving say the same. Entities are asked by the path that serves, or answers are read that somebody kept, and the
// exporter is asked for the same LSNs and moments; each cell is the same, or it is told with both answers.

import ApusBytes
import ApusContracts
import ApusExport
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

enum Skew {
  struct Options: Equatable {
    /// Nil: what the receipts are of.
    var what: Get.Wanted?
    var project: String?
    var sample = usualSample
    /// Nil: whatever the clock gives, and it is told.
    var seed: UInt64?
    /// A file of answers, as `apus get --json` prints them.
    var receipts: String?
    var limit = usualLimit
  }

  static let usualSample: UInt64 = 1_000
  static let sampleMax: UInt64 = 1_000_000
  static let usualLimit: UInt64 = 10
  /// Of seeds that nobody chose: few digits are soon said again.
  private static let seedsMax: UInt64 = 1_000_000
  /// Cells that are asked of the exporter together.
  private static let cellsPerExport = 1 << 20

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, catalog) = try answer.definitions()
    let project = try naming.project(options.project)
    // Who is served comes first.
    let threads = answer.isServed ? 1 : SystemProcess.coreCount
    let told: Told
    if let path = options.receipts {
      let kept = try KeptAnswers(path, options.what, naming, project, catalog, answer)
      told = try done(answer) { (store, scratch) throws(Refused) in
        try repeatKept(kept, project.name, store, scratch, options, threads: threads)
      }
    } else {
      guard let what = options.what else { throw Trouble.misplaced }
      let wanted = try Get.named(what, naming, project, catalog)
      told = try done(answer) { (store, scratch) throws(Refused) in
        try askNow(wanted, project.name, store, scratch, options, threads: threads)
      }
    }
    told.show(answer)
    return told.parts.allSatisfy { $0.tally.differing == 0 } ? .done : .checkFailed
  }

  /// Why there is no verdict.
  enum Refused: Error {
    case store(StoreError)
    case export(ExportError)
    case past(PastRefusal, line: Int)
  }

  private static func done(
    _ answer: Answer, _ body: (Store, ScratchFiles) throws(Refused) -> Told
  ) throws(Trouble) -> Told {
    let result = try answer.changing { (store) throws(StoreError) -> Result<Told, Refused> in
      let name = ".apus-skew-\(SystemProcess.id)-\(UInt64.random(in: 0...UInt64.max))-"
      let scratch = ScratchFiles(RealDisk(), in: "/tmp", prefix: name)
      return Result { () throws(Refused) in try body(store, scratch) }
    }
    do throws(Refused) { return try result.get() } catch {
      switch error {
      case .store(let error): throw Trouble(error, answer.place)
      case .export(let error): throw ExportTrouble(error, at: answer.data).trouble(answer.place)
      case .past(let refusal, let line):
        let trouble = Trouble(refusal, answer.place)
        throw Trouble(trouble.name, trouble.what, at: "--receipts, line \(line)", next: trouble.next)
      }
    }
  }

  static func ofStore<T>(_ body: () throws(StoreError) -> T) throws(Refused) -> T {
    do throws(StoreError) { return try body() } catch { throw .store(error) }
  }

  static func ofExport<T>(_ body: () throws(ExportError) -> T) throws(Refused) -> T {
    do throws(ExportError) { return try body() } catch { throw .export(error) }
  }

  /// Asks for some answers at a time.
  static func inParts<T>(
    _ all: [T], _ vector: PreparedVector, _ body: ([T]) throws(Refused) -> Void
  ) throws(Refused) {
    let rows = max(1, cellsPerExport / max(1, vector.columns.count))
    var start = 0
    while start < all.count {
      let part = Array(all[start..<min(all.count, start + rows)])
      try body(part)
      start += part.count
    }
  }

  // MARK: What is served now

  private static func askNow(
    _ wanted: Get.Wanted, _ project: String, _ store: Store, _ scratch: ScratchFiles, _ options: Options,
    threads: Int
  ) throws(Refused) -> Told {
    let vector = try ofStore { () throws(StoreError) in try wanted.pastVector(in: store.catalog, project) }
    let seed = options.seed ?? UInt64.random(in: 0..<seedsMax)
    let sample = try ofStore { () throws(StoreError) in
      try SkewSample(Int(clamping: options.sample), of: vector, from: store, seed: seed)
    }
    var tally = SkewTally(limit: Int(clamping: options.limit))
    let proof = SkewProof(store, vector, scratch: scratch, threads: threads)
    try inParts(sample.entities, vector) { (part) throws(Refused) in
      let answers = try ofStore { () throws(StoreError) in
        try ServedRead.newest(part, vector, from: store)
      }
      tally.take(answers, try ofExport { () throws(ExportError) in try proof.repeated(answers) })
    }
    let title = wanted.spelled(columns: vector.columns.count)
    var told = Told(seed: seed, unknown: sample.unknown)
    told.parts.append(Told.Part(title, wanted, vector, tally, SkewSeal(store, vector, store.catalog)))
    return told
  }

  // MARK: What was served

  private static func repeatKept(
    _ kept: KeptAnswers, _ project: String, _ store: Store, _ scratch: ScratchFiles, _ options: Options,
    threads: Int
  ) throws(Refused) -> Told {
    var told = Told(seed: nil, unknown: 0)
    for group in kept.groups {
      let catalog = store.catalog
      let vector = try ofStore { () throws(StoreError) in try group.wanted.pastVector(in: catalog, project) }
      let seal = SkewSeal(store, vector, catalog)
      var tally = SkewTally(limit: Int(clamping: options.limit))
      let proof = SkewProof(store, vector, scratch: scratch, threads: threads)
      try inParts(group.answers, vector) { (part) throws(Refused) in
        var answers: [ServedAnswer] = []
        for kept in part { answers.append(try kept.again(vector, store)) }
        let repeated = try ofExport { () throws(ExportError) in try proof.repeated(answers) }
        tally.take(answers, repeated)
        for (kept, (answer, cells)) in zip(part, zip(answers, repeated)) {
          kept.compare(answer, cells, vector, &tally)
        }
      }
      told.parts.append(
        Told.Part(group.wanted.spelled(columns: vector.columns.count), group.wanted, vector, tally, seal))
    }
    return told
  }
}

/// What receipts of one vector's answers have in common.
struct SkewSeal {
  private let timeline: [UInt8]
  private let fingerprint: [UInt8]
  private let vector: PreparedVector

  init(_ store: Store, _ vector: PreparedVector, _ catalog: Catalog) {
    timeline = store.identity.timeline
    fingerprint = Meaning.fingerprint(of: vector, in: catalog)
    self.vector = vector
  }

  /// Nil for keys that are none.
  func receipt(_ answer: ServedAnswer) -> String? {
    var keys = RequestKeys(for: vector)
    do throws(StoreError) { try keys.append(named: answer.entity) } catch { return nil }
    var said = ByteWriter()
    for role in vector.roles.indices { said.write(short: keys.key(row: 0, role: role)) }
    return AnswerReceipt(
      timeline: timeline, fingerprint: fingerprint, lsn: answer.lsn, time: answer.time, keys: said.bytes
    ).text
  }
}
