import CLibgit2
import Glibc

/// The hooks that git would run in a repository on this machine on a push.
struct Hooks {
  private let folder: String
  private let repository: String

  init(_ handle: RepositoryHandle) {
    repository = handle.gitFolder
    let configured = try? handle.setting("core.hooksPath")
    if let configured, !configured.isEmpty {
      folder = configured.hasPrefix("/") ? configured : repository + configured
    } else {
      folder = repository + "hooks"
    }
  }

  /// Runs the hooks that can reject a push: `pre-receive`, then `update` for each ref.
  ///
  /// - Returns: the rejected refs, and the output of the hooks.
  func accept(_ refs: [PushedRef], limit: Duration) -> PushAnswer {
    var answer = PushAnswer()
    let lines = refs.map { "\($0.old ?? .zero) \($0.new) \($0.ref)\n" }.joined()
    if let (status, words) = run("pre-receive", [], input: lines, limit) {
      answer.words = words
      if status != 0 {
        for ref in refs { answer.rejected[ref.ref] = "pre-receive hook declined" }
        return answer
      }
    }
    for ref in refs {
      let arguments = [ref.ref, "\(ref.old ?? .zero)", "\(ref.new)"]
      if let (status, words) = run("update", arguments, input: "", limit), status != 0 {
        answer.words = words
        answer.rejected[ref.ref] = "update hook declined"
      }
    }
    return answer
  }

  /// Runs the hooks that follow a push: `post-receive` and `post-update`. Their result changes nothing.
  func notify(_ refs: [PushedRef], limit: Duration) {
    if refs.isEmpty { return }
    let lines = refs.map { "\($0.old ?? .zero) \($0.new) \($0.ref)\n" }.joined()
    _ = run("post-receive", [], input: lines, limit)
    _ = run("post-update", refs.map(\.ref), input: "", limit)
  }

  /// - Returns: the hook's exit status (1 if it did not exit normally) and its output; nil if there is no
  ///   such hook.
  private func run(
    _ name: String, _ arguments: [String], input: String, _ limit: Duration
  ) -> (status: Int32, words: String?)? {
    let path = folder + "/" + name
    guard access(path, X_OK) == 0 else { return nil }
    var environment = ["GIT_DIR=."]
    for name in ["PATH", "HOME", "LANG", "USER"] {
      if let value = getenv(name) { environment.append("\(name)=\(String(cString: value))") }
    }
    return ChildProcess.run(
      [path] + arguments, environment, folder: repository, input: Array(input.utf8), limit)
  }
}
