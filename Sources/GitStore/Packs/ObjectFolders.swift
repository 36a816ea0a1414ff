import Glibc

/// The folders in which libgit2 searches for the objects of a repository.
struct ObjectFolders {
  /// Each with a `/` at the end.
  let paths: [String]

  /// The depth up to which alternates of alternates are followed; the same as in libgit2.
  private static let depth = 5

  init(_ location: RepositoryLocation, commonFolder: String) {
    var found: [String] = []
    for folder in [location.objectFolder ?? commonFolder + "objects"] + location.alternateObjectFolders {
      Self.collect(folder, 0, &found)
    }
    paths = found
  }

  private static func collect(_ folder: String, _ level: Int, _ found: inout [String]) {
    let folder = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
    guard !found.contains(folder) else { return }
    found.append(folder)
    guard level <= depth, let list = FileText.read(folder + "info/alternates") else { return }
    for line in list.split(whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" })
    where line.utf8.first != UInt8(ascii: "#") {
      let isAbsolute = line.utf8.first == UInt8(ascii: "/")
      collect(isAbsolute ? String(line) : folder + String(line), level + 1, &found)
    }
  }

  /// Whether an object is in a file of its own.
  func hasLoose(_ id: ObjectID) -> Bool {
    let hex = id.hex
    return paths.contains { access("\($0)\(hex.prefix(2))/\(hex.dropFirst(2))", F_OK) == 0 }
  }
}
