import ClusterAPI
import Diagnostics

/// No header: a client certificate says it all, or nothing needs to be said.
struct NoCredentials: Credentials {
  let identity: String?

  func authorization() -> String? { nil }
  func forget() {}
}

/// A header that never changes.
struct FixedCredentials: Credentials {
  let header: Redacted<String>
  let identity: String?

  func authorization() -> String? { header.reveal() }
  func forget() {}
}
