import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Tables")
struct TableTests {
  @Test("a cluster has the columns of its definition")
  func cluster() throws {
    let object = Object(
      .clusters, namespace: "prod", name: "analytics",
      content: [
        "spec": ["app": "spark-1.0.0"],
        "status": [
          "state": "configured", "memberStateRollup": ["membersDown": false, "configErrors": false],
          "conditions": [["type": "Ready", "status": "True"], ["type": "Stalled", "status": "False"]],
        ],
      ])
    let writer = ObjectWriter(kind: .clusters, format: .table(.metadata), now: 0)
    let expected = try JSON.parse(
      """
      {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
       "columnDefinitions": [
         {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
         {"name": "App", "type": "string", "format": "", "description": "", "priority": 0},
         {"name": "State", "type": "string", "format": "", "description": "", "priority": 0},
         {"name": "Any Down", "type": "boolean", "format": "", "description": "", "priority": 0},
         {"name": "Any Config Error", "type": "boolean", "format": "", "description": "", "priority": 0},
         {"name": "Stalled", "type": "string", "format": "", "description": "", "priority": 0},
         {"name": "Commit", "type": "string", "format": "", "description": "", "priority": 1},
         {"name": "Age", "type": "date", "format": "", "description": "", "priority": 0}],
       "rows": [
         {"cells": ["analytics", "spark-1.0.0", "configured", false, false, "False", null, "<unknown>"],
          "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                     "metadata": {"name": "analytics", "namespace": "prod"}}}]}
      """)
    let table = writer.list([object], version: "7")
    // A path without a value is null for a column of any type.
    #expect(table["columnDefinitions"] == expected["columnDefinitions"])
    #expect(table["rows"]?[0]?["cells"]?.array?.prefix(7) == expected["rows"]?[0]?["cells"]?.array?.prefix(7))
    #expect(table["rows"]?[0]?["object"] == expected["rows"]?[0]?["object"])
  }

  @Test("a pod shows the reason that a container waits for")
  func pod() {
    let object = Object(
      .pods, namespace: "prod", name: "analytics-worker-0",
      content: [
        "spec": ["containers": [["name": "app"]]],
        "status": [
          "phase": "Pending",
          "containerStatuses": [
            ["ready": false, "restartCount": 2, "state": ["waiting": ["reason": "ErrImagePull"]]]
          ],
        ],
      ])
    let cells = ObjectWriter(kind: .pods, format: .table(.none), now: 0).single(object)["rows"]?[0]?["cells"]
    let expected: JSON = ["analytics-worker-0", "0/1", "ErrImagePull", 2, "<none>", "<none>", "<unknown>"]
    #expect(cells == expected)
  }

  @Test("kubectl asks for a table, a client library for the object")
  func formats() {
    let table =
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
    #expect(ResponseFormat(accept: table, included: nil) == .table(.metadata))
    #expect(ResponseFormat(accept: table, included: "Object") == .table(.object))
    #expect(ResponseFormat(accept: "application/json", included: nil) == .object)
    #expect(ResponseFormat(accept: nil, included: nil) == .object)
  }

  @Test(
    "ages have two units at most",
    arguments: [
      (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (605, "10m"), (150, "2m30s"), (10_800, "3h"),
      (11_100, "3h5m"), (86_400, "24h"), (200_000, "2d7h"), (864_000, "10d"), (70_000_000, "2y80d"),
    ])
  func ages(seconds: Int, text: String) { #expect(Age.text(seconds: seconds) == text) }

  @Test("paths of printer columns can select an item of a list")
  func paths() {
    let object: JSON = ["a": [["type": "x", "b": 1], ["type": "y", "b": 2]]]
    #expect(JSONPath(#".a[?(@.type=="y")].b"#)?.value(in: object) == 2)
    #expect(JSONPath(".a[0].b")?.value(in: object) == 1)
    #expect(JSONPath("a") == nil)
    #expect(JSONPath(".a[") == nil)
  }
}
