import Glibc

/// Operations on whole folders that kdops owns.
enum Folders {
  /// Removes a folder with everything in it; links are removed, not followed. A missing folder is not an
  /// error.
  static func remove(_ path: String) throws(GitError) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    if isFolder {
      var names: [String] = []
      forEachName(in: path) { names.append($0) }
      for name in names { try remove(path + "/" + name) }
    }
    guard (isFolder ? rmdir(path) : unlink(path)) == 0 else {
      throw GitError(
        .other, "cannot remove \(path): \(String(cString: strerror(errno)))", hint: "remove it manually")
    }
  }

  /// Iterates over the names in a folder except `.` and `..`; calls nothing if the folder cannot be read.
  static func forEachName(in path: String, _ body: (String) -> Void) {
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    while let item = readdir(folder) {
      let name = withUnsafeBytes(of: item.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { body(name) }
    }
  }
}
