import EmbeddedCluster
import GitStore
import Installation

// The repository, the cluster and the programs that kdops needs.
extension Checkup {
  static func configuration(_ facts: CheckupFacts) -> Check {
    guard let first = facts.configurationProblems.first else {
      return Check(subject: .configuration, result: .ok, message: "the settings are valid")
    }
    let rest = facts.configurationProblems.count - 1
    return Check(
      subject: .configuration, result: .failed, message: first + (rest > 0 ? "; and \(rest) more" : ""),
      fix:
        "correct the setting; `kdops run` shows each with its line, docs/configuration.md lists all settings")
  }

  static func repository(_ facts: CheckupFacts) -> Check {
    switch facts.repository {
    case .notNamed:
      Check(
        subject: .git, result: .skipped, message: "no repository is named",
        fix: "name it: --repo URL, KDOPS_REPO, or `repo:` in the --config file")
    case .reached(let address, let head):
      Check(
        subject: .git, result: .ok,
        message: "\(address) can be read; \(facts.branch) is at \(head.prefix(7))")
    case .failed(let error):
      Check(
        subject: .git, result: .failed, message: error.message,
        fix: error.hint ?? "check that the address is right and that the server runs")
    }
  }

  static func apiServer(_ facts: CheckupFacts) -> Check {
    switch facts.cluster {
    case .notSelected:
      Check(
        subject: .apiServer, result: .skipped, message: "no Kubernetes cluster is selected",
        fix: facts.target == .none ? "select it: --context NAME or --kubeconfig FILE; or --embedded=DIR" : nil
      )
    case .unreachable(let reason):
      Check(
        subject: .apiServer, result: .failed, message: reason,
        fix: "compare with `kubectl version`, which uses the same kubeconfig")
    case .lacksDefinitions(let server):
      Check(
        subject: .apiServer, result: .failed, message: "\(server) does not know KubeDirectorCluster",
        fix: facts.installCommand)
    case .reached(let access):
      Check(subject: .apiServer, result: .ok, message: "\(access.server) answers")
    }
  }

  static func access(_ facts: CheckupFacts) -> Check {
    func skipped(_ message: String) -> Check {
      Check(subject: .rbac, result: .skipped, message: message)
    }
    let access: CheckupFacts.Access
    switch facts.cluster {
    case .notSelected: return skipped("permissions exist only on a Kubernetes cluster")
    case .unreachable: return skipped("not checked, because the API server cannot be reached")
    case .lacksDefinitions:
      return skipped("not checked, because the API server does not know KubeDirectorCluster")
    case .reached(let reached): access = reached
    }
    let account = access.account.map { "the service account \($0)" } ?? "this account"
    guard access.denied.isEmpty else {
      return Check(
        subject: .rbac, result: .failed,
        message: "\(account) may not \(denials(access.denied).joined(separator: "; "))"
          + (access.problem.map { "; the rest was not checked: \($0.words)" } ?? ""),
        fix: "grant it: \(facts.installCommand)")
    }
    switch access.problem {
    case .forbidden(let words)?:
      return Check(
        subject: .rbac, result: .warning,
        message: "permissions of \(account) cannot be checked: \(words)",
        fix: "run it as an administrator, or in the daemon's pod without --service-account")
    case .failed(let words)?:
      return Check(
        subject: .rbac, result: .failed, message: "permissions of \(account) cannot be checked: \(words)",
        fix: "run it again when the API server answers; `kubectl get --raw /readyz` shows whether it does")
    case nil: break
    }
    return Check(
      subject: .rbac, result: .ok,
      message: "\(account) has all \(access.reviewed) permissions that the daemon uses")
  }

  /// Denied requests in words, grouped by resource and namespace: `create, patch services in prod`.
  static func denials(_ denied: [AccessRequest]) -> [String] {
    var groups: [(key: String, verbs: [String])] = []
    for request in denied {
      var key = request.resource.plural + (request.subresource.map { "/\($0)" } ?? "")
      if let name = request.name { key += " \(name)" }
      if let namespace = request.namespace {
        key += " in \(namespace)"
      } else if request.resource.isNamespaced {
        key += " in all namespaces"
      }
      if let index = groups.firstIndex(where: { $0.key == key }) {
        groups[index].verbs.append(request.verb.rawValue)
      } else {
        groups.append((key, [request.verb.rawValue]))
      }
    }
    return groups.map { "\($0.verbs.joined(separator: ", ")) \($0.key)" }
  }

  static func scripts(_ facts: CheckupFacts) -> Check {
    func check(_ result: Check.Result, _ message: String, _ fix: String? = nil) -> Check {
      Check(subject: .bubblewrap, result: result, message: message, fix: fix)
    }
    // Without an embedded cluster nothing needs it.
    let severity: Check.Result = facts.target == .embedded(runsUnsandboxed: false) ? .failed : .warning
    switch facts.scripts {
    case nil:
      return check(.skipped, "scripts run in the pods of the Kubernetes cluster")
    case .failed(let reason)?:
      return check(severity, "it cannot be tried: \(reason)", "set TMPDIR to a folder that you may write to")
    case .tried(.works)?:
      return check(.ok, "scripts of an embedded cluster can run in a sandbox")
    case .tried(.notInstalled)?:
      return check(
        severity, "bubblewrap, in which scripts of an embedded cluster run, is not installed",
        "apt-get install bubblewrap")
    case .tried(.refused(let reason, let changesUser))?:
      return check(
        severity, "bubblewrap cannot make a sandbox: \(reason)",
        changesUser
          ? "start kdops as another user than root, or install setpriv (package util-linux)"
          : "allow user namespaces; on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0")
    }
  }

  static func signatures(_ facts: CheckupFacts) -> Check {
    guard let first = facts.signatureProblems.first else {
      return Check(
        subject: .signatures, result: .ok, message: "what `verify` requires is available")
    }
    return Check(
      subject: .signatures, result: .failed, message: first,
      fix: "the setting `verify` is described in docs/operations/signatures.md")
  }
}
