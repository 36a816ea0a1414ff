import Testing

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
