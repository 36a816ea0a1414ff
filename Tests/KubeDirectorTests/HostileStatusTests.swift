import KubeDirector
import Testing
import Values

/// Any user with permission to write statuses can forge one.
@Suite("A status with malicious numbers")
struct HostileStatusTests {
  @Test("is read with bounded numbers", arguments: [JSON.integer(.max), .integer(.min), .number(1e300)])
  func numbers(huge: JSON) throws {
    let status = try #require(
      ClusterStatus([
        "state": "configured", "app": "a", "observedGeneration": huge, "lastNodeID": huge,
        "connections": ["changes": huge],
        "roles": [["id": "worker", "members": [["pod": "c-worker-0", "nodeID": huge]]]],
        "conditions": [["type": "Ready", "observedGeneration": huge]],
        "journal": [
          [
            "id": "x", "from": "a", "to": "b", "began": "2026-01-01T00:00:00Z", "omitted": huge,
            "pods": [
              [
                "role": "worker", "pod": "p", "at": huge, "replace": huge, "pull": huge, "start": huge,
                "hook": huge,
                "waited": huge,
              ]
            ],
          ]
        ],
      ]))
    let limits = 0...JSON.countLimit
    #expect(limits.contains(status.observedGeneration) && limits.contains(status.lastNodeID))
    #expect(limits.contains(status.members[0].nodeID) && limits.contains(status.connections?.changes ?? -1))
    #expect(limits.contains(status.conditions[0].observedGeneration ?? -1))
    #expect(status.journal.runs[0].pods[0].total >= 0)
  }

  @Test("is read with no more new members than a cluster may have")
  func ordinals() throws {
    func status(_ ordinals: String) -> ClusterStatus? {
      ClusterStatus([
        "state": "configured",
        "roles": [
          [
            "id": "worker",
            "members": [
              [
                "pod": "c-worker-0",
                "stateDetail": [
                  "pendingNotifyCmds": [
                    [
                      "event": "addnodes", "id": "1",
                      "nodes": ["role": "worker", "statefulSet": "c-worker", "ordinals": .string(ordinals)],
                    ]
                  ]
                ],
              ]
            ],
          ]
        ],
      ])
    }
    func nodes(_ ordinals: String) throws -> Notification.Nodes? {
      try #require(status(ordinals)).members[0].detail.pendingNotifications[0].nodes
    }
    #expect(try nodes("3-17,20")?.text == "3-17,20")
    #expect(try nodes("0-999")?.text == "0-999")
    let many = Array(repeating: "0-999", count: 20_000).joined(separator: ",")
    #expect(try nodes(many) == nil)
    #expect(try nodes("0-9223372036854775807") == nil)
  }
}
