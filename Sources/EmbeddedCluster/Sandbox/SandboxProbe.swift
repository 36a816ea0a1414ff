import FoundationEssentials
import Glibc
import Logging

extension Sandbox {
  /// Runs a command without effect, to check whether sandboxes can be created on this machine.
  func probe(in directory: String, logger: Logger) async throws(EmbeddedClusterError) {
    guard mode != .noScripts else { return }
    guard let failure = try await failure(in: directory) else { return report(to: logger) }
    throw EmbeddedClusterError(
      Self.advice(mode, failure, isInstalled: Self.isInstalled, user: owner?.user))
  }

  /// Runs a command without effect in a sandbox.
  ///
  /// - Returns: nil if it ended with exit code 0, otherwise its output, or how it ended.
  func failure(in directory: String) async throws(EmbeddedClusterError) -> String? {
    let root = "\(directory)/run/probe-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder: SandboxRequest.Folder
    do {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      try RootTree.addSkeleton(root, hostname: "probe", ip: "127.0.0.1")
      try SafeFolder.give(root, to: owner)
      folder = try SandboxRequest.Folder(OpenFolder(root))
    } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot make folders: \(error)")
    }
    let request = SandboxRequest(
      root: folder, binds: [], hostname: "probe", environment: [:], command: ["true"])
    let filter = "\(root)/filter"
    do { try FileText.write(SystemCallFilter.bytes, to: filter) } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot make files: \(error)")
    }
    return await HostProcess.failure(of: arguments(request), filter: filter)
  }

  static var isInstalled: Bool {
    ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].contains { (path: String) in
      access(path, X_OK) == 0
    }
  }

  /// Logs the user that scripts run as, if it is not the daemon's own user in a sandbox, and what limits their
  /// supervision.
  private func report(to logger: Logger) {
    if let owner {
      logger.info("scripts run as user \(owner.user), an id without an account, and not as root")
      if FileText.read("/proc/self/status").map(Self.mayReadProcesses) == false {
        logger.warning("\(Self.unreadableProcesses)")
      }
    } else if mode == .none {
      logger.warning(
        geteuid() == 0
          ? "scripts run without a sandbox and as root: they can do anything on this machine; start kdops as another user, or without --embedded-unsandboxed"
          : "scripts run without a sandbox: they can use the network and all that this user may use of this machine"
      )
    }
  }

  /// Whether a root daemon may read the open files of other users' processes.
  /// - Parameter status: its `/proc/self/status`.
  static func mayReadProcesses(status: String) -> Bool {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    guard
      let set = line.flatMap({ UInt64($0.dropFirst("CapEff:".count).drop(while: \.isWhitespace), radix: 16) })
    else {
      return true
    }
    // CAP_SYS_PTRACE
    return set & 1 << 19 != 0
  }

  static let unreadableProcesses = """
    kdops is root but lacks CAP_SYS_PTRACE, so it may not read what scripts have open: all growth of the disk and of \
    shared memory on this machine counts towards the limits of the scripts that run, and memory in sockets counts only \
    with cgroup v2. Add the capability (docker: --cap-add SYS_PTRACE; Kubernetes: \
    securityContext.capabilities.add: [SYS_PTRACE]), or start kdops as another user than root
    """

  /// Returns the remediation when no sandbox can be created.
  ///
  /// - Parameter user: the user for scripts, if the daemon is root.
  static func advice(_ mode: SandboxMode, _ failure: String, isInstalled: Bool, user: UInt32? = nil) -> String
  {
    guard mode == .bubblewrap else {
      return """
        Scripts cannot run without bubblewrap here ("\(failure)"); install it (apt-get install bubblewrap), \
        or use a machine that allows user namespaces
        """
    }
    guard isInstalled else {
      return """
        Scripts run in bubblewrap, which is not installed: apt-get install bubblewrap, \
        or run them unprotected with --embedded-unsandboxed
        """
    }
    let asRoot =
      user.map {
        ". Started as root, kdops runs scripts as user \($0), for which it needs setpriv (package util-linux) and "
          + "the right to change to that user; started as another user it needs neither"
      } ?? ""
    return """
      Scripts run in bubblewrap, which cannot make a sandbox here ("\(failure)"); allow user namespaces \
      (on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0), or run them unprotected with \
      --embedded-unsandboxed\(asRoot)
      """
  }
}
