import ClusterAPI
import Diagnostics

/// Credentials without a header: a client certificate is used, or none are needed.
struct NoCredentials: Credentials {
  let identity: String?

  func authorization() -> String? { nil }
  func forget() {}
}

/// Credentials with a constant header.
struct FixedCredentials: Credentials {
  let header: Redacted<String>
  let identity: String?

  func authorization() -> String? { header.reveal() }
  func forget() {}
}
