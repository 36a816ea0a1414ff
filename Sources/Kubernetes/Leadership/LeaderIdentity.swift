import FoundationEssentials
import Glibc

/// The identity of a candidate in the lease.
public enum LeaderIdentity {
  /// Returns a name that no other process has: the host (in a pod: the pod), the current time, and a random
  /// number.
  public static func unique() -> String {
    let started = Int(Date().timeIntervalSince1970)
    let chance = String(UInt32.random(in: .min ... .max), radix: 16)
    return "\(host)_\(started)_\(chance)"
  }

  /// The host name of this machine or pod.
  public static var host: String {
    // Names longer than HOST_NAME_MAX cannot be set.
    var name = [CChar](repeating: 0, count: 256)
    let failed = gethostname(&name, name.count - 1)
    let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return failed != 0 || text.isEmpty ? "unnamed" : text
  }
}
