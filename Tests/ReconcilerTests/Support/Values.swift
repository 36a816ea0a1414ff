import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import TestSupport
import Values

@testable import Reconciler

extension ObjectID {
  /// A commit with this digit repeated as its id.
  static func repeating(_ digit: Character) -> ObjectID {
    guard let id = ObjectID(hex: String(repeating: digit, count: 40)) else {
      preconditionFailure("\(digit) is no hexadecimal digit")
    }
    return id
  }
}

extension ObjectReference {
  static let shop = ObjectReference.cluster("default", "shop")
  static let depot = ObjectReference.cluster("default", "depot")
  static let web = ObjectReference.app("default", "web-1.0.0")
}

extension Object {
  /// A live cluster as this installation applied it, with a valid stamp.
  ///
  /// - Parameters:
  ///   - labels: its labels, besides the one of the installation.
  ///   - owner: the installation on its label; nil for none.
  static func applied(
    _ reference: ObjectReference = .shop, from commit: ObjectID = .repeating("a"), uid: String = "u1",
    version: Int = 1, labels: [String: String] = [:], owner: String? = "default",
    spec: JSON = ["app": "web-1.0.0"]
  ) -> Object {
    var labels = labels
    labels[Wire.Label.source] = owner
    let json: JSON = [
      "apiVersion": .string(Wire.apiVersion), "kind": .string(reference.kind),
      "metadata": [
        "name": .string(reference.name), "namespace": .string(reference.namespace), "uid": .string(uid),
        "resourceVersion": .string("\(version)"), "generation": .integer(1), "labels": JSON(labels),
        "annotations": [
          Wire.Annotation.commit: .string(commit.hex), Wire.Annotation.specCommit: .string(commit.hex),
          Wire.Annotation.blob: .string(ObjectID.repeating("b").hex),
          Wire.Annotation.path: "clusters/shop.yaml", Wire.Annotation.change: "create",
        ],
      ],
      "spec": spec,
    ]
    return Object(Stamp.forTests.on(json))
  }

  /// The object after an edit outside of git.
  func edited(_ edit: (inout JSON) -> Void) -> Object {
    var object = self
    edit(&object.json)
    return object
  }
}

extension JudgedChange {
  static func judged(
    _ reference: ObjectReference = .shop, _ change: ChangeKind = .upgrade, _ verdict: Verdict = .accepted,
    commit: ObjectID = .repeating("a"), live: Object? = nil
  ) -> JudgedChange {
    JudgedChange(
      reference: reference, change: change, verdict: verdict, findings: [], commit: commit, live: live)
  }
}
