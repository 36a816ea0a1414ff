import Diagnostics
import KubeDirector

/// Explains to app authors why a cluster has stalled. Pure.
enum StallExplanation {
  /// The maximum number of lines of script output.
  static let outputLimit = 20

  /// - Parameter status: The status of the subject's cluster, which has stalled.
  static func failure(of subject: RehearsalSubject, _ status: ClusterStatus) -> RehearsalFailure {
    // The engine's remediation does not apply in a rehearsal.
    var failure = RehearsalFailure(
      cluster: subject.cluster, message: status.stall?.cause ?? "it does not continue")
    for role in status.roles {
      for member in role.members where member.state == .configError {
        failure.output = tail(member.detail)
        failure.hint = "fix what the config package of role \(role.id) runs"
        return failure
      }
    }
    for role in status.roles {
      guard let reason = role.members.compactMap(\.detail.waitingReason).first else { continue }
      let image = subject.image(of: role.id, in: status.app)
      failure.hint = remedy(reason, image: image ?? "the image of role \(role.id)")
      return failure
    }
    return failure
  }

  private static func tail(_ detail: MemberStatus.Detail) -> [String] {
    [detail.lastStdout, detail.lastStderr].compactMap(\.self)
      .flatMap { $0.split(separator: "\n").suffix(outputLimit) }.map { Redaction.url(String($0)) }
  }

  private static func remedy(_ reason: StatusReason, image: String) -> String? {
    switch reason {
    case .errImagePull, .imagePullBackOff:
      "correct the tag, or list it under embedded.images in .kdops.yaml as an image that can be pulled: - image: \"\(image)\""
    case "InvalidImageName": "correct the name of the image in the app: \(image)"
    case .crashLoopBackOff: "see `crash` of \(image) under embedded.images in .kdops.yaml"
    default: nil
    }
  }
}
