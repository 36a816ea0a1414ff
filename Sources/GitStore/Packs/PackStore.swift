import CLibgit2
import Glibc

/// The packs in which libgit2 finds the objects of a repository.
///
/// libgit2 returns objects from packs only whole, and follows the whole delta chain even to read a header. This type
/// reads the packs' indexes and headers itself, so an object can be measured, refused or copied before it is
/// unpacked.
final class PackStore {
  let folders: ObjectFolders
  private let inflater: Inflater
  private var packs: [Pack] = []
  /// The modification time of each folder with packs, as of the last search for packs.
  private var changes: [Change] = []

  private struct Change: Equatable {
    var seconds = 0
    var nanoseconds = 0
  }

  init(_ folders: ObjectFolders) throws(GitError) {
    self.folders = folders
    inflater = try Inflater()
  }

  /// The cost of reading an object, and the packs that have it. If several packs have it, the highest cost counts,
  /// because libgit2 may choose any of them.
  struct Found {
    let chain: DeltaChain
    fileprivate let places: [(pack: Pack, offset: Int)]

    /// The bytes that libgit2 unpacks and rebuilds for one read.
    var cost: Int { places.reduce(0) { max($0, $1.pack.cost(of: $1.offset)) } }
  }

  /// Searches an object.
  ///
  /// - Parameter again: whether to search for new packs first, although no folder seems to have changed.
  /// - Returns: nil if it is in no pack.
  /// - Throws: `GitError`: `.corrupt` and `.tooLarge` as `Pack.chain`.
  func find(_ id: ObjectID, again: Bool = false) throws(GitError) -> Found? {
    if !again, let found = try search(id) { return found }
    let now = folders.paths.map { Self.change(of: $0 + "pack") }
    guard again || now != changes else { return nil }
    changes = now
    reload()
    return try search(id)
  }

  private func search(_ id: ObjectID) throws(GitError) -> Found? {
    var found: Found?
    for pack in packs {
      guard let offset = pack.offset(of: id) else { continue }
      let chain = try pack.chain(at: offset)
      let known = found
      found = Found(
        chain: known.map { $0.chain.worse(chain) } ?? chain, places: (known?.places ?? []) + [(pack, offset)])
    }
    return found
  }

  private static func change(of path: String) -> Change {
    var status = stat()
    guard stat(path, &status) == 0 else { return Change() }
    return Change(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
  }

  private func reload() {
    var known: [String: Pack] = [:]
    for pack in packs { known[pack.path] = pack }
    packs = []
    for folder in folders.paths {
      Folders.forEachName(in: folder + "pack") { name in
        guard name.hasSuffix(".idx") else { return }
        let path = folder + "pack/" + name
        if let pack = known[path] ?? Pack(index: path, inflater) { packs.append(pack) }
      }
    }
  }

  /// Returns how many delta headers were read since the last call.
  func takeMeasured() -> Int { packs.reduce(0) { $0 + $1.takeMeasured() } }

  /// The entries of those blobs that are stored whole and have the expected size.
  ///
  /// - Parameter tick: called repeatedly; throws to abort.
  func wholeBlobs(
    _ blobs: [(id: ObjectID, size: Int)], tick: () throws(GitError) -> Void
  ) throws(GitError) -> (ids: Set<ObjectID>, entries: [PackedEntry]) {
    var places: [ObjectIdentifier: [Int: ObjectID]] = [:]
    for (id, size) in blobs {
      try tick()
      guard let found = try find(id),
        let place = found.places.first(where: { $0.pack.hasWholeBlob(at: $0.offset, size: size) })
      else { continue }
      places[ObjectIdentifier(place.pack), default: [:]][place.offset] = id
    }
    var ids: Set<ObjectID> = []
    var entries: [PackedEntry] = []
    for pack in packs {
      guard let wanted = places[ObjectIdentifier(pack)],
        let found = try pack.entries(at: Array(wanted.keys), tick: tick)
      else { continue }
      entries += found
      ids.formUnion(wanted.values)
    }
    return (ids, entries)
  }
}
