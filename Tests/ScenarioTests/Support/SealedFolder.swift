import Foundation
import TestSupport
import Testing

/// A folder in which no process can create files, not even as root, until it is unsealed.
final class SealedFolder: Sendable {
  private let path: String

  init(_ path: String) throws {
    self.path = path
    try Self.mark("+i", path)
  }

  deinit { try? undo() }

  func undo() throws { try Self.mark("-i", path) }

  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

  private static func mark(_ mark: String, _ path: String) throws {
    try TemporaryRepository.run(["chattr", mark, path], in: nil, input: "", environment: [:])
  }

  /// Needs root, and a file system with immutable attributes.
  static let isPossible: any SuiteTrait & TestTrait = .enabled(
    if: {
      guard let folder = try? TemporaryFolder(), let seal = try? SealedFolder(folder.path) else {
        return false
      }
      return (try? seal.undo()) != nil
    }(), "skipped: a folder cannot be sealed here (chattr +i, as root)")
}
