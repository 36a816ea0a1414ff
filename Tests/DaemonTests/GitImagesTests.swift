import EmbeddedCluster
import GitStore
import TestSupport
import Testing

@testable import Daemon

@Suite("Images in a repository")
struct GitImagesTests {
  private func files(_ rootfs: String, _ files: [String: String]) async throws -> [String]? {
    let remote = try TemporaryRepository()
    let settings = "embedded:\n  images:\n    - image: '*'\n      rootfs: \"\(rootfs)\"\n"
    let head = try remote.commit(files.merging([".kdops.yaml": settings]) { $1 })
    let repository = try await GitRepository.open(path: remote.path)
    let commit = try #require(ObjectID(hex: head))
    let catalog = try await GitImages().catalog(at: commit, in: repository)
    let image = try #require(catalog.entry(for: "registry.example/app:1"))
    return (image.rootfs as? GitRootFS)?.files.map { String(decoding: $0.path, as: UTF8.self) }
  }

  @Test("have the files of the named folder, with paths relative to it")
  func plain() async throws {
    let found = try await files(
      "images/x", ["images/x/srv/version": "1", "images/xy/srv/other": "2", "images/x.txt": "3"])
    #expect(found == ["srv/version"])
  }

  @Test("are refused if the folder is a submodule")
  func submodule() async throws {
    let remote = try TemporaryRepository()
    let start = try remote.commit([
      ".kdops.yaml": "embedded: {images: [{image: a, rootfs: images/x}]}\n", "images/y": "1",
    ])
    try remote.git("update-index", "--add", "--cacheinfo", "160000,\(start),images/x")
    try remote.git("commit", "--quiet", "--message", "Submodule")
    let repository = try await GitRepository.open(path: remote.path)
    let head = try await repository.resolve("HEAD")
    let error = await #expect(throws: GitError.self) {
      try await GitImages().catalog(at: head, in: repository)
    }
    #expect(error?.kind == .malformed && error?.path == "images/x")
  }

  @Test("are read again if only the mode of a file changed")
  func modes() async throws {
    let remote = try TemporaryRepository()
    try remote.commit([
      ".kdops.yaml": "embedded: {images: [{image: a, rootfs: images/x}]}\n", "images/x/a": "1",
      "images/x/b": "2",
    ])
    let repository = try await GitRepository.open(path: remote.path)
    let images = GitImages()
    for mode in ["100644", "120000", "100755"] {
      if mode != "100644" { try remote.setMode(mode, of: "images/x/a") }
      let head = try await repository.resolve("HEAD")
      for images in [images, GitImages()] {
        let rootfs = try await images.catalog(at: head, in: repository).entry(for: "a")?.rootfs as? GitRootFS
        let file = rootfs?.files.first { $0.path == Array("a".utf8) }
        #expect((file == nil) == (mode == "120000") && rootfs?.files.count == (file == nil ? 1 : 2))
        #expect(file?.isExecutable ?? false == (mode == "100755"))
      }
    }
  }

  @Test("have no files if the folder is a pattern, whatever folders match it")
  func wildcards() async throws {
    let found = try await files("im/*", ["im/ab../c1/x/pid": "1", "im/ab/srv/v": "2"])
    #expect(found == nil)
  }

  @Test("a combining mark after a slash moves no file out of the folder")
  func combiningMarks() async throws {
    let found = try await files("images/x", ["images/x/\u{301}../c1/x/pid": "1", "images/x/a": "2"])
    let paths = try #require(found).map { Array($0.utf8) }
    #expect(Set(paths) == [Array("\u{301}../c1/x/pid".utf8), Array("a".utf8)])
  }

  @Test("two folders with canonically equivalent names are two images")
  func lookAlikes() async throws {
    let remote = try TemporaryRepository()
    func settings(_ folder: String) -> String {
      "embedded:\n  images:\n    - image: '*'\n      rootfs: \"\(folder)\"\n"
    }
    let images = GitImages()
    let repository = try await GitRepository.open(path: remote.path)
    var found: [[UInt8]] = []
    for name in ["caf\u{e9}", "cafe\u{301}"] {
      let head = try remote.commit([
        "images/\(name)/srv/\(name)": "1", ".kdops.yaml": settings("images/\(name)"),
      ])
      let catalog = try await images.catalog(at: try #require(ObjectID(hex: head)), in: repository)
      let rootfs = catalog.entry(for: "a")?.rootfs as? GitRootFS
      found += rootfs?.files.map(\.path) ?? []
    }
    #expect(found == ["srv/caf\u{e9}", "srv/cafe\u{301}"].map { Array($0.utf8) })
  }
}
