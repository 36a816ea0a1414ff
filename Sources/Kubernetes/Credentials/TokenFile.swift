import ClusterAPI
import Diagnostics

/// A token file that another program, such as the kubelet, replaces from time to time.
actor TokenFile: Credentials {
  /// The maximum age of a token before the file is read again. The kubelet rotates a token when a fifth of its
  /// lifetime is left.
  private static let lifetime = Duration.seconds(60)

  private let path: String
  private let time: Timekeeper
  private var token: Redacted<String>?
  private var readAt = Duration.zero

  init(_ path: String, time: Timekeeper) {
    self.path = path
    self.time = time
  }

  func authorization() throws(APIError) -> String? { "Bearer \(try current())" }

  func forget() { readAt = time.elapsed() - Self.lifetime }

  var identity: String? { (try? current()).flatMap(Secret.serviceAccount) }

  private func current() throws(APIError) -> String {
    if let token, time.elapsed() - readAt < Self.lifetime { return token.reveal() }
    guard let text = FileText.line(at: path) else {
      // A file may be missing for a moment while it is replaced; the previous token is still valid for some
      // time.
      if let token { return token.reveal() }
      throw APIError(.unauthorized, "\(path) holds no token; check that it is there and may be read")
    }
    token = Redacted(text)
    readAt = time.elapsed()
    return text
  }
}
