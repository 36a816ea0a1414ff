extension ContainerPath {
  /// Whether a cluster may mount a volume at a path.
  ///
  /// - Parameter text: The path in a container, absolute, in any spelling.
  public static func allowsMount(at text: String) -> Bool {
    guard let path = ContainerPath(text) else { return false }
    return !kept.contains { path == $0 || $0.lies(in: path) } && !closed.contains { path.lies(in: $0) }
  }

  /// Whether a file may be added to a folder: not to folders of the daemon or the kernel.
  static func allowsFile(in folder: ContainerPath) -> Bool {
    !closed.contains { folder == $0 || folder.lies(in: $0) }
  }

  /// Folders that must stay visible: those of the system, and those that the daemon writes to and persists.
  private static let kept =
    [
      "/etc", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/bin",
      "/usr/local/lib", "/bin", "/sbin", "/lib", "/lib64", "/tmp", "/run", "/run/lock", "/var/run",
      "/var/lock",
    ].compactMap { ContainerPath($0) } + closed

  /// Folders in which nothing may be mounted either.
  private static let closed = [
    "/etc/guestconfig", "/opt/guestconfig", "/opt/guestconfig.backup", "/var/log/guestconfig", "/kdops",
    "/dev", "/proc", "/sys",
  ].compactMap { ContainerPath($0) }
}
