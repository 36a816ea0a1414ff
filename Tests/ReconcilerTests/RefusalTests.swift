import ClusterAPI
import KubeDirector
import Testing

@testable import Reconciler

@Suite("What the cluster refuses", .timeLimit(.minutes(10)))
struct RefusalTests {
  @Test("a namespace that is not there is no fault of the file: it is waited for, and then all is applied")
  func namespace() async throws {
    let api = Homeless()
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      let commit = try house.user.head()
      let report = await house.report(commit, "shop") { $0.verdict == "waiting" }
      #expect(report?.rules == ["api/notFound"])
      #expect(report?.message?.contains("kubectl create namespace default") == true)

      api.makeNamespace()
      await house.cluster("shop")
      await house.report(commit, "shop") { $0.verdict == "accepted" }
    }
  }
}
