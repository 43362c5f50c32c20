// The names of the simulated disk, in two pictures as the bytes are: what programs see, and what is surely
// on the disk. Every change of names waits in `unsynced` until its folders are synced.
//
// A change is all or nothing, so a rename shows the old file or the new one, and never neither.

/// What a name stands for.
enum SimulatedNode: Hashable {
  case file(Int)
  case folder(Int)
}

struct SimulatedTree {
  /// A name in a folder.
  struct Place: Hashable {
    let folder: Int
    let name: String
  }

  struct Folder {
    var live: [String: SimulatedNode] = [:]
    var durable: [String: SimulatedNode] = [:]
  }

  struct Change {
    /// The name that goes, and what it stood for.
    let gone: (place: Place, node: SimulatedNode)?
    /// The name that comes, with what it stands for from now on.
    let new: (place: Place, node: SimulatedNode)?
    /// Folders not synced since.
    var waitsFor: Set<Int>
    /// A sync failed over it, so none will come.
    var disowned = false

    var places: [Place] { [gone?.place, new?.place].compactMap { $0 } }
  }

  static let root = 0
  private(set) var folders = [Folder()]
  private(set) var unsynced: [Change] = []

  subscript(place: Place) -> SimulatedNode? { folders[place.folder].live[place.name] }

  func names(in folder: Int) -> [String] { folders[folder].live.keys.sorted() }

  func durableNames(in folder: Int) -> [String] { folders[folder].durable.keys.sorted() }
}

extension SimulatedTree {
  mutating func add(_ node: SimulatedNode, at place: Place) {
    make(Change(gone: nil, new: (place, node), waitsFor: [place.folder]))
  }

  mutating func remove(_ place: Place) {
    guard let node = self[place] else { return }
    make(Change(gone: (place, node), new: nil, waitsFor: [place.folder]))
  }

  mutating func rename(_ place: Place, to target: Place) {
    guard let node = self[place] else { return }
    make(Change(gone: (place, node), new: (target, node), waitsFor: [place.folder, target.folder]))
  }

  mutating func makeFolder() -> Int {
    folders.append(Folder())
    return folders.count - 1
  }

  /// A name that was there before the story began.
  mutating func plant(_ node: SimulatedNode, at place: Place) {
    let change = Change(gone: nil, new: (place, node), waitsFor: [])
    change.apply(to: &folders, \.live)
    change.apply(to: &folders, \.durable)
    // Older changes to the name are past.
    unsynced.removeAll { $0.places.contains(place) }
  }

  private mutating func make(_ change: Change) {
    change.apply(to: &folders, \.live)
    unsynced.append(change)
  }

  /// Makes the changes of a folder durable, together with earlier ones to the same names: of two changes to
  /// one name the disk never keeps the first alone.
  mutating func sync(_ folder: Int) {
    var due: Set<Place> = []
    var isDue = [Bool](repeating: false, count: unsynced.count)
    for index in unsynced.indices.reversed() {
      unsynced[index].waitsFor.remove(folder)
      let change = unsynced[index]
      let places = change.places
      if (change.waitsFor.isEmpty && !change.disowned) || places.contains(where: due.contains) {
        isDue[index] = true
        due.formUnion(places)
      }
    }
    var kept: [Change] = []
    for (change, isDue) in zip(unsynced, isDue) {
      if isDue { change.apply(to: &folders, \.durable) } else { kept.append(change) }
    }
    unsynced = kept
  }

  mutating func failSync(_ folder: Int) {
    for index in unsynced.indices where unsynced[index].places.contains(where: { $0.folder == folder }) {
      unsynced[index].disowned = true
    }
  }

  /// The process that was told of the failed sync has ended. Names cannot be dropped from the cache, so the
  /// next process could never know, and no disk is that mean: its syncs count again.
  mutating func forgive() {
    for index in unsynced.indices {
      unsynced[index].disowned = false
      unsynced[index].waitsFor = Set(unsynced[index].places.map(\.folder))
    }
  }

  /// The power is cut: of the unsynced changes only those `survives` says, in their order.
  mutating func crash(survives: (Int) -> Bool) {
    for (index, change) in unsynced.enumerated() where survives(index) {
      change.apply(to: &folders, \.durable)
    }
    unsynced = []
    for index in folders.indices { folders[index].live = folders[index].durable }
  }

  /// How many names every file has, counted from the root.
  func links(ofFiles count: Int) -> [Int] {
    var links = [Int](repeating: 0, count: count)
    var open = [Self.root]
    while let folder = open.popLast() {
      for node in folders[folder].live.values {
        switch node {
        case .file(let inode): links[inode] += 1
        case .folder(let below): open.append(below)
        }
      }
    }
    return links
  }

  /// Whether `folder` is `other` or lies below it.
  func isFolder(_ folder: Int, within other: Int) -> Bool {
    var open = [other]
    while let next = open.popLast() {
      if next == folder { return true }
      for case .folder(let below) in folders[next].live.values { open.append(below) }
    }
    return false
  }
}

extension SimulatedTree.Change {
  fileprivate func apply(
    to folders: inout [SimulatedTree.Folder],
    _ picture: WritableKeyPath<SimulatedTree.Folder, [String: SimulatedNode]>
  ) {
    // Where an earlier change was lost, the name may stand for something else, which stays.
    if let gone, folders[gone.place.folder][keyPath: picture][gone.place.name] == gone.node {
      folders[gone.place.folder][keyPath: picture][gone.place.name] = nil
    }
    if let new { folders[new.place.folder][keyPath: picture][new.place.name] = new.node }
  }
}
