import DesiredState
import Diagnostics
import FoundationEssentials
import Glibc

/// The folder into which `kdops import` writes.
struct ImportFolder {
  let path: String

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The `.kdops.yaml` of the folder, which is kept; nil if there is none.
  func layout() throws(Failure) -> String? {
    try refuseLinks(RepositoryLayout.path)
    guard FileManager.default.fileExists(atPath: "\(path)/\(RepositoryLayout.path)") else { return nil }
    guard let content = FileManager.default.contents(atPath: "\(path)/\(RepositoryLayout.path)") else {
      throw Failure(description: "\(path)/\(RepositoryLayout.path) cannot be read; check who may read it")
    }
    return String(decoding: content, as: UTF8.self)
  }

  /// A link below the folder could lead out of it.
  private func refuseLinks(_ name: String) throws(Failure) {
    var place = path
    for component in name.split(separator: "/") {
      place += "/\(component)"
      var info = stat()
      guard lstat(place, &info) == 0 else { return }
      if info.st_mode & S_IFMT == S_IFLNK {
        throw Failure(
          description: "\(place) is a symbolic link; remove it, or name an empty folder with --out")
      }
    }
  }

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
    for name in files.keys.sorted() { try refuseLinks(name) }
    var written = 0
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let place = "\(path)/\(name)"
      let content = Data(text.utf8)
      if manager.contents(atPath: place) == content { continue }
      let folder = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
      do {
        try refuseLinks(name)
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try content.write(to: URL(filePath: place), options: .atomic)
      } catch {
        throw Failure(
          description: "\(ErrorText.words(error)); \(written) of \(files.count) files were written before; "
            + "run the command again when that is corrected")
      }
      written += 1
    }
  }
}
