import ClusterAPI
import Values

/// How a command ended, as the server's `Status` on the error channel says.
enum ExecStatus: Sendable, Hashable {
  case exited(Int)
  /// The command did not begin, or nobody knows how it ended.
  case failed(String)

  /// Nil where the bytes are no whole `Status`.
  init?(_ bytes: [UInt8]) {
    guard let json = try? JSON.parse(bytes), let word = json["status"]?.string else { return nil }
    if word == "Success" {
      self = .exited(0)
      return
    }
    let causes = json["details"]?["causes"]?.array ?? []
    if json["reason"]?.string == "NonZeroExitCode",
      let cause = causes.first(where: { $0["reason"]?.string == "ExitCode" }),
      let code = cause["message"]?.string.flatMap({ Int($0) })
    {
      // A failure without an exit code that says so is no end that anything may be concluded from, least of all success.
      self =
        Self.failures.contains(code)
        ? .exited(code) : .failed("the server calls exit code \(code) a failure")
      return
    }
    let said = json["message"]?.string ?? causes.compactMap { $0["message"]?.string }.first
    self = .failed(said.map(ExecTrouble.line) ?? "the server did not say why")
  }
}

extension ExecStatus {
  /// The exit codes by which a process fails; whatever ends otherwise has 128 and a signal.
  private static let failures = 1...255
}

/// What the words of a kubelet or container runtime mean; there is nothing but words to go by.
///
/// Source: `pkg/kubelet`, `pkg/registry/core/pod` and containerd's `pkg/cri`, whose texts have been the same for years.
/// An unknown text counts as a fault that passes, since what is asked for can be asked for again.
enum ExecTrouble {
  static func kind(_ text: String) -> APIError.Kind {
    let text = text.lowercased()
    func says(_ phrases: [String]) -> Bool { phrases.contains { text.contains($0) } }
    if says(["is not valid for pod", "container name must be specified"]) { return .invalid }
    if says(stopped) { return .notRunning }
    if says(unstartable) { return .notStarted }
    return .unavailable
  }

  /// What somebody else has written, fit for a sentence of ours.
  static func line(_ text: String) -> String {
    String(text.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(2000))
  }

  private static let stopped = [
    "container not found", "not running", "is not created or running", "does not have a host assigned",
    "completed pod", "container_exited", "container_created", "container_unknown", "cannot exec in a stopped",
    "has stopped", "unable to find container", "no running task",
    "an error occurred when try to find container",
  ]

  private static let unstartable = [
    "executable file not found", "no such file or directory", "permission denied", "exec format error",
    "argument list too long", "is a directory",
  ]
}
