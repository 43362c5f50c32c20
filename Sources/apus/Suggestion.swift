// What a misspelt word was probably meant to be.

enum Suggestion {
  /// What to do about a word that is none of `words`.
  ///
  /// `list` is what to say there is, when nothing is near; else `words` themselves.
  static func next(for word: String, among words: [String], list: [String]? = nil, see: String) -> String {
    guard let nearest = nearest(to: word, among: words) else {
      return "there is \((list ?? words).joined(separator: ", ")); see `\(see)`"
    }
    return "did you mean `\(nearest)`? See `\(see)`"
  }

  /// The word that is fewest slips of the fingers away, if a slip is likelier than another word altogether.
  static func nearest(to word: String, among words: [String]) -> String? {
    let ranked = words.map { ($0, distance(word, $0)) }
    guard let best = ranked.min(by: { $0.1 < $1.1 }) else { return nil }
    return best.1 <= max(1, min(word.count, best.0.count) / 3) ? best.0 : nil
  }

  /// Letters to be added, taken away, replaced or swapped with their neighbour (Damerau's distance).
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var before: [Int] = []
    var row = Array(0...b.count)
    for i in a.indices {
      var next = [i + 1]
      for j in b.indices {
        var least = min(row[j + 1] + 1, next[j] + 1, row[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, before[j - 1] + 1) }
        next.append(least)
      }
      before = row
      row = next
    }
    return row[b.count]
  }
}
