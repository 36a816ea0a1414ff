import KubeDirector
import TestSupport
import Testing
import Values

@Suite("docs/reference: fields of apps and clusters")
struct FieldPageTests {
  /// `KDOPS_RECORD=1` writes the page.
  @Test("docs/reference/app.md matches the schema")
  func app() throws {
    let text = FieldPage.text(
      """
      # Fields of an app

      This page is generated from the schema of `KubeDirectorApp` in its custom resource definition, which
      `kdops install --export` prints. Files in git, the embedded cluster and Kubernetes use the same schema. Unknown
      fields are kept. What else must hold: [rules for apps](../rules.md#apps). Annotations: [annotations](annotations.md).
      Fields that have no effect on pods are reported by [`app/not-carried`](../rules.md#appnot-carried). An example:
      [spark-1.0.0](../../sample-repo/apps/prod/spark-1.0.0.json).

      """, CustomResources.appSchema)
    #expect(
      try GeneratedPage("docs/reference/app.md").matches(text), "run this test once with KDOPS_RECORD=1")
  }

  /// `KDOPS_RECORD=1` writes the page.
  @Test("docs/reference/cluster.md matches the schema")
  func cluster() throws {
    let text = FieldPage.text(
      """
      # Fields of a cluster

      This page is generated from the schema of `KubeDirectorCluster` in its custom resource definition, which
      `kdops install --export` prints. Files in git, the embedded cluster and Kubernetes use the same schema. Unknown
      fields are kept. What else must hold: [rules for clusters](../rules.md#clusters). Annotations:
      [annotations](annotations.md). Fields that have no effect on pods are reported by
      [`cluster/not-carried`](../rules.md#clusternot-carried). An example:
      [prod/analytics](../../sample-repo/clusters/prod/analytics.yaml).

      Other fields of the status: [concepts](../concepts.md#glossary).

      """, CustomResources.clusterSchema)
    #expect(
      try GeneratedPage("docs/reference/cluster.md").matches(text), "run this test once with KDOPS_RECORD=1")
  }
}
