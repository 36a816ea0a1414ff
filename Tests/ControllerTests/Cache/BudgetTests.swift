import ClusterAPI
import Testing
import Values

@testable import Controller

@Suite("PodDisruptionBudgets")
struct BudgetTests {
  private static func budget(_ selector: JSON?, allowed: Int = 1, desired: Int = 2, expected: Int = 3)
    -> Budget
  {
    var spec: JSON = [:]
    spec["selector"] = selector
    return Budget(
      watched:
        Object(
          .disruptionBudgets, namespace: "prod", name: "workers",
          content: [
            "spec": spec,
            "status": [
              "disruptionsAllowed": JSON(allowed), "desiredHealthy": JSON(desired),
              "expectedPods": JSON(expected),
            ],
          ]))
  }

  private static func pod(_ number: Int, ready: Bool) -> Object {
    Object(
      .pods, namespace: "prod", name: "worker-\(number)",
      content: [
        "status": [
          "conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]],
          "containerStatuses": [
            ["name": "app", "containerID": .string("x://\(number)"), "state": ["running": [:]]]
          ],
        ]
      ])
  }

  @Test(
    "cover the pods that Kubernetes defines",
    arguments: [
      (["matchLabels": ["tier": "data"]], true),
      (["matchLabels": ["tier": "web"]], false),
      (["matchLabels": ["tier": "data", "zone": "a"]], false),
      (["matchExpressions": [["key": "tier", "operator": "In", "values": ["web", "data"]]]], true),
      (["matchExpressions": [["key": "tier", "operator": "NotIn", "values": ["data"]]]], false),
      (["matchExpressions": [["key": "zone", "operator": "NotIn", "values": ["a"]]]], true),
      (["matchExpressions": [["key": "tier", "operator": "Exists"]]], true),
      (["matchExpressions": [["key": "tier", "operator": "DoesNotExist"]]], false),
      ([:], true),
    ] as [(JSON, Bool)])
  func covers(selector: JSON, expected: Bool) {
    #expect(Self.budget(selector).selector.covers(["tier": "data"]) == expected)
  }

  @Test("cover nothing without a selector")
  func noSelector() {
    #expect(!Self.budget(nil).selector.covers(["tier": "data"]))
  }

  @Test("count a pod that is observed to be down before the server counts it")
  func staleCount() {
    let budget = Self.budget([:], allowed: 1)
    let all = (0..<3).map { Self.pod($0, ready: true) }
    #expect(budget.allowed(for: all) == 1)
    #expect(budget.allowed(for: [Self.pod(0, ready: false)] + all.dropFirst()) == 0)
  }

  @Test("are used with the server's count if they also cover pods of others")
  func others() {
    let budget = Self.budget([:], allowed: 1, desired: 5, expected: 6)
    #expect(budget.allowed(for: (0..<3).map { Self.pod($0, ready: true) }) == 1)
  }
}
