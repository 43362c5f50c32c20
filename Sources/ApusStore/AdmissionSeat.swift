// A view version as rows of one batch meet it: its builder and what is worked out once for many rows. Owned by the one
// batch that made it; the view is of the batch's catalog.

import ApusContracts

final class AdmissionSeat {
  let view: CatalogView
  var builder: RowBuilder
  /// What one row says, in the order of the contract; between rows all of it is absent.
  private var arranged: [FeatureInput]
  /// Of each feature of the contract. Features that were removed are not in it, and keep theirs.
  private let indexes: [Int]
  /// Where each feature stands in the contract.
  private lazy var places: [String: Int] = Dictionary(
    view.contract.features.enumerated().map { ($0.element.name, $0.offset) },
    uniquingKeysWith: { _, last in last })

  init(_ view: CatalogView) {
    self.view = view
    builder = RowBuilder(view.layout)
    indexes = view.contract.features.map { Int($0.index) }
    arranged = Array(repeating: .absent, count: view.contract.features.count)
  }

  func place(of feature: String) -> Int? { DefinitionName.mayBe(feature) ? places[feature] : nil }

  /// Inputs in the order of the contract, made from columns that stand at these places of it; lent to `body`.
  func withArranged(_ inputs: [FeatureInput], at columns: [Int], _ body: ([FeatureInput]) -> Void) {
    for (column, place) in columns.enumerated() { arranged[place] = inputs[column] }
    defer { for place in columns { arranged[place] = .absent } }
    body(arranged)
  }

  /// The inputs of a row that names them, in the order of the contract, and what is wrong with the names. An absent one
  /// is as if it were not named: a letter leaves it out, and is judged as its row was.
  func arranged(_ features: [DeadLetter.Feature]) -> (inputs: [FeatureInput], fault: RowFault?) {
    var inputs = [FeatureInput](repeating: .absent, count: arranged.count)
    var seen: Set<Int> = []
    for feature in features where feature.input != .absent {
      guard let place = place(of: feature.name) else {
        return (inputs, RowFault(.unknownFeature, "\(view.spelling) has no feature \(Quoted(feature.name))"))
      }
      guard seen.insert(place).inserted else {
        return (inputs, RowFault(.featureTwice, "the row names \(Quoted(feature.name)) twice"))
      }
      inputs[place] = feature.input
    }
    return (inputs, nil)
  }

  /// Makes the builder hold the cells of inputs in the order of the contract.
  func build(_ inputs: [FeatureInput]) throws(RowError) {
    builder.removeAll()
    try builder.append(inputs, at: indexes)
  }
}

/// The seats of one catalog's views, made when they are first asked for.
struct AdmissionSeats {
  let catalog: Catalog
  private var seats: [ViewVersionID: AdmissionSeat] = [:]

  init(_ catalog: Catalog) { self.catalog = catalog }

  /// Nil for a version that the catalog does not have.
  mutating func seat(of id: ViewVersionID) throws(StoreError) -> AdmissionSeat? {
    if let seat = seats[id] { return seat }
    guard let view = catalog[id] else { return nil }
    guard !view.isRetired else { throw .retired(view.spelling) }
    let seat = AdmissionSeat(view)
    seats[id] = seat
    return seat
  }
}
