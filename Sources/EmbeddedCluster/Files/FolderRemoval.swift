import FoundationEssentials
import Glibc

extension OpenFolder {
  /// Removes everything in this folder, even if scripts have changed access rights in it or are still writing to it.
  ///
  /// Each step uses one name in an open folder and follows no link. A folder that is not empty is first moved up
  /// into this folder, under a new name. So no path is too long, however deeply folders are nested, and two
  /// folders are open at a time.
  ///
  /// - Returns: whether the folder is empty now.
  func removeContents() -> Bool {
    for _ in 0..<Self.passes {
      guard let names = try? names(limit: Self.batch) else { return false }
      guard !names.isEmpty else { return true }
      var pending = names
      var wasChanged = false
      while let name = pending.popLast() {
        if remove(name, &pending) { wasChanged = true }
      }
      // The remaining entries may belong to another user.
      if !wasChanged { return false }
    }
    return false
  }

  /// The number of names that are read at a time.
  private static let batch = 4096
  /// A bound for folders in which a process keeps creating files.
  private static let passes = 10_000

  /// Removes one entry, and adds to `pending` the folders that were moved up from it.
  private func remove(_ name: [CChar], _ pending: inout [[CChar]]) -> Bool {
    if unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return true }
    if unlinkat(descriptor, name, AT_REMOVEDIR) == 0 { return true }
    guard let child = try? child(name) else { return false }
    child.open()
    for _ in 0..<Self.passes {
      guard let names = try? child.names(limit: Self.batch), !names.isEmpty else { break }
      var wasChanged = false
      for inner in names where moveUp(inner, from: child, &pending) { wasChanged = true }
      if !wasChanged { break }
    }
    return unlinkat(descriptor, name, AT_REMOVEDIR) == 0
  }

  /// Removes an entry of a folder in this folder, or moves it up if it is a folder that is not empty.
  private func moveUp(_ name: [CChar], from child: OpenFolder, _ pending: inout [[CChar]]) -> Bool {
    if unlinkat(child.descriptor, name, 0) == 0 || errno == ENOENT { return true }
    if unlinkat(child.descriptor, name, AT_REMOVEDIR) == 0 { return true }
    // A folder can be moved to another parent only if its owner may write to it.
    if let folder = try? child.child(name) { folder.open() }
    let place = Array(UUID().uuidString.utf8CString)
    guard renameat(child.descriptor, name, descriptor, place) == 0 else { return false }
    pending.append(place)
    return true
  }

  /// Gives the owner access to the folder.
  private func open() { chmod("/proc/self/fd/\(descriptor)", 0o700) }
}
