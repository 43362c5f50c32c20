// What a store's life says, request by request: a function of the seed and the request's number alone, so that a request
// can be sent again byte for byte, by whichever process, and everybody knows what must become of it.

import ApusContracts
import ApusStore
import ApusTestSupport

struct StoreScript {
  static let cards = 40
  static let shops = 3
  /// How often the definitions may be changed in one life.
  static let definitionsMax = 6
  static let project = "shop"
  static let producer = "life"

  enum Text: Equatable {
    case absent, null
    case value(String)
  }

  enum Doing: Equatable {
    case upsert(Text)
    case delete
    /// A number below zero, which the contract refuses.
    case refused
  }

  struct Row: Equatable {
    let key: StoreKey
    let number: Int64
    let doing: Doing
  }

  let seed: UInt64

  /// The rows of one request, which is also the producer's sequence number.
  func rows(of number: UInt64) -> [Row] {
    var dice = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ number)
    return (0..<dice.within(1...6)).map { place in
      let key = StoreKey(
        card: dice.below(Self.cards), shop: dice.chance(0.3) ? dice.below(Self.shops) : nil)
      let doing: Doing
      switch dice.below(20) {
      case 0: doing = .refused
      case 1, 2: doing = .delete
      case 3: doing = .upsert(.null)
      case 4, 5: doing = .upsert(.absent)
      default:
        let length = dice.chance(0.1) ? dice.within(1_500...3_000) : dice.within(0...60)
        doing = .upsert(.value("\(seed)-\(number)-\(place)-" + String(repeating: "x", count: length)))
      }
      return Row(key: key, number: Int64(number) * 8 + Int64(place), doing: doing)
    }
  }

  /// The request as rows of a batch, each turned to its view. Without times: a retry has the same digest.
  func fill(_ batch: inout Batch, _ number: UInt64) throws {
    let catalog = batch.catalog
    for row in rows(of: number) {
      let view = try Self.view(row.key, in: catalog)
      let isVisit = row.key.shop != nil
      try batch.turn(
        to: view, columns: isVisit ? ["number"] : ["number", "text"],
        asked: isVisit ? "visits" : "activity")
      switch row.doing {
      case .delete: batch.delete(key: row.key.values, GivenTimes())
      case .refused:
        batch.upsert(
          key: row.key.values, GivenTimes(), [.value(.int64(-1))] + (isVisit ? [] : [FeatureInput.absent]))
      case .upsert(let text):
        batch.upsert(
          key: row.key.values, GivenTimes(),
          [.value(.int64(row.number))] + (isVisit ? [] : [text.input]))
      }
    }
  }

  func counts(of number: UInt64) -> RowCounts {
    let rows = rows(of: number)
    var counts = RowCounts()
    counts.setAside = rows.count { $0.doing == .refused }
    counts.accepted = rows.count - counts.setAside
    return counts
  }

  private static func view(_ key: StoreKey, in catalog: Catalog) throws -> CatalogView {
    let name = VersionedName(name: key.shop == nil ? "activity" : "visits")
    guard let view = catalog.view(name, in: project) else {
      throw BrokenPromise(description: "there is no view \(name)")
    }
    return view
  }

  /// The definitions after they were changed so many times: each change adds a feature that nobody fills.
  static func definition(_ changes: Int, compacts: Bool = false) throws -> ProjectDefinition {
    let more = (0..<changes).map { "      extra_\($0): {type: int64}\n" }.joined()
    let text = """
      project: shop
      entities:
        card: {keys: {card_id: string}}
        visit: {keys: {card_id: string, shop_id: int64}}
      views:
        activity:
          entity: card
          ttl: none
          features:
            number: {type: int64, min: 0}
            text: {type: string}
      \(more)  visits:
          entity: visit
          ttl: none
          history: \(compacts ? "none" : "forever")
          features:
            number: {type: int64, min: 0}
      """
    return try DefinitionReader.read([DefinitionFile(name: "shop.yaml", bytes: Array(text.utf8))])
  }
}

