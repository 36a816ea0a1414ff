import Glibc

/// Creates folders below `TMPDIR` for data that is deleted or inspected afterwards.
enum ScratchFolder {
  /// - Parameter name: The part of the folder's name before the random letters.
  /// - Throws: `Failure` if the folder cannot be created.
  static func make(_ name: String, _ environment: [String: String]) throws -> String {
    let parent = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { bytes in
      bytes.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw Failure(description: "no folder can be created below \(parent); set TMPDIR") }
    return made
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
