import CLibgit2
import Glibc

extension Mirror {
  /// Repacks the copy into one pack if it has too many packs and loose objects.
  ///
  /// Each network fetch adds a pack, and each note adds some files; libgit2 never repacks, and searches the
  /// packs one after another. No reader may be active during the call: an unfinished read may miss objects
  /// and must start again.
  ///
  /// - Parameters:
  ///   - packs: the largest number of packs that is left alone.
  ///   - loose: the largest number of loose objects that is left alone.
  /// - Returns: whether the copy was repacked.
  public func compact(packs: Int = 50, loose: Int = 2000) async throws(GitError) -> Bool {
    let handle = try opened()
    let (packCount, looseCount) = count(in: handle.gitFolder)
    guard packCount > packs || looseCount > loose else { return false }
    let new = path + ".new"
    try Folders.remove(new)
    _ = try await GitRepository.initBare(path: new)
    var location = RepositoryLocation(path: new)
    location.search = false
    let target = try RepositoryHandle(location)
    let refs = try handle.refs(prefix: "refs/")
    var copy = ObjectCopy(from: handle, to: target, tick: {})
    _ = try copy.copy(refs.values.sorted())
    for (ref, id) in refs { try target.move(ref, to: id, from: nil, reason: "compact") }
    try writeMarker(in: new)
    let old = path + ".old"
    try Folders.remove(old)
    guard rename(path, old) == 0, rename(new, path) == 0 else {
      let reason = String(cString: strerror(errno))
      // Without this, the next open would find nothing and fetch everything again. No other harm is done.
      _ = rename(old, path)
      throw GitError(
        .other, "cannot replace \(path): \(reason)", hint: "check who may write to the folder above it")
    }
    await forget()
    try Folders.remove(old)
    return true
  }

  private nonisolated func count(in gitFolder: String) -> (packs: Int, loose: Int) {
    var (packs, loose) = (0, 0)
    Folders.forEachName(in: gitFolder + "objects") { name in
      let folder = gitFolder + "objects/" + name
      if name == "pack" {
        Folders.forEachName(in: folder) { if $0.hasSuffix(".pack") { packs += 1 } }
      } else if name.utf8.count == 2 {
        Folders.forEachName(in: folder) { _ in loose += 1 }
      }
    }
    return (packs, loose)
  }
}
