import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Views

@Suite("Events as text")
struct EventTextTests {
  private static func event(
    _ kind: String, _ name: String, _ reason: String, at time: Int, count: Int = 1, isWarning: Bool = false,
    _ message: String = "text"
  ) -> Object {
    Object(
      .events, namespace: "prod", name: "\(name).\(time)",
      content: [
        "involvedObject": ["kind": .string(kind), "namespace": "prod", "name": .string(name)],
        "type": isWarning ? "Warning" : "Normal", "reason": .string(reason), "message": .string(message),
        "firstTimestamp": .string(Timestamp.text(1_800_000_000)),
        "lastTimestamp": .string(Timestamp.text(time)), "count": JSON(count),
      ])
  }

  private static let events = [
    event(Wire.clusterKind, "a", "Upgraded", at: 1_800_000_060, count: 3),
    event("Pod", "a-w-0", "ErrImagePull", at: 1_800_000_030, isWarning: true),
    event(Wire.appKind, "spark", "Used", at: 1_800_000_010),
    event("Pod", "other", "Started", at: 1_800_000_020),
  ]

  private static var cluster: Object {
    var cluster = Object(.clusters, namespace: "prod", name: "a")
    cluster.json["status"] =
      ClusterStatus(
        state: .updating, app: "x",
        roles: [RoleStatus(id: "w", statefulSet: "a-w", members: [MemberStatus(pod: "a-w-0", nodeID: 1)])]
      ).json
    return cluster
  }

  @Test("those of clusters and apps, or those of one cluster and its pods, the last at the end")
  func select() {
    #expect(ClusterEvent.select(Self.events, of: nil).map(\.reason) == ["Used", "Upgraded"])
    #expect(ClusterEvent.select(Self.events, of: Self.cluster).map(\.reason) == ["ErrImagePull", "Upgraded"])
  }

  @Test("each has an aligned line, and a long message is below it, complete")
  func lines() {
    let text = EventText(width: 100, now: 1_800_000_070)
    let events = ClusterEvent.select(Self.events, of: Self.cluster)
    #expect(
      text.lines(events) == [
        "40 s ago        Warning   ErrImagePull   prod/pod/a-w-0   text",
        "10 s ago (×3)   Normal    Upgraded       prod/a           text",
      ])
    #expect(text.lines(events, wide: true).last?.hasPrefix("10 s ago (×3 over 1 min 10 s)") == true)
    #expect(text.lines([]) == ["no events"])
    let long = Self.event(
      Wire.clusterKind, "a", "Stalled", at: 1_800_000_060,
      String(repeating: "word ", count: 30) + String(repeating: "x", count: 150))
    let shown = text.lines(ClusterEvent.select([long], of: nil))
    #expect(shown.count > 2 && shown.allSatisfy { $0.count <= 100 && !$0.contains("…") })
  }
}
