import FoundationEssentials

/// The folder into which `kdops import` writes.
struct ImportFolder {
  let path: String

  /// The files of the folder that have another content than the imported ones, sorted.
  func conflicts(with files: [String: String]) -> [String] {
    files.filter { name, text in
      guard FileManager.default.fileExists(atPath: "\(path)/\(name)") else { return false }
      return FileManager.default.contents(atPath: "\(path)/\(name)") != Data(text.utf8)
    }.map(\.key).sorted()
  }

  /// Writes the files that are missing or differ.
  func write(_ files: [String: String]) throws {
    let manager = FileManager.default
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let place = "\(path)/\(name)"
      let content = Data(text.utf8)
      if manager.contents(atPath: place) == content { continue }
      let folder = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
      try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try content.write(to: URL(filePath: place), options: .atomic)
    }
  }
}
