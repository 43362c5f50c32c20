// Answers that somebody kept: lines as `apus get --json` prints them, of which `receipt` and `keys` are needed, and `features` are held against what is
// found when they are there. A file is read whole where whoever asks is; a server is given it.

import ApusBytes
import ApusContracts
import ApusExport
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

/// One line.
struct KeptAnswer {
  let line: Int
  let receipt: AnswerReceipt
  let entity: Entity
  /// By feature, what was answered; empty where the line does not say.
  let features: [(name: String, cell: JSON)]
}

struct KeptAnswers {
  /// Answers of one vector.
  struct Group {
    let wanted: Get.Wanted
    var answers: [KeptAnswer] = []
  }

  private(set) var groups: [Group] = []

  init(
    _ path: String, _ what: Get.Wanted?, _ naming: Naming, _ project: RegisteredProject, _ catalog: Catalog,
    _ answer: Answer
  ) throws(Trouble) {
    let bytes = try Self.bytes(path, answer.source)
    var places: [[UInt8]: Int] = [:]
    var keys: [[(name: String, type: KeyType)]] = []
    var count = 0
    for (at, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      let place = "\(path), line \(at + 1)"
      count += 1
      guard count <= EntityInput.entitiesMax else {
        throw Trouble(
          "too_long", "there are more than \(Numbers.count(EntityInput.entitiesMax, "line")) of receipts",
          at: place, next: "give fewer at a time")
      }
      guard let json = JSON(reading: Array(line)), let text = json["receipt"]?.string,
        let receipt = AnswerReceipt(text), let said = json["keys"]
      else {
        throw Trouble(
          "bad_receipt", "this line is no answer with a receipt and its keys", at: place,
          next: "write what `apus get --json` prints: an object with \"receipt\" and \"keys\"")
      }
      if places[receipt.fingerprint] == nil {
        let wanted = try Get.named(what ?? .receipt(receipt.fingerprint), naming, project, catalog)
        let vector: PreparedVector
        do throws(StoreError) { vector = try wanted.pastVector(in: catalog, project.name) } catch {
          throw Trouble(error, answer.place)
        }
        places[receipt.fingerprint] = groups.count
        groups.append(Group(wanted: wanted))
        var own: [(name: String, type: KeyType)] = []
        for key in vector.roles.flatMap(\.keys) where !own.contains(where: { $0.name == key.requested }) {
          own.append((key.requested, key.key.type))
        }
        keys.append(own)
      }
      guard let group = places[receipt.fingerprint] else { continue }
      let words: EntityWords
      do throws(EntityWords.Fault) { words = try EntityWords(line: said.text) } catch {
        throw Trouble("bad_key", error.what, at: place, next: "give the keys of the answer")
      }
      groups[group].answers.append(
        KeptAnswer(
          line: at + 1, receipt: receipt, entity: try Entity(words, of: keys[group], at: place),
          features: Self.features(json)))
    }
    guard count > 0 else {
      throw Trouble(
        "bad_receipt", "there is not one receipt", at: path,
        next: "write what `apus get --json` prints, an object on a line")
    }
  }

  private static func features(_ json: JSON) -> [(name: String, cell: JSON)] {
    guard case .list(let features)? = json["features"] else { return [] }
    return features.compactMap { cell in cell["name"]?.string.map { ($0, cell) } }
  }

  private static func bytes(_ path: String, _ source: Source) throws(Trouble) -> [UInt8] {
    switch source {
    case .folder: return try read(path)
    // Whoever asked has read it where it is.
    case .open(_, let files): return files.first { $0.name == path }?.bytes ?? []
    }
  }

  static func read(_ path: String) throws(Trouble) -> [UInt8] {
    let next = "name a file of answers, as `apus get --json` prints them"
    do throws(SystemError) {
      let file = try RealDisk().open(path, .read)
      defer { file.close() }
      let size = try file.size()
      guard size <= UInt64(EntityInput.byteCountMax) else {
        throw SystemError("read", .fileTooLarge, on: path)
      }
      var block = ByteBlock(byteCount: Int(size))
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      return block.bytes.extracting(..<count).copied()
    } catch {
      throw Trouble(
        "system", "the receipts cannot be read: \(error.call) says \(error.errno)", at: path, next: next)
    }
  }
}

extension KeptAnswer {
  /// The answer again, by a read of the past at its LSN and moment; or why it is none of this store.
  func again(_ vector: PreparedVector, _ store: Store) throws(Skew.Refused) -> ServedAnswer {
    guard AnswerReceipt.first(of: store.identity.timeline) == receipt.timeline else {
      throw .past(.receipt(.timeline), line: line)
    }
    let fault: ReceiptFault
    do throws(StoreError) {
      var keys = RequestKeys(for: vector)
      try keys.append(named: entity.named)
      var said = ByteWriter()
      for role in vector.roles.indices { said.write(short: keys.key(row: 0, role: role)) }
      let read = try store.past(.lsn(receipt.lsn, at: receipt.time))
      if AnswerReceipt.digest(ofKeys: said.bytes) != receipt.keys {
        fault = .keys
      } else if AnswerReceipt.first(of: Meaning.fingerprint(of: vector, in: read.catalog))
        != receipt.fingerprint
      {
        fault = .fingerprint
      } else {
        return try ServedRead.past(entity.named, vector, read)
      }
    } catch {
      throw .past(.store(error), line: line)
    }
    throw .past(.receipt(fault), line: line)
  }

  /// Holds what was kept against what the exporter says: values as JSON spells them.
  func compare(
    _ answer: ServedAnswer, _ repeated: [RepeatedCell], _ vector: PreparedVector, _ tally: inout SkewTally
  ) {
    for (name, kept) in features {
      guard let column = vector.columns.firstIndex(where: { $0.name == name }),
        case .cell(let exported) = repeated[column],
        // Told already, with what is found now.
        answer.cells[column].difference(from: exported) == nil,
        let part = Self.difference(kept, exported, vector.columns[column].filling)
      else { continue }
      tally.note(
        SkewDifference(
          answer: answer, column: column, part: part, served: answer.cells[column], exported: exported,
          kept: kept.text))
    }
  }

  /// The first member that says otherwise. A value out of age may be shown, or what stands in for it.
  private static func difference(_ kept: JSON, _ cell: ServedCell, _ filling: Value?) -> SkewPart? {
    if let status = kept["status"], status != .text(cell.status.word) { return .status }
    if let reason = kept["reason"]?.string, let own = cell.reason, reason != own.inWords { return .reason }
    if let value = kept["value"] {
      var allowed = [cell.value?.json ?? .null]
      if cell.status.isBlank, let filling { allowed.append(filling.json) }
      if cell.status == .outsideMaxAge { allowed.append(.null) }
      if cell.status == .notFound, let filling { allowed = [filling.json] }
      guard allowed.contains(where: { $0.text == value.text }) else { return .value }
    }
    if let lsn = kept["lsn"]?.int64, let own = cell.lsn, UInt64(clamping: lsn) != own.rawValue {
      return .event
    }
    if let time = kept["event_time"]?.string, let own = cell.eventTime,
      time != "\(WallTime(nanoseconds: own))"
    {
      return .event
    }
    return nil
  }
}

extension JSON {
  /// As it is written.
  var text: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
