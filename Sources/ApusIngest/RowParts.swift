// A row being put together, cell by cell, whatever kind of file the cells come from.

import ApusContracts

struct RowParts {
  private let plan: ColumnPlan
  private var key: [Value?]
  private var times = GivenTimes()
  private var inputs: [FeatureInput]
  private var extras: [FileRow.Extra] = []
  private let nothing: [FeatureInput]
  private let noKey: [Value?]

  init(_ plan: ColumnPlan) {
    self.plan = plan
    noKey = Array(repeating: nil, count: plan.keyTypes.count)
    nothing = Array(repeating: .absent, count: plan.features.count)
    key = noKey
    inputs = nothing
  }

  mutating func clear() {
    key = noKey
    inputs = nothing
    times = GivenTimes()
    if !extras.isEmpty { extras = [] }
  }

  mutating func set(part: Int, _ value: Value) { key[part] = value }
  mutating func set(input: Int, _ value: FeatureInput) { inputs[input] = value }
  mutating func add(_ extra: FileRow.Extra) { extras.append(extra) }

  func type(ofPart part: Int) -> FeatureType { plan.keyTypes[part] }
  func type(ofInput input: Int) -> FeatureType { plan.features[input].type }

  /// A time of the row, wherever the column is used as one.
  mutating func set(_ use: ColumnUse, _ column: String, _ found: TimeFound, _ spelled: () -> Value) {
    switch found {
    case .moment(let nanoseconds):
      if use.isEventTime { times.eventTime = EventTime(nanoseconds: nanoseconds) }
      if use.isCreatedAt { times.createdAt = CreatedAt(nanoseconds: nanoseconds) }
      if use.isKnownAt { times.knownAt = KnownAt(nanoseconds: nanoseconds) }
    case .wrong(let fault):
      let value = spelled()
      let name = use.isEventTime ? "event time" : use.isCreatedAt ? "created at" : "known at"
      add(
        FileRow.Extra(
          "\(name) in \(column)", .value(value), "\(column) \(Shortened(value.description)) \(fault.words)"))
    }
  }

  /// The row; a key part that is null or missing leaves the key too short, and so does an event time that is missing where
  /// the file has a column for it: nobody knows when such a row was true.
  mutating func finished(line: Int, group: Int? = nil, hasMisfit: Bool) -> FileRow {
    if let column = plan.eventTime, times.eventTime == nil,
      !extras.contains(where: { $0.name.hasPrefix("event time") })
    {
      add(
        FileRow.Extra("event time in \(column)", .null, "\(column) is empty, and a row needs an event time"))
    }
    var values: [Value] = []
    values.reserveCapacity(key.count)
    for part in key { if let part { values.append(part) } }
    return FileRow(
      line: line, group: group, key: values, times: times, inputs: inputs, extras: extras,
      hasMisfit: hasMisfit || values.count < key.count)
  }
}
