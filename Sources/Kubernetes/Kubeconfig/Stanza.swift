import FoundationEssentials
import Values

/// A named entry of a kubeconfig: one cluster, user or context, and the file that defines it.
struct Stanza: Sendable {
  /// The entry's kind and name for errors: `user admin`.
  let title: String
  let file: String
  let json: JSON

  /// Returns the text of a key; nil if it is absent or empty, which mean the same in a kubeconfig.
  func text(_ key: String) throws(ConnectionError) -> String? {
    guard let value = json[key], !value.isNull else { return nil }
    guard let text = value.string else { throw malformed(key, "must be text; put quotes around it") }
    return text.isEmpty ? nil : text
  }

  func flag(_ key: String) throws(ConnectionError) -> Bool {
    guard let value = json[key], !value.isNull else { return false }
    guard let flag = value.bool else { throw malformed(key, "must be true or false") }
    return flag
  }

  /// Returns the base64-decoded value of `<key>-data`, else the content of the file that `<key>` names.
  func content(_ key: String) throws(ConnectionError) -> [UInt8]? {
    if let inline = try text("\(key)-data") {
      guard let data = Data(base64Encoded: inline, options: .ignoreUnknownCharacters), !data.isEmpty else {
        throw malformed("\(key)-data", "must be base64; write it again with `kubectl config set-credentials`")
      }
      return Array(data)
    }
    guard let path = try text(key) else { return nil }
    return try FileText.bytes(at: resolved(path), for: "\(title) in \(file)")
  }

  /// Resolves a path in the kubeconfig, relative to the file's own folder.
  func resolved(_ path: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return "\(file[..<slash])/\(path)"
  }

  func malformed(_ key: String, _ what: String) -> ConnectionError {
    ConnectionError(.malformed, "\(file): \(title): \(key) \(what)")
  }
}

/// Reads small files as a whole.
enum FileText {
  static func bytes(at path: String, for user: String) throws(ConnectionError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConnectionError(
        .unreadable,
        "\(path) cannot be read, but \(user) needs it; correct the path or the file's permissions")
    }
    return Array(data)
  }

  /// Returns the file's content without surrounding white space; nil if the file is missing or its content is
  /// not a single line.
  static func line(at path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return Secret.trimmed(String(decoding: data, as: UTF8.self))
  }
}
