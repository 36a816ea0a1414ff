/// The time that pods have between SIGTERM and SIGKILL, as the annotation `kdops.dev/grace-period` of a cluster sets it:
/// seconds for all roles (`60`), or for single ones (`db=300, web=10`).
public struct GracePeriods: Sendable, Hashable {
  /// The default of Kubernetes, which is enough for most databases to write their files.
  public static let standard = 30
  public static let limit = 3600

  /// Values that are not valid, for messages.
  public private(set) var invalid: [String] = []
  /// The seconds of single roles.
  public private(set) var roles: [String: Int] = [:]
  private var all = GracePeriods.standard

  /// - Parameter annotation: The value of the annotation; nil if there is none. Invalid values count as absent.
  public init(_ annotation: String?) {
    for item in (annotation ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let text = parts.last, let seconds = Self.seconds(text) else {
        invalid.append(String(item))
        continue
      }
      if parts.count == 1 { all = seconds } else { roles[String(parts[0])] = seconds }
    }
  }

  public func seconds(of role: String) -> Int { roles[role] ?? all }

  private static func seconds(_ text: Substring) -> Int? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let seconds = Int(text), seconds <= limit
    else { return nil }
    return seconds
  }
}
