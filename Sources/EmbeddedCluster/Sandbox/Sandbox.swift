import FoundationEssentials
import Glibc
import Logging

/// Builds the argument vector that runs a command in a container. No part of it is interpreted by a shell.
struct Sandbox: Sendable {
  let mode: SandboxMode
  let limits: SandboxLimits
  /// The user that scripts run as outside the sandbox: an unprivileged id if the daemon is root, otherwise the
  /// daemon's own user.
  let owner: FileOwner?

  /// An id that no account uses. The kernel does not apply the process limit to root, so scripts must not run
  /// as root.
  static let unprivileged = FileOwner(user: 7_038_063, group: 7_038_063)

  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  /// The folder below which a container's folders are bound and checked, in a mount namespace that no script can
  /// change.
  private static let stage = "/mnt"

  init(mode: SandboxMode, limits: SandboxLimits, isRoot: Bool = geteuid() == 0) {
    self.mode = mode
    self.limits = limits
    owner = isRoot && mode == .bubblewrap ? Self.unprivileged : nil
  }

  func arguments(_ request: SandboxRequest) -> [String] {
    switch mode {
    case .bubblewrap: staged(request)
    case .none, .noScripts: changedRoot(request)
    }
  }

  // MARK: bubblewrap

  private func bubblewrap(_ request: SandboxRequest) -> [String] {
    var arguments = [
      "bwrap", "--unshare-user", "--unshare-all", "--disable-userns", "--new-session",
      // Its parent is the wrapper, not the daemon: ending the wrapper ends the script.
      "--die-with-parent", "--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--hostname", request.hostname,
      "--clearenv", "--json-status-fd", "4", "--seccomp", "5", "--bind", request.root.path, "/",
    ]
    for folder in HostPrograms.folders { arguments += ["--ro-bind", "/\(folder)", "/\(folder)"] }
    if SafeFolder.kind("/usr/local") == .folder {
      arguments += ["--bind", "\(request.root.path)/usr/local", "/usr/local"]
    }
    // A size from the cluster's file has a limit, because `/dev/shm` is memory of this machine.
    let sharedMemory = request.sharedMemory.map { min($0, limits.totalMemory) } ?? limits.sharedMemory
    arguments += [
      "--proc", "/proc", "--dev", "/dev", "--size", String(sharedMemory), "--tmpfs", "/dev/shm",
      // `/dev` is a tmpfs without a size limit; the devices in it and the mounts below it stay writable.
      "--remount-ro", "/dev",
    ]
    for bind in request.binds {
      arguments += [bind.isReadOnly ? "--ro-bind" : "--bind", bind.source.path, bind.path]
    }
    arguments += ["--chdir", "/"]
    for (name, value) in environment(request) { arguments += ["--setenv", name, value] }
    return arguments + ["--"] + limitedProcesses + request.command
  }

  /// The arguments of the outer bubblewrap. It binds the request's folders in its own mount namespace, checks that they
  /// are the opened ones, and runs the inner bubblewrap there: as an unprivileged user if the daemon is root, otherwise
  /// as the daemon's user.
  ///
  /// Only folders that the sandbox needs are bound. bubblewrap examines every mount below a folder that it binds,
  /// and fails if one disappears meanwhile, which happens often beside a container runtime.
  ///
  /// The outer bubblewrap also creates a process namespace that no script can see. The first process in it is
  /// the bubblewrap that starts the script and waits for it. When that process ends for any reason, the kernel kills
  /// all processes that the script started, before the wrapper is notified of the end. The first process inside the
  /// script's own namespace guarantees nothing: a script can change it through `/proc/1/mem`.
  private func staged(_ request: SandboxRequest) -> [String] {
    var inner = request
    var arguments = ["bwrap", "--die-with-parent", "--unshare-pid", "--as-pid-1"]
    if owner == nil {
      arguments += ["--unshare-user", "--uid", String(geteuid()), "--gid", String(getegid())]
    }
    for folder in HostPrograms.folders { arguments += ["--ro-bind", "/\(folder)", "/\(folder)"] }
    for link in HostPrograms.links { arguments += ["--symlink", link.target, "/\(link.name)"] }
    arguments += [
      "--dev-bind", "/dev", "/dev", "--dir", "/tmp", "--dir", Self.stage,
      // The kernel allows a new proc file system only where all of another one is visible.
      "--bind", "/proc", "\(Self.stage)/proc", "--proc", "/proc",
    ]
    var gathered = [(request.root, place: "\(Self.stage)/root")]
    for (index, bind) in request.binds.enumerated() {
      gathered.append((bind.source, "\(Self.stage)/\(index)"))
      inner.binds[index].source.path = "\(Self.stage)/\(index)"
    }
    inner.root.path = "\(Self.stage)/root"
    for (folder, place) in gathered { arguments += ["--bind", folder.path, place] }
    arguments += ["--", "sh", "-c", Self.check, "sh", gathered.map(\.0.identity).joined(separator: "\n")]
    arguments += gathered.map(\.place) + ["--"]
    if let owner {
      arguments += [
        "setpriv", "--reuid", String(owner.user), "--regid", String(owner.group), "--clear-groups",
        "--inh-caps=-all", "--",
      ]
    }
    return arguments + limited + bubblewrap(inner)
  }

