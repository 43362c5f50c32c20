// `apus diff`: what differs between two training sets, and why. Their manifests say what they are of, their files what they hold, and the store, where
// it is given, why.

import ApusBytes
import ApusContracts
import ApusExport
import ApusStore
import ApusSystem

enum Diff {
  struct Options: Equatable {
    var a: String
    var b: String
    /// Nil: what differs is told, and not why.
    var data: String?
    var limit = usualLimit
    var memory = 1 << 30
  }

  static let usualLimit: UInt64 = 10

  static func run(_ options: Options, isJSON: Bool, _ output: Output) throws(Trouble) -> ExitCode {
    let a = try DiffManifest(options.a)
    let b = try DiffManifest(options.b)
    let report: DiffReport
    if let data = options.data {
      let answer = Answer(source: .folder(data), isJSON: isJSON, output: output)
      report = try compare(a, b, options, answer)
    } else {
      report = try told { () throws(DiffError) in try compare(a, b, options, nil) }
    }
    let told = DiffWords(a: a, b: b, report: report, hasCauses: options.data != nil)
    if isJSON { output.line(told.json) } else { told.lines.forEach { output.line($0) } }
    if report.causes[.unexplained, default: 0] > 0 { return .failed }
    return told.isSame ? .done : .checkFailed
  }

  private static func compare(
    _ a: DiffManifest, _ b: DiffManifest, _ options: Options, _ causes: (any DiffCauses)?
  ) throws(DiffError) -> DiffReport {
    var diff = SetDiff(
      a.side, b.side, limit: Int(clamping: options.limit), memory: options.memory, scratch: scratch())
    return try diff.run(a.source, b.source, causes)
  }

  private static func scratch() -> ScratchFiles {
    ScratchFiles(RealDisk(), in: "/tmp", prefix: ".apus-diff-\(SystemProcess.id)-")
  }

  // MARK: With the store

  private static func compare(
    _ a: DiffManifest, _ b: DiffManifest, _ options: Options, _ answer: Answer
  ) throws(Trouble) -> DiffReport {
    _ = try answer.facts()
    let result = try answer.changing {
      (store) throws(StoreError) -> Result<DiffReport, DiffRefused> in
      for manifest in [a, b] {
        if let refused = refusal(manifest, store) { return .failure(refused) }
      }
      let makingA = try a.making(store) { (snapshot) throws(StoreError) in try a.vector(in: snapshot.catalog)
      }
      let makingB = try b.making(store) { (snapshot) throws(StoreError) in try b.vector(in: snapshot.catalog)
      }
      let causes = StoreCauses(
        a.side, makingA, b.side, makingB, isAskedOtherwise: a.isAskedOtherwise(than: b),
        memory: options.memory / 2, scratch: scratch()
      ) { isOfA, catalog in try? (isOfA ? a : b).vector(in: catalog) }
      do throws(DiffError) { return .success(try compare(a, b, options, causes)) } catch {
        return .failure(.diff(error))
      }
    }
    do throws(DiffRefused) { return try result.get() } catch {
      switch error {
      case .other(let manifest, let what):
        throw Trouble(
          "other_store", "the set is of another \(what) than this store", at: manifest,
          next: "say the --data that it was made from, or leave --data out to see what differs and not why")
      case .diff(let error): throw Trouble(error, answer.place)
      }
    }
  }

  private enum DiffRefused: Error {
    /// Another store, or another timeline of it.
    case other(String, String)
    case diff(DiffError)
  }

  private static func refusal(_ manifest: DiffManifest, _ store: Store) -> DiffRefused? {
    let (id, timeline) = (store.identity.id, store.identity.timeline)
    if manifest.store != Hex.text(unsafe id.span.bytes) { return .other(manifest.path, "store") }
    if manifest.timeline != Hex.text(unsafe timeline.span.bytes) {
      return .other(manifest.path, "timeline")
    }
    return nil
  }

  private static func told<T>(_ body: () throws(DiffError) -> T) throws(Trouble) -> T {
    do throws(DiffError) { return try body() } catch { throw Trouble(error, StorePlace(folder: "")) }
  }
}

extension Trouble {
  init(_ error: DiffError, _ place: StorePlace) {
    switch error {
    case .set(let path, let error):
      let trouble = ExportTrouble(error, at: path).trouble(place)
      self.init(
        trouble.name == "spine_wrong" ? "set_unreadable" : trouble.name,
        "a set cannot be read: \(trouble.what)", at: path,
        next: "look whether the set stands beside its manifest, as `apus export` left it")
    case .notItsManifest(let path, let expected, let found):
      self.init(
        "set_changed", "the set is not what its manifest tells of: it has \(found), and not \(expected)",
        at: path, next: "make it again: `apus export verify` says what the manifest stands for")
    case .otherKeys(let a, let b):
      self.init(
        "other_keys",
        "the rows cannot be matched: those of A are called by \(a.joined(separator: ", ")), those of B by \(b.joined(separator: ", "))",
        at: "the sets' spines", next: "compare sets of the same entities")
    case .store(let error):
      self = ExportTrouble(error, at: place.folder).trouble(place)
    }
  }
}
