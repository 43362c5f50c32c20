// Rows of a column as a column of their own: a copy of exactly what they need, so that it may outlive the whole.

extension Column {
  package func slice(_ rows: Range<Int>) -> Column {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= count, "the column has no such rows")
    if type.element == .null, type.shape == .scalar { return .nulls(count: rows.count) }
    if rows.count == count { return self }

    var validity = self.validity.isEmpty ? [] : Bitmap.slice(self.validity, rows)
    let nullCount = validity.isEmpty ? 0 : rows.count - Bitmap.countOnes(in: validity, bits: rows.count)
    if nullCount == 0 { validity = [] }

    let elements: Range<Int>
    var listOffsets: [Int32] = []
    switch type.shape {
    case .scalar: elements = rows
    case .vector(let size): elements = (rows.lowerBound * size)..<(rows.upperBound * size)
    case .list:
      let first = self.listOffsets[rows.lowerBound]
      elements = Int(first)..<Int(self.listOffsets[rows.upperBound])
      listOffsets = self.listOffsets[rows.lowerBound...rows.upperBound].map { $0 - first }
    }

    var valueOffsets: [Int32] = []
    let values: [UInt8]
    if type.element.isVariable {
      let first = self.valueOffsets[elements.lowerBound]
      values = Array(self.values[Int(first)..<Int(self.valueOffsets[elements.upperBound])])
      valueOffsets = self.valueOffsets[elements.lowerBound...elements.upperBound].map { $0 - first }
    } else if type.element == .bool {
      values = Bitmap.slice(self.values, elements)
    } else {
      let size = type.element.fixedByteCount ?? 0
      values = Array(self.values[(elements.lowerBound * size)..<(elements.upperBound * size)])
    }
    return Column(
      trusted: type, count: rows.count, nullCount: nullCount, validity: validity, listOffsets: listOffsets,
      valueOffsets: valueOffsets, values: values, elementCount: elements.count)
  }
}