  /// A script whose `$1` contains the identities of the folders, one per line; then follow the paths where they
  /// are bound, `--`, and the command.
  ///
  /// bubblewrap opens a folder by its path. If another folder was put at that path after the check, the script ends
  /// with an error and runs nothing. Scripts of pods cannot change the mounts here.
  private static let check = """
    known=$1 places=; shift
    while [ "$1" != -- ]; do places="$places $1"; shift; done; shift
    [ "$(stat -c %d:%i $places)" = "$known" ] && exec "$@"
    echo "a folder of the container was replaced while the sandbox was made" >&2
    exit 125
    """

  /// The limits of each process. They are set before any file of the container can run: the container's
  /// `/etc/ld.so.preload` and `PATH` could prevent them, and a hard limit cannot be raised again.
  private var limited: [String] {
    [
      "/usr/bin/prlimit", "--as=\(limits.memory)", "--fsize=\(limits.fileSize)", "--cpu=\(limits.cpuSeconds)",
      "--nofile=\(limits.openFiles)", "--core=0", "--",
    ]
  }

  /// The limit of the number of processes. The kernel counts them for each user namespace, so it is set inside, where
  /// the container's loader could prevent it; the resource watch therefore counts them too.
  private var limitedProcesses: [String] { ["/usr/bin/prlimit", "--nproc=\(limits.processes)", "--"] }

  private func environment(_ request: SandboxRequest) -> [(String, String)] {
    let base = ["PATH": Self.path, "HOME": "/", "LANG": "C.UTF-8", "HOSTNAME": request.hostname]
    return base.merging(request.environment) { _, own in own }.sorted { $0.key < $1.key }
      .filter {
        !$0.key.isEmpty && !$0.key.contains("=") && !$0.key.utf8.contains(0) && !$0.value.utf8.contains(0)
      }
  }

  // MARK: Without bubblewrap

  /// Uses a mount namespace to assemble the folders, and a process namespace to end all processes; the rest of
  /// the machine is accessible.
  private func changedRoot(_ request: SandboxRequest) -> [String] {
    let asRoot = geteuid() == 0 ? [] : ["--user", "--map-root-user"]
    var arguments =
      ["unshare"] + asRoot + ["--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--", "sh", "-c"]
      + [Self.changeRoot, "sh", request.root.path, request.sharedMemory.map(String.init) ?? ""]
    for folder in HostPrograms.folders { arguments += ["/\(folder)", "/\(folder)"] }
    for bind in request.binds { arguments += [bind.source.path, bind.path] }
    arguments += ["--", "env", "-i"] + environment(request).map { "\($0)=\($1)" }
    // Programs that kdops installs in containers must not end up in the machine's own folders.
    arguments.append("KDOPS_SHARED_USR=1")
    return limited + arguments + limitedProcesses + request.command
  }

  private static let changeRoot = """
    root=$1 shared=$2; shift 2
    while [ "$1" != -- ]; do mkdir -p "$root$2" && mount --rbind "$1" "$root$2" || exit 125; shift 2; done; shift
    mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 125
    [ -z "$shared" ] || mount -t tmpfs -o "size=$shared,mode=1777" tmpfs "$root/dev/shm" || exit 125
    cd "$root" && exec chroot . "$@"
    """
}
