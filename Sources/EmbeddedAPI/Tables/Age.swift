import KubeDirector

/// Ages as `kubectl` prints them: two units at most.
///
/// Source: `HumanDuration` of `k8s.io/apimachinery/pkg/util/duration`.
enum Age {
  /// - Parameters:
  ///   - timestamp: nil or malformed for an unknown time.
  ///   - now: in seconds since 1970.
  static func text(since timestamp: String?, now: Int) -> String {
    guard let start = timestamp.flatMap(Timestamp.seconds) else { return "<unknown>" }
    return text(seconds: now - start)
  }

  static func text(seconds: Int) -> String {
    if seconds < -1 { return "<invalid>" }
    if seconds < 0 { return "0s" }
    let (minutes, hours) = (seconds / 60, seconds / 3600)
    func both(_ large: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
      small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(smallUnit)"
    }
    if seconds < 120 { return "\(seconds)s" }
    if minutes < 10 { return both(minutes, "m", seconds % 60, "s") }
    if minutes < 180 { return "\(minutes)m" }
    if hours < 8 { return both(hours, "h", minutes % 60, "m") }
    if hours < 48 { return "\(hours)h" }
    if hours < 192 { return both(hours / 24, "d", hours % 24, "h") }
    if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
    let days = hours / 24
    if hours < 24 * 365 * 8 { return both(days / 365, "y", days % 365, "d") }
    return "\(days / 365)y"
  }
}
