import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("The root of a container")
struct RootTreeTests {
  private func withRoot(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    try Files(files).materialise(into: RootFolder(folder: OpenFolder(folder)))
    try body(folder)
  }

  @Test("keeps only permitted folders of an image")
  func topLevel() throws {
    let files = [
      "opt/a": "1", "data/b": "2", "usr/bin/x": "3", "lib64/y": "4", "tmp/z": "5", "proc/p": "6", "file": "7",
    ]
    try withRoot(files) { root in
      try RootTree.clean(root)
      #expect(try SafeFolder.names(in: root) == ["data", "opt"])
    }
  }

  @Test("names the pod's search domains, and has no resolv.conf without any")
  func searchDomains() throws {
    try withRoot([:]) { root in
      try RootTree.addSkeleton(root, hostname: "web-0", ip: "10.0.0.1")
      #expect(SafeFolder.kind("\(root)/etc/resolv.conf") == nil)
      try RootTree.addSkeleton(
        root, hostname: "web-0", ip: "10.0.0.1", searchDomains: ["web.prod.svc.cluster.local", "example"])
      #expect(FileText.read("\(root)/etc/resolv.conf") == "search web.prod.svc.cluster.local example\n")
    }
  }

  @Test(
    "keeps a symbolic link that stays inside, relative to its own place",
    arguments: [
      ("file", "file"), ("/opt/x", "../../opt/x"), ("../c", "../../a/c"), ("./d/./e", "../../a/b/d/e"),
      ("d/../e", "../../a/b/e"), ("/", "../.."), ("/usr/bin/env", "../../usr/bin/env"),
      ("../../x", "../../x"),
    ])
  func linkInside(target: String, rewritten: String) {
    let expected = rewritten == "file" ? "../../a/b/file" : rewritten
    #expect(RootTree.inside(target, from: ["a", "b", "link"]) == expected)
  }

  @Test(
    "drops a symbolic link that leaves the root", arguments: ["../../../etc", "/../x", "x/../../../../y", ""])
  func linkOutside(target: String) { #expect(RootTree.inside(target, from: ["a", "b", "link"]) == nil) }

  @Test("resolves symbolic links of an image only inside the root, whatever their targets")
  func links() throws {
    let files = [
      "opt/real": "here", "opt/good": "-> /opt/real", "opt/bad": "-> ../../../../etc/passwd",
      "opt/dot": "-> .",
    ]
    try withRoot(files) { root in
      try RootTree.clean(root)
      #expect(try String(contentsOfFile: "\(root)/opt/good", encoding: .utf8) == "here")
      #expect(SafeFolder.kind("\(root)/opt/bad") == nil)
      #expect(try SafeFolder.target(ofLink: "\(root)/opt/good") == "../opt/real")
    }
  }

  @Test("packs a config package reproducibly, in a format that tar can read")
  func packing() throws {
    let long = String(repeating: "long-name-", count: 7)
    let package = [
      "startscript": "+x#!/bin/sh\n", "lib/common.sh": "x", "link": "-> startscript",
      "\(long)/\(long)/file": "deep",
      "large": String(repeating: "0123456789", count: 20_000),
    ]
    try withRoot(package) { folder in
      let archive = try PackageArchive.packed(folder: folder, as: "appconfig")
      #expect(try PackageArchive.packed(folder: folder, as: "appconfig") == archive)
      let out = ClusterFixture.temporaryFolder()
      defer { ClusterFixture.remove(out) }
      try Data(archive).write(to: URL(fileURLWithPath: "\(out)/a.tgz"))
      #expect(Machine.run(["tar", "xzf", "\(out)/a.tgz", "-C", out]) == 0)
      #expect(access("\(out)/appconfig/startscript", X_OK) == 0)
      #expect(access("\(out)/appconfig/lib/common.sh", X_OK) != 0)
      #expect(try SafeFolder.target(ofLink: "\(out)/appconfig/link") == "startscript")
      #expect(try String(contentsOfFile: "\(out)/appconfig/\(long)/\(long)/file", encoding: .utf8) == "deep")
      #expect(try String(contentsOfFile: "\(out)/appconfig/large", encoding: .utf8) == package["large"])
    }
  }

  @Test("creates folders below others, never through a symbolic link")
  func safeFolders() throws {
    try withRoot(["real/file": "x", "link": "-> /tmp"]) { root in
      try SafeFolder.make(["real", "a", "b"], below: root, owner: nil)
      #expect(SafeFolder.kind("\(root)/real/a/b") == .folder)
      #expect(throws: FileError.self) { try SafeFolder.make(["link", "escaped"], below: root, owner: nil) }
      #expect(throws: FileError.self) { try SafeFolder.make(["real", "file"], below: root, owner: nil) }
      #expect(SafeFolder.kind("/tmp/escaped") == nil)
    }
    #expect(SafeFolder.components("/a//b/") == ["a", "b"])
    #expect(SafeFolder.components("/a/../b") == nil)
    #expect(SafeFolder.components("a/\u{301}b/..") == nil)
    #expect(SafeFolder.components("a/\u{301}b") == ["a", "\u{301}b"])
  }

  @Test(
    "refuses a file of an image whose path leaves the root or is not normalized",
    arguments: [
      "", "/", "/etc/x", "..", "../x", "a/../../x", "a/..", "a/.", "./a", "a//b", "a/",
      "a/\u{301}/../../../x",
      "a\u{0}b", "a\u{2f}\u{301}/../x",
    ])
  func filesOutside(path: String) throws {
    try withRoot(["a/kept": "1"]) { outer in
      let root = try OpenFolder(outer).make(["root"], owner: nil)
      #expect(throws: FileError.self) {
        try RootFolder(folder: root).write([1], to: Array(path.utf8), isExecutable: false)
      }
      #expect(try SafeFolder.names(in: outer) == ["a", "root"])
    }
  }

