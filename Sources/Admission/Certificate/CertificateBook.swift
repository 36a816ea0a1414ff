/// What is kept of certificates: the newest pair, and the one before it. Every decision about them is made here, from
/// this and the time alone.
///
/// The authorities of both are trusted at once, and the newer pair is served only after the API servers have had time
/// to hear of its authority. So there is no moment at which what is served is not trusted, in whatever order replicas
/// look at the clock.
struct CertificateBook: Sendable, Hashable {
  var newest: ServingPair?
  var previous: ServingPair?

  /// How long a pair is announced before it is served, in seconds.
  static let announcement = 3600

  init(newest: ServingPair? = nil, previous: ServingPair? = nil) {
    self.newest = newest
    self.previous = previous
  }

  /// Whether a pair has to be made: there is none that will do, or it is old, or a host is new.
  func isDue(for hosts: Set<String>, at now: Int) -> Bool {
    guard let newest, newest.isValid(at: now) else { return true }
    return now >= newest.isDueAt || !hosts.isSubset(of: newest.hosts)
  }

  /// The book with a fresh pair.
  ///
  /// For a host that is new, those of the newest pair stay: it may be another replica that wants them, one that was
  /// started otherwise and would take its own turn. What nobody wants any more ends with the pair's life.
  func renewed(for hosts: Set<String>, at now: Int) throws -> CertificateBook {
    let standing = newest.flatMap { $0.isValid(at: now) ? $0 : nil }
    let known = standing.map { now < $0.isDueAt ? $0.hosts : [] } ?? []
    return CertificateBook(
      newest: try ServingPair.make(hosts: hosts.union(known), now: now),
      previous: standing ?? valid(previous, now))
  }

  /// What is served now; nil where there is nothing that is valid.
  /// - Parameter isPublished: Whether the newest pair's authority is known to be trusted.
  func served(for hosts: Set<String>, at now: Int, isPublished: Bool) -> ServingPair? {
    guard let newest = valid(newest, now) else { return valid(previous, now) }
    let isAnnounced = isPublished && now >= newest.madeAt + Self.announcement
    if !isAnnounced, let previous = valid(previous, now), hosts.isSubset(of: previous.hosts) {
      return previous
    }
    return newest
  }

  /// The authorities to be trusted, in PEM, the newest first.
  func bundle(at now: Int) -> [UInt8] {
    let pairs = [valid(newest, now), valid(previous, now)].compactMap(\.self)
    return Array(
      pairs.map { $0.authority.hasSuffix("\n") ? $0.authority : $0.authority + "\n" }.joined().utf8)
  }

  private func valid(_ pair: ServingPair?, _ now: Int) -> ServingPair? {
    pair.flatMap { $0.isValid(at: now) ? $0 : nil }
  }
}
