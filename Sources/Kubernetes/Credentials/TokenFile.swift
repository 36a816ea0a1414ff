import ClusterAPI
import Diagnostics

/// A token in a file that others write anew now and then, as the kubelet does.
actor TokenFile: Credentials {
  /// How old a token may be that is not read again. The kubelet rotates with a fifth of the lifetime left.
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
      // A file that is being replaced is not there for a moment; the token before it is good for a while yet.
      if let token { return token.reveal() }
      throw APIError(.unauthorized, "\(path) holds no token; check that it is there and may be read")
    }
    token = Redacted(text)
    readAt = time.elapsed()
    return text
  }
}