  @Test("accepts a name that only resembles a parent reference")
  func filesInside() throws {
    try withRoot([:]) { root in
      for path in ["\u{301}../z/pid", "ab../x", "...", "..x/y"] {
        try RootFolder(folder: OpenFolder(root)).write([1], to: Array(path.utf8), isExecutable: true)
        #expect(SafeFolder.kind("\(root)/\(path)") == .file, "\(path)")
      }
    }
  }

  @Test("writes no file of an image through a symbolic link to a folder or file")
  func filesThroughLinks() throws {
    let outside = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(outside) }
    try withRoot(["folder": "-> \(outside)", "file": "-> \(outside)/target"]) { root in
      let folder = try RootFolder(folder: OpenFolder(root))
      #expect(throws: FileError.self) {
        try folder.write([1], to: Array("folder/x".utf8), isExecutable: false)
      }
      try folder.write([1], to: Array("file".utf8), isExecutable: false)
      #expect(SafeFolder.kind("\(root)/file") == .file)
      #expect(try SafeFolder.names(in: outside).isEmpty)
    }
  }

  @Test(
    "changes the owner of a folder with its content, but of no target of a symbolic link",
    .enabled(if: geteuid() == 0, "only root may give files away"))
  func owners() throws {
    let outside = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(outside) }
    try withRoot(["a/b/c": "1", "a/link": "-> \(outside)"]) { root in
      try OpenFolder(root).give(to: FileOwner(user: 4711, group: 4712))
      for path in ["", "/a", "/a/b", "/a/b/c", "/a/link"] {
        var info = stat()
        #expect(lstat(root + path, &info) == 0)
        #expect(info.st_uid == 4711 && info.st_gid == 4712, "\(path)")
      }
      #expect(try OpenFolder(outside).owner() == FileOwner(user: 0, group: getegid()))
    }
  }
}

@Suite("Image names")
struct ImageTests {
  @Test(
    "are parsed as references",
    arguments: [
      "app", "shop/app:1.0", "registry.example:5000/a/b_c:v1", "localhost/a", "Registry.io/a:LATEST",
      "a@sha256:0123456789abcdef0123456789abcdef", "a--b/c__d:x",
    ])
  func valid(reference: String) { #expect(ImageReference.isValid(reference)) }

  @Test(
    "are rejected if they are not references",
    arguments: [
      "", "Not An Image", "a:", "a:-x", "UPPER/a/", "a//b", "/a", "a/", "a@sha256:xyz", "-a", "a_-b", "a:b:c",
    ])
  func invalid(reference: String) { #expect(!ImageReference.isValid(reference)) }

  @Test("match a glob only as a whole")
  func globs() {
    #expect(Glob.matches(pattern: "registry.example/spark:1.*", "registry.example/spark:1.0.3"))
    #expect(!Glob.matches(pattern: "registry.example/spark:1.*", "registry.example/spark:2.1.0"))
    #expect(!Glob.matches(pattern: "spark:1.0", "registry.example/spark:1.0"))
    #expect(Glob.matches(pattern: "*:1.?", "a/b:1.2"))
    #expect(!Glob.matches(pattern: "*:1.?", "a/b:1.22"))
    #expect(Glob.matches(pattern: "*", ""))
    #expect(Glob.matches(pattern: "a*b*c", "aXbXbXc"))
    #expect(!Glob.matches(pattern: "", "a"))
    let hostile = String(repeating: "a*", count: 2_000) + "b"
    #expect(!Glob.matches(pattern: hostile, String(repeating: "a", count: 5_000)))
  }

  @Test("use the first entry that matches")
  func catalog() {
    let catalog = ImageCatalog([.init(image: "a:1", crash: true), .init(image: "a:*")])
    #expect(catalog.entry(for: "a:1")?.crash == true)
    #expect(catalog.entry(for: "a:2")?.crash == false)
    #expect(catalog.entry(for: "b:1") == nil)
  }
}
