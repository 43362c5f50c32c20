import ApusColumnar
import ApusContracts
import ApusIngest
import Testing

@Suite("Blocks of column files")
struct ColumnBlockTests {
  @Test("are as large as their reader says, and hold every row in order", arguments: ColumnFile.allCases)
  func size(_ file: ColumnFile) throws {
    let count = 40_000
    let cards = try Columns.string(of: (0..<count).map { "c\($0)" })
    let times = try Columns.time(of: (0..<count).map { Int64($0) })
    let numbers = try Columns.of(.int64, (0..<count).map { Int64?.some(Int64($0)) }) { $0.append($1) }
    let means = try Columns.of(.float64, (0..<count).map { $0 % 7 == 0 ? nil : Double($0) }) { $0.append($1) }
    let loading = try Loading.columns(
      file.bytes([("card", cards), ("event_timestamp", times), ("count", numbers), ("mean", means)]))
    #expect(loading.blocks.map(\.rows.count) == [16_384, 16_384, count - 2 * 16_384])
    var wrong = 0
    for (number, row) in loading.rows.enumerated() {
      let mean: FeatureInput = number % 7 == 0 ? .null : .value(.float64(Double(number)))
      if row.key != [.string("c\(number)")] || row.inputs != [.value(.int64(Int64(number))), mean] {
        wrong += 1
      }
    }
    #expect(wrong == 0)
    #expect(loading.report.accepted == count)
  }
}
