/// How the embedded node runs scripts.
public enum SandboxMode: String, Sendable, Hashable, CaseIterable {
  /// Scripts run in bubblewrap: without network, without host files except programs and libraries, and with resource
  /// limits.
  case bubblewrap
  /// Scripts run with the pod's folder as root directory and without other isolation: they can use the network and this
  /// machine's devices. Selected with `--embedded-unsandboxed`.
  case none
  /// Scripts are not run: `exec` is refused. For clusters whose apps have no packages.
  case noScripts
}

/// Resource limits of a script: of each of its processes, and of all of them together.
public struct SandboxLimits: Sendable, Hashable {
  /// Processes and threads together.
  public var processes = 256
  /// Memory of all processes together, in bytes.
  public var totalMemory = 2 << 30
  /// Disk space of the pod's files and volumes while the script runs, in bytes.
  public var totalDisk = 4 << 30
  /// Maximum nesting of folders in these files and volumes.
  public var folderDepth = 128
  /// Address space of one process, in bytes.
  public var memory = 2 << 30
  /// Maximum size of a file that a process writes, in bytes.
  public var fileSize = 1 << 30
  /// CPU time of one process, in seconds.
  public var cpuSeconds = 600
  /// Open files of one process.
  public var openFiles = 1024
  /// Open files, memory mappings, sockets, file locks and watched files of all processes together, threads included:
  /// more would take seconds to count.
  public var handles = 200_000
  /// Total size of `/dev/shm`, in bytes, unless the pod sets it.
  public var sharedMemory = 64 << 20

  public init() {}
}
