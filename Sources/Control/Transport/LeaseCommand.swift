import ClusterAPI
import KubeDirector
import Values

/// A command that is stored on the Lease of the leading daemon.
public struct LeaseCommand: Sendable {
  let api: any ClusterAPI
  let lease: ObjectName
  let now: Double

  /// - Parameter now: in seconds since 1970.
  public init(api: any ClusterAPI, lease: ObjectName, now: Double) {
    (self.api, self.lease, self.now) = (api, lease, now)
  }

  /// The number of seconds without a renewal after which no daemon leads; three times as long as a daemon takes to give
  /// up.
  private static let renewalLimit = 24.0

  /// Makes the leading daemon fetch and resync.
  ///
  /// - Parameter sha: the commit to approve although history was rewritten; nil for none.
  /// - Throws: `ControlRefusal` if no daemon would receive the command; `APIError` if it could not be stored.
  public func sync(accept sha: String?) async throws -> ControlAnswer {
    let found: Object
    do throws(APIError) {
      found = try await api.get(.leases, lease)
    } catch {
      guard error.kind == .notFound else { throw error }
      throw ControlRefusal(
        "there is no Lease \(lease), so no daemon has led this installation; start one, or name it with "
          + "--installation and --system-namespace")
    }
    let leader = leader(found)
    if leader == nil, sha == nil {
      throw ControlRefusal(
        "no daemon leads by Lease \(lease) now; one that starts fetches at once, so start one with kdops run")
    }
    var annotations: JSON = [Wire.Annotation.sync: .string("\(Int(now * 1000))")]
    annotations[Wire.Annotation.accept] = sha.map(JSON.string)
    _ = try await api.patch(.leases, lease, merge: ["metadata": ["annotations": annotations]])
    let who = leader.map { "the daemon \($0)" } ?? "the next daemon that leads"
    let when = leader == nil ? "" : " within 4 s"
    guard let sha else { return ControlAnswer(.done, "\(who) fetches and compares\(when)") }
    return ControlAnswer(
      .done, "\(who) follows \(sha)\(when), if that is the head it fetched; its log says history.accepted")
  }

  private func leader(_ lease: Object) -> String? {
    let spec = lease.json["spec"]
    guard let holder = spec?["holderIdentity"]?.string, !holder.isEmpty,
      let renewed = spec?["renewTime"]?.string.flatMap({ Timestamp.seconds(Self.whole($0)) }),
      now - Double(renewed) < Self.renewalLimit
    else { return nil }
    return holder
  }

  /// `2026-01-31T09:05:00.123456Z` without its fractional seconds.
  private static func whole(_ time: String) -> String { time.prefix { $0 != "." && $0 != "Z" } + "Z" }
}
