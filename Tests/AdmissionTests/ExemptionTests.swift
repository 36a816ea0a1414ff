import KubeDirector
import TestSupport
import Testing
import Values

@testable import Admission

@Test("the daemon's own writes and those of the server's controllers are not judged")
func exemption() {
  let exemption = Exemption(ownName: "system:serviceaccount:kdops-system:kdops")
  #expect(exemption.covers("system:serviceaccount:kdops-system:kdops"))
  #expect(exemption.covers("system:serviceaccount:kube-system:namespace-controller"))
  #expect(exemption.covers("system:kube-controller-manager"))
  #expect(!exemption.covers("alice"))
  #expect(!exemption.covers(""))
  #expect(!Exemption(ownName: nil).covers("system:serviceaccount:kdops-system:kdops"))
}

@Test("where the daemon's name is not known, it is known by its stamp; where it is known, only by its name")
func exemptionByStamp() throws {
  var object = Stamp.forTests.on(Sample.cluster.managed)
  func request(_ object: JSON) -> AdmissionRequest {
    AdmissionRequest(
      uid: "1", kind: Wire.clusterKind, namespace: "prod", operation: .update, user: "alice", object: object)
  }
  #expect(!Exemption(ownName: nil, stamp: .numbered(8)).covers(request(object)))
  #expect(Exemption(ownName: nil, stamp: .forTests).covers(request(object)))
  #expect(!Exemption(ownName: "daemon", stamp: .forTests).covers(request(object)))
  object["spec"]?["app"] = "another"
  #expect(!Exemption(ownName: nil, stamp: .forTests).covers(request(object)))
}
