import FoundationEssentials
import Glibc
import Logging

/// How scripts are run on the embedded node.
public enum SandboxMode: String, Sendable, Hashable, CaseIterable {
  /// In bubblewrap: no network, no host files but programs and libraries, limits on everything.
  case bubblewrap
  /// In the pod's folder as root directory and nothing more: the network and this machine's devices are there. For
  /// those who insist, `--embedded-unsandboxed`.
  case none
  /// Not at all: `exec` is refused. For clusters whose apps have no packages.
  case noScripts
}

/// What a script may use: each of its processes, and all of them together.
public struct SandboxLimits: Sendable, Hashable {
  public var processes = 256
  /// Memory of all its processes together, in bytes.
  public var totalMemory = 2 << 30
  /// What its pod's files and volumes may take of the disk while it runs, in bytes.
  public var totalDisk = 4 << 30
  /// How many folders may lie in one another there.
  public var folderDepth = 128
  /// Address space of one process, in bytes.
  public var memory = 2 << 30
  /// The largest file it may write, in bytes.
  public var fileSize = 1 << 30
  /// Time on a processor, in seconds.
  public var cpuSeconds = 600
  public var openFiles = 1024
  /// What fits into `/dev/shm` altogether, in bytes.
  public var sharedMemory = 64 << 20

  public init() {}
}

/// One command to be run in a container.
struct SandboxRequest: Sendable {
  /// A folder of the node, and what it was known by when it was opened without following a link.
  struct Folder: Sendable, Hashable {
    var path: String
    /// See `OpenFolder.identity`.
    var identity: String
  }

  struct Bind: Sendable, Hashable {
    var source: Folder
    var path: String
    var isReadOnly: Bool
  }

  /// The folder that is the container's root.
  var root: Folder
  /// What is laid over the root, outer folders first.
  var binds: [Bind]
  var hostname: String
  var environment: [String: String]
  var command: [String]
  /// Folders whose files count towards the limit on disk.
  var measured: [String] = []
}

extension SandboxRequest.Folder {
  init(_ folder: OpenFolder) throws { self.init(path: folder.path, identity: try folder.identity()) }
}

/// Makes the argument vector that runs a command in a container. Nothing in it passes through a shell.
struct Sandbox: Sendable {
  let mode: SandboxMode
  let limits: SandboxLimits
  /// Who scripts are, outside: nobody in particular where the daemon is root, otherwise the daemon's own user.
  let owner: FileOwner?

  /// An id that no account has. The kernel exempts its root from the limit on processes, so scripts must not be it.
  static let unprivileged = FileOwner(user: 7_038_063, group: 7_038_063)

  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  /// Where a root daemon gathers a container's folders, out of their places that others may not enter.
  private static let stage = "/mnt"

  init(mode: SandboxMode, limits: SandboxLimits, isRoot: Bool = geteuid() == 0) {
    self.mode = mode
    self.limits = limits
    owner = isRoot && mode == .bubblewrap ? Self.unprivileged : nil
  }

  func arguments(_ request: SandboxRequest) -> [String] {
    switch mode {
    case .bubblewrap: owner.map { asUnprivileged(request, $0) } ?? bubblewrap(request)
    case .none, .noScripts: changedRoot(request)
    }
  }

  // MARK: bubblewrap

  private func bubblewrap(_ request: SandboxRequest) -> [String] {
    var arguments = [
      "bwrap", "--unshare-user", "--unshare-all", "--disable-userns", "--new-session",
      // Its parent is the wrapper, not the daemon: who ends the wrapper ends the script.
      "--die-with-parent", "--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--hostname", request.hostname,
      "--clearenv", "--json-status-fd", "4", "--seccomp", "5", "--bind", request.root.path, "/",
    ]
    for folder in HostPrograms.folders { arguments += ["--ro-bind", "/\(folder)", "/\(folder)"] }
    if SafeFolder.kind("/usr/local") == .folder {
      arguments += ["--bind", "\(request.root.path)/usr/local", "/usr/local"]
    }
    arguments += [
      "--proc", "/proc", "--dev", "/dev", "--size", String(limits.sharedMemory), "--tmpfs", "/dev/shm",
      // Itself a tmpfs without a limit; the devices in it and what is mounted below it stay writable.
      "--remount-ro", "/dev",
    ]
    for bind in request.binds {
      arguments += [bind.isReadOnly ? "--ro-bind" : "--bind", bind.source.path, bind.path]
    }
    arguments += ["--chdir", "/"]
    for (name, value) in environment(request) { arguments += ["--setenv", name, value] }
    return arguments + ["--"] + limited(request.command)
  }

