import Rules
import Testing

@Suite("The registry of rules")
struct RegistryTests {
  /// The ids that users and programs depend on. Adding one is a feature; removing one breaks them.
  static let promised = """
    file/syntax file/duplicate-key file/limit file/encoding file/link file/tree object/duplicate file/unknown-kind
    file/more-findings
    app/schema app/name app/role-unique app/service-unique app/selected-role-unique app/role-service-unique
    app/role-service-role app/role-service-service app/selected-role-known app/role-image app/tty-needs-stdin
    app/min-storage-quantity app/dashboard-url-scheme app/event-list app/persist-dirs-path app/persist-dirs-nested app/semver app/upgrade-annotation app/unknown-annotation app/not-carried app/in-use app/upgradable-sealed
    cluster/schema cluster/name cluster/app-registered cluster/role-known cluster/role-unique cluster/role-missing
    cluster/members cluster/members-max cluster/min-resources cluster/storage-size cluster/min-storage
    cluster/shared-memory cluster/labels cluster/mount-path-unique cluster/mount-path cluster/file-injection cluster/embedded cluster/env cluster/plaintext-secret cluster/tenancy
    cluster/connection-known cluster/upgrade-annotation cluster/grace-period cluster/unknown-annotation cluster/not-carried cluster/unknown-field cluster/read-only cluster/role-read-only cluster/busy
    upgrade/only-app upgrade/registered upgrade/upgradable upgrade/distro upgrade/semver upgrade/newer
    upgrade/only-images upgrade/package-needs-image upgrade/cardinality upgrade/configured upgrade/name
    upgrade/legacy-layout rollback/only-prev-app rollback/once
    rollback/point-of-no-return rollback/only-app
    layout/schema object/owner cluster/adoption-shape object/prune commit/atomic commit/signature commit/history
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  @Test("contains every id once, in documentation order")
  func ids() {
    #expect(RuleRegistry.all.map { $0.id } == Self.promised)
  }
}
