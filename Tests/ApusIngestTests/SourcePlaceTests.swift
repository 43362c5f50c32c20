import ApusIngest
import Testing

@Suite("A place in a file")
struct SourcePlaceTests {
  @Test("is the file and the line")
  func place() { #expect(SourcePlace(file: "a.csv", line: 7) != SourcePlace(file: "a.csv", line: 8)) }
}
