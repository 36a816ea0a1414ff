import FoundationEssentials
import Values

/// A named part of a kubeconfig: one cluster, user or context, and the file it was written in.
struct Stanza: Sendable {
  /// For errors: `user admin`.
  let title: String
  let file: String
  let json: JSON

  /// The text of a key; nil where it is absent or empty, which mean the same in a kubeconfig.
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

  /// What `<key>-data` holds in base64, else what the file that `<key>` names holds.
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

  /// A path that the file names, which is relative to the file's own folder.
  func resolved(_ path: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return "\(file[..<slash])/\(path)"
  }

  func malformed(_ key: String, _ what: String) -> ConnectionError {
    ConnectionError(.malformed, "\(file): \(title): \(key) \(what)")
  }
}

/// Small files that are read whole.
enum FileText {
  static func bytes(at path: String, for user: String) throws(ConnectionError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConnectionError(
        .unreadable, "\(path) cannot be read, but \(user) needs it; mend the path or the file's rights")
    }
    return Array(data)
  }

  /// The file as one line, without the space around it; nil where it is not there, or is no line.
  static func line(at path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return Secret.trimmed(String(decoding: data, as: UTF8.self))
  }
}
