// Where an answer goes, in which form, and which store it is about: a folder that no process has open, or the store that this
// process serves. The verbs do not know which; they ask here.

import ApusContracts
import ApusLog
import ApusStore

enum Source: Sendable {
  case folder(String)
  /// With the files that the words name, as whoever asked has read them.
  case open(Store, files: [DefinitionFile])
}

/// How a store is called in what people read.
struct StorePlace: Equatable, Sendable {
  let folder: String
  /// What a command line says to mean this store: ` --data DIR`, or nothing to somebody who asked the server.
  let option: String

  init(folder: String) {
    self.folder = folder
    option = " --data \(Shell.word(folder))"
  }

  init(served folder: String) {
    self.folder = folder
    option = ""
  }
}

struct Answer {
  let source: Source
  let isJSON: Bool
  let output: Output

  var place: StorePlace {
    switch source {
    case .folder(let folder): StorePlace(folder: folder)
    case .open(let store, _): StorePlace(served: store.folder)
    }
  }
  /// Whether a server has the store open.
  var isServed: Bool {
    if case .open = source { return true }
    return false
  }

  /// The store's folder, where it is.
  var data: String { place.folder }

  /// Words for people, or one object for programs.
  func give(_ lines: [String], _ json: JSON) {
    if isJSON { output.line(json) } else { lines.forEach { output.line($0) } }
  }

  /// Runs what may meet the log's errors.
  func ofLog<T>(_ body: () throws(LogError) -> T) throws(Trouble) -> T {
    do throws(LogError) { return try body() } catch { throw Trouble(error, data: data) }
  }

  // MARK: The store

  /// Nil where there is no store yet.
  func factsIfAny() throws(Trouble) -> StoreFacts? {
    do throws(StoreError) {
      switch source {
      // Not kept open: nobody opens a store while somebody looks at it, not even this process.
      case .folder(let folder): return try StoreLook.open(folder)?.facts
      case .open(let store, _): return try store.facts()
      }
    } catch {
      throw Trouble(error, data: data)
    }
  }

  /// The store as it is; there must be one.
  func facts() throws(Trouble) -> StoreFacts {
    guard let facts = try factsIfAny() else { throw Trouble(LogError.noStore(folder: data), data: data) }
    return facts
  }

  /// What is defined. A folder is let go of before this returns, so that it can be opened.
  func definitions() throws(Trouble) -> (naming: Naming, catalog: Catalog) {
    let facts = try facts()
    return (Naming(registry: facts.state.registry, place: place), facts.catalog)
  }

  /// Has something done that needs the store itself. A folder's store is opened for it, and closed in good order whether it was made or not.
  func changing<T>(_ body: (Store) throws(StoreError) -> T) throws(Trouble) -> T {
    do throws(StoreError) {
      let folder: String
      switch source {
      case .open(let store, _): return try body(store)
      case .folder(let path): folder = path
      }
      var random = SystemRandomNumberGenerator()
      var options = StoreOptions()
      options.scrubPeriodNanoseconds = nil
      let store = try Store.open(folder, random: &random, options: options)
      let result: T
      do throws(StoreError) { result = try body(store) } catch {
        // What was refused is what is told.
        try? store.close()
        throw error
      }
      try store.close()
      return result
    } catch {
      throw Trouble(error, place)
    }
  }
}
