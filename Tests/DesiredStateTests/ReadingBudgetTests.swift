import GitStore
import Manifests
import Testing

@testable import DesiredState

@Suite("Limits on the total size of files")
struct ReadingBudgetTests {
  private static var limits: ManifestLimits {
    var limits = ManifestLimits()
    (limits.totalNodes, limits.totalBytes) = (10, 4 << 20)
    return limits
  }

  @Test("files up to the limits are read")
  func within() throws {
    let budget = ReadingBudget(Self.limits)
    budget.take(values: 4, bytes: 1 << 20)
    budget.take(values: 6, bytes: 3 << 20)
    #expect(!budget.isExceeded)
    try budget.check()
    try budget.check(values: 10)
  }

  @Test("the refusal names the limit", arguments: [(11, 0, "10 values"), (0, (4 << 20) + 1, "4 MiB")])
  func beyond(values: Int, bytes: Int, limit: String) {
    let budget = ReadingBudget(Self.limits)
    budget.take(values: values, bytes: bytes)
    #expect(budget.isExceeded)
    let error = #expect(throws: GitError.self) { try budget.check() }
    #expect(error?.kind == .tooLarge)
    #expect(error?.message == "the files have more than \(limit) together, which is more than is read")
  }
}