  /// Gathers the folders where an unprivileged user can reach them, becomes that user, and goes on as it.
  ///
  /// No more of the machine is gathered than the sandbox is made from. bubblewrap looks at every mount below what it
  /// is given, and gives up where one goes meanwhile, as they do all the time beside a container runtime.
  private func asUnprivileged(_ request: SandboxRequest, _ owner: FileOwner) -> [String] {
    var inner = request
    var arguments = ["bwrap", "--die-with-parent"]
    for folder in HostPrograms.folders { arguments += ["--ro-bind", "/\(folder)", "/\(folder)"] }
    for link in HostPrograms.links { arguments += ["--symlink", link.target, "/\(link.name)"] }
    arguments += [
      "--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc", "--dir", "/tmp", "--dir", Self.stage,
    ]
    var gathered = [(request.root, place: "\(Self.stage)/root")]
    for (index, bind) in request.binds.enumerated() {
      gathered.append((bind.source, "\(Self.stage)/\(index)"))
      inner.binds[index].source.path = "\(Self.stage)/\(index)"
    }
    inner.root.path = "\(Self.stage)/root"
    for (folder, place) in gathered { arguments += ["--bind", folder.path, place] }
    arguments += ["--", "sh", "-c", Self.check, "sh", gathered.map(\.0.identity).joined(separator: "\n")]
    arguments += gathered.map(\.place)
    arguments += [
      "--", "setpriv", "--reuid", String(owner.user), "--regid", String(owner.group), "--clear-groups",
      "--inh-caps=-all", "--",
    ]
    return arguments + bubblewrap(inner)
  }

  /// `$1` what the folders were known by, a line each, then where they were gathered, `--`, and the command.
  ///
  /// bubblewrap finds a folder by its path, and does so as root: where a path was made to lead elsewhere since it was
  /// checked, nothing is run. No script can change what is mounted here.
  private static let check = """
    known=$1 places=; shift
    while [ "$1" != -- ]; do places="$places $1"; shift; done; shift
    [ "$(stat -c %d:%i $places)" = "$known" ] && exec "$@"
    echo "a folder of the container was replaced while the sandbox was made" >&2
    exit 125
    """

  private func limited(_ command: [String]) -> [String] {
    [
      "prlimit", "--nproc=\(limits.processes)", "--as=\(limits.memory)", "--fsize=\(limits.fileSize)",
      "--cpu=\(limits.cpuSeconds)", "--nofile=\(limits.openFiles)", "--core=0", "--",
    ] + command
  }

  private func environment(_ request: SandboxRequest) -> [(String, String)] {
    let base = ["PATH": Self.path, "HOME": "/", "LANG": "C.UTF-8", "HOSTNAME": request.hostname]
    return base.merging(request.environment) { _, own in own }.sorted { $0.key < $1.key }
      .filter {
        !$0.key.isEmpty && !$0.key.contains("=") && !$0.key.utf8.contains(0) && !$0.value.utf8.contains(0)
      }
  }

  // MARK: Without bubblewrap

  /// A mount namespace to put the folders together and a process namespace to find the end; the rest of the
  /// machine is there.
  private func changedRoot(_ request: SandboxRequest) -> [String] {
    let asRoot = geteuid() == 0 ? [] : ["--user", "--map-root-user"]
    var arguments =
      ["unshare"] + asRoot + ["--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--", "sh", "-c"]
      + [Self.changeRoot, "sh", request.root.path]
    for folder in HostPrograms.folders { arguments += ["/\(folder)", "/\(folder)"] }
    for bind in request.binds { arguments += [bind.source.path, bind.path] }
    arguments += ["--", "env", "-i"] + environment(request).map { "\($0)=\($1)" }
    return arguments + limited(request.command)
  }

  private static let changeRoot = """
    root=$1; shift
    while [ "$1" != -- ]; do mkdir -p "$root$2" && mount --rbind "$1" "$root$2" || exit 125; shift 2; done; shift
    mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 125
    cd "$root" && exec chroot . "$@"
    """

  // MARK: Is it there?

  /// Runs nothing in the sandbox, to see whether it can be made on this machine.
  func probe(in directory: String, logger: Logger) async throws(EmbeddedClusterError) {
    guard mode != .noScripts else { return }
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
    do { try Data(SystemCallFilter.bytes).write(to: URL(fileURLWithPath: filter)) } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot make files: \(error)")
    }
    let failure = await HostProcess.failure(of: arguments(request), filter: filter)
    guard let failure else { return report(to: logger) }
    let isInstalled = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].contains { (path: String) in
      access(path, X_OK) == 0
    }
    throw EmbeddedClusterError(Self.advice(mode, failure, isInstalled: isInstalled, user: owner?.user))
  }

  /// Says as whom scripts run, where that is not the daemon's user in a sandbox.
  private func report(to logger: Logger) {
    if let owner {
      logger.info("scripts run as user \(owner.user), an id without an account, and not as root")
    } else if mode == .none {
      logger.warning(
        geteuid() == 0
          ? "scripts run without a sandbox and as root: they can do anything on this machine; start kdops as another user, or without --embedded-unsandboxed"
          : "scripts run without a sandbox: they can use the network and all that this user may use of this machine"
      )
    }
  }

  /// What to do where no sandbox can be made.
  ///
  /// - Parameter user: who scripts were to be, where the daemon is root.
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
