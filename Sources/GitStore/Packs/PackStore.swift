import CLibgit2
import Glibc

/// The packs in which libgit2 finds the objects of a repository.
///
/// libgit2 returns objects from packs only whole, and its own look at a header follows the whole chain of differences.
/// With the packs' own indexes and headers an object can be measured, refused or copied before it is unpacked.
final class PackStore {
  let folders: ObjectFolders
  private let inflater: Inflater
  private var packs: [Pack] = []
  /// When each folder with packs was changed last, as of the last search for packs.
  private var changes: [Change] = []

  private struct Change: Equatable {
    var seconds = 0
    var nanoseconds = 0
  }

  init(_ folders: ObjectFolders) throws(GitError) {
    self.folders = folders
    inflater = try Inflater()
  }

  /// What it takes to read an object, and the packs that have it. If several do, the one from which it takes the
  /// most counts: libgit2 may choose any of them.
  struct Found {
    let chain: DeltaChain
    fileprivate let places: [(pack: Pack, offset: Int)]

    /// The bytes that libgit2 unpacks and rebuilds for one read.
    var cost: Int { places.reduce(0) { max($0, $1.pack.cost(of: $1.offset)) } }
  }

  /// Searches an object.
  ///
  /// - Parameter again: search for new packs first, although no folder seems to have changed.
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

  /// The entry of a blob that is stored whole; nil if there is none, or it has another size.
  func wholeBlob(_ id: ObjectID, size: Int) throws(GitError) -> PackedEntry? {
    guard let found = try find(id) else { return nil }
    for (pack, offset) in found.places {
      if let entry = pack.wholeBlob(at: offset, size: size) { return entry }
    }
    return nil
  }
}
