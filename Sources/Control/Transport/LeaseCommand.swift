import ClusterAPI
import KubeDirector
import Reports
import Values

/// A command that is stored on the Lease of the leading daemon.
public struct LeaseCommand: Sendable {
  let api: any ClusterAPI
  let lease: ObjectName

  public init(api: any ClusterAPI, lease: ObjectName) { (self.api, self.lease) = (api, lease) }

  /// Makes the leading daemon fetch and resync. Whether a holder of the Lease still runs is not known from one read,
  /// because its times are those of another clock.
  ///
  /// - Parameters:
  ///   - sha: the commit to approve although history was rewritten; nil for none.
  ///   - id: the request; it replaces an earlier one that the daemon has not read yet.
  /// - Throws: `ControlRefusal` if no daemon would receive the command; `APIError` if it could not be stored.
  public func sync(accept sha: String?, id: SyncID = .random()) async throws -> ControlAnswer {
    let found: Object
    do throws(APIError) {
      found = try await api.get(.leases, lease)
    } catch {
      guard error.kind == .notFound else { throw error }
      throw ControlRefusal(
        "there is no Lease \(lease), so no daemon has led this installation; start one, or name it with "
          + "--installation and --system-namespace")
    }
    let leader = found.json["spec"]?["holderIdentity"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    if leader == nil, sha == nil {
      throw ControlRefusal(
        "no daemon leads by Lease \(lease) now; one that starts fetches at once, so start one with kdops run")
    }
    var annotations: JSON = [Wire.Annotation.sync: .string(id.text)]
    annotations[Wire.Annotation.accept] = sha.map(JSON.string)
    _ = try await api.patch(.leases, lease, merge: ["metadata": ["annotations": annotations]])
    let who = leader.map { "the daemon \($0)" } ?? "the next daemon that leads"
    let when = leader == nil ? "" : " within 4 s"
    guard let sha else { return ControlAnswer(.done, "\(who) fetches and compares\(when), if it still runs") }
    return ControlAnswer(
      .done, "\(who) follows \(sha)\(when), if that is the head it fetched; its log says history.accepted")
  }
}
