/// The stored certificates: the newest pair and the previous one. Decides from this value and the time alone when a
/// pair is renewed, published and served.
///
/// The authorities of both pairs are trusted at the same time, and the newer pair is served only after the API
/// servers have had time to read its authority. So the served certificate is always trusted, in whatever order the
/// replicas check the time.
struct CertificateBook: Sendable, Hashable {
  var newest: ServingPair?
  var previous: ServingPair?

  /// How long a pair's authority is published before the pair is served, in seconds.
  static let announcement = 3600

  init(newest: ServingPair? = nil, previous: ServingPair? = nil) {
    self.newest = newest
    self.previous = previous
  }

  /// Whether a new pair is needed: there is no valid one, it is old, or a host is missing in it.
  func isDue(for hosts: Set<String>, at now: Int) -> Bool {
    guard let newest, newest.isValid(at: now) else { return true }
    return now >= newest.isDueAt || !hosts.isSubset(of: newest.hosts)
  }

  /// Returns the book with a new pair.
  ///
  /// When a host is added, the hosts of the newest pair are kept: another replica with other settings may need
  /// them, and would otherwise renew the pair in turn. Hosts that are no longer needed are dropped when the
  /// pair is due.
  func renewed(for hosts: Set<String>, at now: Int) throws -> CertificateBook {
    let standing = newest.flatMap { $0.isValid(at: now) ? $0 : nil }
    let known = standing.map { now < $0.isDueAt ? $0.hosts : [] } ?? []
    return CertificateBook(
      newest: try ServingPair.make(hosts: hosts.union(known), now: now),
      previous: standing ?? valid(previous, now))
  }

  /// Returns the pair to serve now; nil if none is valid.
  /// - Parameter isPublished: whether the newest pair's authority is known to be trusted.
  func served(for hosts: Set<String>, at now: Int, isPublished: Bool) -> ServingPair? {
    guard let newest = valid(newest, now) else { return valid(previous, now) }
    let isAnnounced = isPublished && now >= newest.madeAt + Self.announcement
    if !isAnnounced, let previous = valid(previous, now), hosts.isSubset(of: previous.hosts) {
      return previous
    }
    return newest
  }

  /// The authorities to trust, in PEM, the newest first.
  func bundle(at now: Int) -> [UInt8] {
    let pairs = [valid(newest, now), valid(previous, now)].compactMap(\.self)
    return Array(
      pairs.map { $0.authority.hasSuffix("\n") ? $0.authority : $0.authority + "\n" }.joined().utf8)
  }

  private func valid(_ pair: ServingPair?, _ now: Int) -> ServingPair? {
    pair.flatMap { $0.isValid(at: now) ? $0 : nil }
  }
}
