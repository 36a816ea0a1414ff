import Glibc

/// This process's limit of open descriptors.
///
/// Each running script needs some: for its output, its watch and the measurement of its files. Scripts themselves get
/// a limit of their own, see `SandboxLimits.openFiles`.
enum DescriptorLimit {
  /// Enough for hundreds of scripts. Programs that visit every possible descriptor become slow with a higher limit.
  private static let wanted: rlim_t = 65_536

  /// Raises the limit as far as this user may.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    let possible = min(limit.rlim_max, wanted)
    guard limit.rlim_cur < possible else { return }
    limit.rlim_cur = possible
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