extension StoreScript.Text {
  fileprivate var input: FeatureInput {
    switch self {
    case .absent: .absent
    case .null: .null
    case .value(let text): .value(.string(text))
    }
  }
}

/// A row's key: a card, or a card's visits to a shop.
struct StoreKey: Hashable, CustomStringConvertible {
  let card: Int
  let shop: Int?

  static let all: [StoreKey] = (0..<StoreScript.cards).flatMap { card in
    [StoreKey(card: card, shop: nil)] + (0..<StoreScript.shops).map { StoreKey(card: card, shop: $0) }
  }

  var name: String { "card-\(card)" }
  var values: [Value] { [.string(name)] + (shop.map { [.int64(Int64($0))] } ?? []) }
  var description: String { shop.map { "\(name) in shop \($0)" } ?? name }
}

/// What a store's life must have led to.
struct StoreModel: Equatable {
  enum Cell: Equatable {
    case value(Value)
    case null
    case blank(BlankReason)
  }

  private(set) var cells: [StoreKey: [Cell]] = [:]
  /// By the card that they speak of; of an erased one nobody sees them.
  private(set) var letters: [Int: UInt64] = [:]
  /// Whoever sees them.
  private(set) var letterCount: UInt64 = 0
  private(set) var erased: Set<Int> = []

  init() {
    for key in StoreKey.all { cells[key] = Self.blank(key, .neverSeen) }
  }

  private static func blank(_ key: StoreKey, _ reason: BlankReason) -> [Cell] {
    [Cell](repeating: .blank(reason), count: key.shop == nil ? 2 : 1)
  }

  mutating func apply(_ rows: [StoreScript.Row]) {
    for row in rows {
      switch row.doing {
      case .refused:
        letters[row.key.card, default: 0] += 1
        letterCount += 1
      case .delete: cells[row.key] = Self.blank(row.key, .deleted)
      case .upsert(let text):
        cells[row.key]?[0] = .value(.int64(row.number))
        guard row.key.shop == nil else { continue }
        switch text {
        case .absent: break
        case .null: cells[row.key]?[1] = .null
        case .value(let text): cells[row.key]?[1] = .value(.string(text))
        }
      }
    }
  }

  /// From now on nothing is known of a card and its visits.
  mutating func erase(card: Int) {
    erased.insert(card)
    letters[card] = nil
    for key in StoreKey.all where key.card == card { cells[key] = Self.blank(key, .erased) }
  }
}

extension StoreModel {
  /// What requests up to `last` and these erasures lead to.
  init(_ script: StoreScript, through last: UInt64, _ erases: [StoreStory.Erase]) {
    self.init()
    var number: UInt64 = 0
    for erase in erases {
      while number < min(erase.after, last) {
        number += 1
        apply(script.rows(of: number))
      }
      self.erase(card: erase.card)
    }
    while number < last {
      number += 1
      apply(script.rows(of: number))
    }
  }
}

extension StoreScript {
  /// The beginnings of the script's texts, seed, request and place, wherever they stand in some bytes.
  static func texts(in bytes: [UInt8], beginning first: [UInt8]) -> [[UInt8]] {
    let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    var found: [[UInt8]] = []
    var at = 0
    while at + first.count < bytes.count {
      defer { at += 1 }
      guard bytes[at] == first[0], at == 0 || !isDigit(bytes[at - 1]), bytes[at...].starts(with: first) else {
        continue
      }
      var end = at + first.count
      while end < bytes.count, isDigit(bytes[end]) { end += 1 }
      guard end > at + first.count, end < bytes.count, bytes[end] == UInt8(ascii: "-") else { continue }
      let number = end
      end += 1
      while end < bytes.count, isDigit(bytes[end]) { end += 1 }
      guard end > number + 1, end < bytes.count, bytes[end] == UInt8(ascii: "-") else { continue }
      found.append(Array(bytes[at..<end]))
    }
    return found
  }
}
