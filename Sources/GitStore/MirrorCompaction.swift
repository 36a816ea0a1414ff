import CLibgit2
import Glibc

extension Mirror {
  /// Puts everything that the copy needs into one pack, where too many packs and files have come together.
  ///
  /// Each fetch over the network leaves a pack, and each note some files; libgit2 never tidies up, and looks
  /// for an object in one pack after another. Nobody may read the copy meanwhile: a reader that is not done
  /// may miss what it looks for, and has to start again.
  ///
  /// - Parameters:
  ///   - packs: how many packs are not too many.
  ///   - loose: how many files are not too many.
  /// - Returns: whether something was done.
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
      // Without this, the next opening would find nothing and fetch everything again; no more than that.
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
