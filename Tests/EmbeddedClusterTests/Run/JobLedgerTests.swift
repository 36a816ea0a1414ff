import ClusterAPI
import Testing

@testable import EmbeddedCluster

/// Transcripts: what happens, and the jobs that are started.
@Suite("The jobs of a cluster")
struct JobLedgerTests {
  private static func words(_ jobs: [ClusterJob]) -> [String] {
    jobs.map { job in
      switch job {
      case .pod(let job): "pod \(job.spec.name.name)"
      case .volume(let claim): "volume \(claim.name)"
      case .alarm(let time): "alarm \(time.wholeSeconds)"
      case .turn: "turn"
      }
    }
  }

  private static func pod(_ name: String) -> NodeJob {
    NodeJob(spec: PodSpec(Object(.pods, namespace: "default", name: name)), ip: "", steps: [])
  }

  @Test("keep the cluster busy until each of them has ended")
  func idle() {
    var ledger = JobLedger()
    #expect(ledger.isIdle)
    #expect(Self.words(ledger.start([Self.pod("web-0"), Self.pod("web-1")])) == ["pod web-0", "pod web-1"])
    let claims = [ObjectName(namespace: "default", name: "data-web-0")]
    #expect(Self.words(ledger.removeVolumes(of: claims)) == ["volume data-web-0"])
    for _ in 0..<2 { ledger.ended() }
    #expect(!ledger.isIdle)
    ledger.ended()
    #expect(ledger.isIdle)
  }

  @Test("include one ordered turn at a time, which keeps the cluster busy")
  func turn() {
    var ledger = JobLedger()
    #expect(Self.words(ledger.orderTurn()) == ["turn"])
    #expect(Self.words(ledger.orderTurn()) == [])
    #expect(!ledger.isIdle)
    ledger.turnBegan()
    #expect(Self.words(ledger.orderTurn()) == ["turn"], "ordered by the turn itself")
    for _ in 0..<2 { ledger.ended() }
    #expect(ledger.isIdle)
  }

  @Test("include alarms only for earlier times than those that are set, and alarms keep nothing busy")
  func alarms() {
    var ledger = JobLedger()
    #expect(Self.words(ledger.setAlarm(at: nil)) == [])
    #expect(Self.words(ledger.setAlarm(at: .seconds(9))) == ["alarm 9"])
    #expect(Self.words(ledger.setAlarm(at: .seconds(9))) == [])
    #expect(Self.words(ledger.setAlarm(at: .seconds(12))) == [])
    #expect(Self.words(ledger.setAlarm(at: .seconds(5))) == ["alarm 5"])
    #expect(ledger.isIdle)
    ledger.alarmRang(.seconds(5))
    #expect(Self.words(ledger.setAlarm(at: .seconds(12))) == [], "the one at 9 is still set")
    ledger.alarmRang(.seconds(9))
    #expect(Self.words(ledger.setAlarm(at: .seconds(12))) == ["alarm 12"])
  }
}
