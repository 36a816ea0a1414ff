import Foundation

/// Malformed trees and commits that no regular tool creates, and that every git server accepts.
extension TemporaryRepository {
  /// Stores an object that git itself would not write.
  public func literal(_ type: String, _ bytes: [UInt8]) throws -> String {
    let scratch = try TemporaryFolder()
    let file = scratch.path + "/object"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return try git("hash-object", "-t", type, "-w", "--literally", file)
  }

  /// A tree of nested folders, ten in each: a few hundred bytes that expand to 10^levels files.
  public func bomb(levels: Int = 10) throws -> String {
    let blob = try git("hash-object", "-w", "--stdin", input: "x")
    var tree = try git("mktree", input: (0..<10).map { "100644 blob \(blob)\t\($0).yaml\n" }.joined())
    for _ in 1..<levels {
      let below = tree
      tree = try git("mktree", input: (0..<10).map { "040000 tree \(below)\t\($0)\n" }.joined())
    }
    return tree
  }

  /// A tree with two entries of the same name.
  public func twofold() throws -> String {
    let entry = Array("100644 a.yaml\0".utf8) + (try idOfBlob())
    return try literal("tree", entry + entry)
  }

  /// A folder of many bytes that a pack stores in a few: a single file with a very long name.
  ///
  /// - Parameters:
  ///   - bytes: the length of the name.
  ///   - letter: folders with different letters differ.
  ///   - isMalformed: true for a folder whose entry has no valid mode, so that no name of it can be read.
  public func heavy(_ bytes: Int, letter: Character = "a", isMalformed: Bool = false) throws -> String {
    let mode = isMalformed ? "9" : "100644"
    let name = String(repeating: letter, count: bytes)
    return try literal("tree", Array("\(mode) \(name)\0".utf8) + (try idOfBlob()))
  }

  /// The bytes of the id of a small file.
  private func idOfBlob() throws -> [UInt8] {
    let blob = try git("hash-object", "-w", "--stdin", input: "x")
    return stride(from: 0, to: 40, by: 2).compactMap { UInt8(blob.dropFirst($0).prefix(2), radix: 16) }
  }

  /// Nested folders with a file in the innermost.
  public func nested(_ depth: Int) throws -> String {
    let blob = try git("hash-object", "-w", "--stdin", input: "x")
    var tree = try git("mktree", input: "100644 blob \(blob)\tfile\n")
    for _ in 0..<depth { tree = try git("mktree", input: "040000 tree \(tree)\td\n") }
    return tree
  }

  /// Commits the tree of `HEAD` with an additional folder, and moves the branch to it. The work tree is
  /// unchanged.
  @discardableResult
  public func commit(folder name: String, _ tree: String, _ message: String = "Hostile") throws -> String {
    let entries = try git("ls-tree", "HEAD").split(separator: "\n").filter { !$0.hasSuffix("\t\(name)") }
    let root = try git(
      "mktree", input: (entries + ["040000 tree \(tree)\t\(name)"]).joined(separator: "\n") + "\n")
    let commit = try git("commit-tree", root, "-p", "HEAD", "-m", message)
    try git("update-ref", "HEAD", commit)
    return commit
  }
}
