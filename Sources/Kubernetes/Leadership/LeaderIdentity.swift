import FoundationEssentials
import Glibc

/// What a candidate is called in the lease.
public enum LeaderIdentity {
  /// A name that no other process has or will have: the host (in a pod: the pod), when this was asked, and chance.
  public static func unique() -> String {
    let started = Int(Date().timeIntervalSince1970)
    let chance = String(UInt32.random(in: .min ... .max), radix: 16)
    return "\(host)_\(started)_\(chance)"
  }

  /// What this machine, or pod, is called.
  public static var host: String {
    // Names longer than HOST_NAME_MAX cannot be set.
    var name = [CChar](repeating: 0, count: 256)
    let failed = gethostname(&name, name.count - 1)
    let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return failed != 0 || text.isEmpty ? "unnamed" : text
  }
}
