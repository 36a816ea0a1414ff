import Glibc

/// A new folder below `TMPDIR`, for what is thrown away or looked at afterwards.
enum ScratchFolder {
  /// - Parameter name: what it is called before its random letters.
  /// - Throws: `Failure` where none can be made.
  static func make(_ name: String, _ environment: [String: String]) throws -> String {
    let parent = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { bytes in
      bytes.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw Failure(description: "no folder can be made below \(parent); set TMPDIR") }
    return made
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
