// A row as a file gave it, typed as far as it could be, and a block of such rows. Whoever takes a block can make a batch of a
// store of it, or a request of the protocol: keys, times, and inputs in the order of the block's columns.

package import ApusContracts

package struct FileRow: Equatable, Sendable {
  /// Its first line, counted from 1; of a file of columns the number of the row.
  package var line: Int
  /// The row group or batch that it stands in, counted from 0, of a file that has such.
  package var group: Int?
  /// One value for each part that the row gave; a part that is null or missing leaves it too short, which refuses the row.
  package var key: [Value]
  package var times: GivenTimes
  /// In the order of the block's columns; empty in a block of deletes.
  package var inputs: [FeatureInput]
  /// What the row says besides, under names that no feature has: times that are none, as they were spelled, and keys of an
  /// object that the view does not know. A row that has such is refused.
  package var extras: [Extra]
  /// Whether some of it is no value of its type: the contract refuses it, by *type* or by *key*.
  package var hasMisfit: Bool

  package init(
    line: Int, group: Int? = nil, key: [Value], times: GivenTimes, inputs: [FeatureInput],
    extras: [Extra] = [],
    hasMisfit: Bool = false
  ) {
    self.line = line
    self.group = group
    self.key = key
    self.times = times
    self.inputs = inputs
    self.extras = extras
    self.hasMisfit = hasMisfit
  }

  package struct Extra: Equatable, Sendable {
    package var name: String
    package var value: FeatureInput
    /// What is wrong with it, for people.
    package var words: String

    package init(_ name: String, _ value: FeatureInput, _ words: String) {
      self.name = name
      self.value = value
      self.words = words
    }
  }
}

package struct RowBlock: Sendable {
  package static let rowsMax = 4_096
  /// Of the file; a block may pass it by its last row.
  package static let byteCountMax = 2_097_152

  package var event: EventOperation
  /// The names of features.
  package var columns: [String]
  package var rows: [FileRow]
  /// Where the source stands behind the block; what a producer stores, so that another run goes on from there.
  package var offset: LoadOffset

  package init(event: EventOperation, columns: [String], rows: [FileRow], offset: LoadOffset) {
    self.event = event
    self.columns = columns
    self.rows = rows
    self.offset = offset
  }
}

/// What became of a block.
package struct RowOutcome: Equatable, Sendable {
  package var accepted = 0
  package var setAside = 0
  /// Their keys were erased; nothing of them is kept.
  package var erased = 0
  /// Of the accepted: event times that were ahead of the clock, and are now the clock's.
  package var setBack = 0
  /// Refused, and kept by nobody: what the sink cannot carry, or what a load refuses that takes all or nothing.
  package var refused = 0
  /// Of those that were refused, by rule.
  package var rules: [RuleOutcome] = []

  package struct RuleOutcome: Equatable, Sendable {
    /// `last_action.one_of`, or the rule of a row.
    package var rule: String
    package var count: Int
    /// The place in the block of the first of them.
    package var firstRow: Int
    package var words: String

    package init(rule: String, count: Int, firstRow: Int, words: String) {
      self.rule = rule
      self.count = count
      self.firstRow = firstRow
      self.words = words
    }
  }

  package init() {}
}

/// Where rows go: a store, a server, or nowhere.
///
/// A block is taken as one request: when this throws, nothing of it was taken, or nobody knows.
package protocol RowSink: AnyObject {
  associatedtype Failure: Error
  /// Whether a row may stand in one block behind the `count` rows before it. Asked once for each row of the load, in their
  /// order; what it says no to begins the next block.
  func joins(_ row: FileRow, behind count: Int) -> Bool
  func submit(_ block: RowBlock) throws(Failure) -> RowOutcome
  /// The same, but that the outcome may come later: with that of the next block, or of `finish`. At most one block is on its way,
  /// so that a block that fails is followed by none.
  func begin(_ block: RowBlock) throws(Failure) -> [SettledBlock]
  /// Waits for what is on its way. To be called once, behind the last block, whatever else went wrong.
  func finish() throws(Failure) -> [SettledBlock]
}

/// A block, and what became of it.
package struct SettledBlock: Sendable {
  package let block: RowBlock
  package let outcome: RowOutcome

  package init(_ block: RowBlock, _ outcome: RowOutcome) {
    self.block = block
    self.outcome = outcome
  }
}

extension RowSink {
  package func joins(_ row: FileRow, behind count: Int) -> Bool { true }
  package func begin(_ block: RowBlock) throws(Failure) -> [SettledBlock] {
    [SettledBlock(block, try submit(block))]
  }
  package func finish() throws(Failure) -> [SettledBlock] { [] }
}
