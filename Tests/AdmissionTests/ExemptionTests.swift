import KubeDirector
import TestSupport
import Testing
import Values

@testable import Admission

@Test("writes of the daemon and of the server's controllers are not validated")
func exemption() {
  let exemption = Exemption(ownName: "system:serviceaccount:kdops-system:kdops")
  #expect(exemption.covers("system:serviceaccount:kdops-system:kdops"))
  #expect(exemption.covers("system:serviceaccount:kube-system:namespace-controller"))
  #expect(exemption.covers("system:kube-controller-manager"))
  #expect(!exemption.covers("alice"))
  #expect(!exemption.covers(""))
  #expect(!Exemption(ownName: nil).covers("system:serviceaccount:kdops-system:kdops"))
}

@Test("the daemon is recognized by its name if that is known, else by its stamp")
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
