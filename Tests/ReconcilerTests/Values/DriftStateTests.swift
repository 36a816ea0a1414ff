import ClusterAPI
import GitStore
import KubeDirector
import Rules
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Drift, object by object")
final class DriftStateTests {
  private var drift = DriftState(installation: "default", stamp: .forTests)
  private let live = Object.applied()
  /// The object in git, with other content than the applied one.
  private let inGit = DesiredObject()

  private func edited(_ members: Int64) -> Object {
    live.edited { $0["spec"]?["members"] = .integer(members) }
  }

  @Test("an object as it was applied is in sync; an edited spec is drift until it is corrected")
  func edit() {
    #expect(drift.observe(live, inGit) == .inSync(endsConflict: false))
    #expect(drift.observe(edited(2), inGit) == .drifted)
    #expect(drift.drifted == [.shop])
    drift.beginCorrection(of: .shop)
    #expect(drift.drifted == [])
    #expect(drift.origin(of: edited(2)) == Provenance(of: live))
    #expect(drift.corrected(live, inGit) == true)
    #expect(drift.observe(live, inGit) == .inSync(endsConflict: false))
  }

  @Test("a copy of an earlier state has a valid stamp and is drift all the same, unless this daemon wrote it")
  func earlierState() {
    let newer = Object.applied(from: .repeating("c"))
    _ = drift.observe(newer, inGit)
    #expect(drift.observe(live, inGit) == .drifted)
    #expect(drift.origin(of: live) == Provenance(of: newer))
    drift.beginCorrection(of: .shop)
    // The answer to a write may be lost: both states are known then.
    drift.willWrite(.shop)
    #expect(drift.observe(live, inGit) == .inSync(endsConflict: false))
  }

  @Test("another object of the same name is compared with its own stamp")
  func recreated() {
    _ = drift.observe(Object.applied(from: .repeating("c")), inGit)
    #expect(drift.observe(Object.applied(uid: "u2"), inGit) == .inSync(endsConflict: false))
  }

  @Test("labels of the file are drift if the head still has the file that was applied")
  func labels() {
    let labelled = Object.applied().edited { $0["metadata"]?["annotations"]?["kdops.dev/carried"] = "l:team" }
    let metadata = Metadata(
      name: "shop", namespace: "default", labels: ["team": "a"], annotations: [:], generation: 0)
    let file = { (blob: ObjectID) in
      DesiredObject(
        file: DesiredObject.File(path: "clusters/shop.yaml", blob: blob, metadata: metadata))
    }
    #expect(drift.observe(labelled, file(.repeating("b"))) == .drifted)
    drift.beginCorrection(of: .shop)
    #expect(drift.observe(labelled, file(.repeating("c"))) == .inSync(endsConflict: false))
  }

  @Test("an object that lost its label is this installation's while git has it; then the label releases it")
  func released() {
    let stray = Object.applied(owner: nil)
    #expect(drift.observe(stray, inGit) == .drifted)
    #expect(drift.observe(stray, nil) == .foreign)
    #expect(drift.observe(Object.applied(owner: "other"), inGit) == .foreign)
    #expect(drift.observe(stray.edited { $0["spec"]?["x"] = 1 }, inGit) == .foreign)
  }

  @Test("an object that is being deleted is left alone")
  func deleted() {
    let going = edited(2).edited { $0["metadata"]?["deletionTimestamp"] = "2026-01-01T00:00:00Z" }
    #expect(drift.observe(going, inGit) == .foreign)
  }

  @Test("a state that another writer restores is corrected once; another state is new drift")
  func conflict() {
    #expect(drift.observe(edited(2), inGit) == .drifted)
    drift.beginCorrection(of: .shop)
    #expect(drift.corrected(edited(2), inGit) == false)
    #expect(drift.observe(edited(2), inGit) == .conflict)
    #expect(!drift.isRefused(.shop))
    #expect(drift.observe(edited(3), inGit) == .drifted)
    drift.beginCorrection(of: .shop)
    #expect(drift.observe(live, inGit) == .inSync(endsConflict: true))
  }

  @Test("a refused correction keeps what was applied as the baseline until the object is written or a resync")
  func refused() throws {
    let origin = try #require(Provenance(of: live))
    drift.refused(edited(2), to: ["spec": ["app": "web-1.0.0"]], origin)
    #expect(drift.isRefused(.shop))
    #expect(drift.refusedState(of: .shop)?.origin == origin)
    #expect(drift.observe(edited(2), inGit) == .conflict)
    drift.retryConflicts()
    #expect(drift.observe(edited(2), inGit) == .drifted)
    drift.refused(edited(2), to: [:], origin)
    drift.wrote(live)
    #expect(!drift.isRefused(.shop))
  }

  @Test("a correction without an answer stays pending")
  func unanswered() {
    _ = drift.observe(edited(2), inGit)
    drift.beginCorrection(of: .shop)
    drift.unanswered(.shop)
    #expect(drift.drifted == [.shop])
  }

  @Test("an object that was created again after its deletion is not compared with the old one")
  func forgotten() {
    _ = drift.observe(Object.applied(from: .repeating("c")), inGit)
    drift.forget(.shop)
    #expect(drift.observe(live, inGit) == .inSync(endsConflict: false))
  }

  @Test("a requested resync is done once")
  func resync() {
    #expect(drift.takeResync() == false)
    drift.requestResync()
    #expect(drift.takeResync() == true)
    #expect(drift.takeResync() == false)
  }
}
