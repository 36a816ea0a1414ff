@testable import EmbeddedCluster

/// An image's files as a test writes them: contents by path, `-> target` for a symbolic link, `+x` at the
/// start for a program.
struct Files: RootFS {
  var files: [String: String]

  init(_ files: [String: String]) { self.files = files }

  func materialise(into root: RootFolder) throws {
    for (path, content) in files {
      if content.hasPrefix("-> ") {
        try root.link(Array(path.utf8), to: String(content.dropFirst(3)))
      } else {
        let isProgram = content.hasPrefix("+x")
        try root.write(
          Array((isProgram ? String(content.dropFirst(2)) : content).utf8), to: Array(path.utf8),
          isExecutable: isProgram)
      }
    }
  }
}
