import KubeDirector
import Testing
import Upgrade

@Suite("Connections of a cluster")
struct ConnectionTests {
  /// A configured cluster that was created with a connection.
  static func connected() -> Stage {
    var stage = Stage([.init(id: "web", members: 2), .init(id: "plain", hasPackage: false)])
    stage.connect(["configmaps/hadoop": "a"])
    stage.settle()
    return stage
  }

  @Test("need no notification of a member that is set up with them")
  func created() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    let transcript = stage.record { $0.settle() }
    #expect(transcript.contains("script web-0 --configure") && !transcript.contains("--reconnect"))
    #expect(stage.status?.connections == ConnectionState(marks: ["configmaps/hadoop": "a"], changes: 1))
    #expect(stage.violations == [])
  }

  @Test(
    "are notified once to every member with a package, by --reconnect, when they change, appear or vanish")
  func changed() {
    var stage = Self.connected()
    for marks in [["configmaps/hadoop": "b"], ["configmaps/hadoop": "a"], [:]] {
      stage.connect(marks)
      let transcript = stage.record { $0.settle() }
      #expect(
        transcript == """
          state updating
          script web-0 --reconnect
          script web-1 --reconnect
          state configured
          """)
      stage.killDaemon()
      #expect(stage.record { $0.settle() } == "")
    }
    #expect(stage.violations == [])
  }

  @Test("need no notification if only a newer kdops describes a connected cluster in another way")
  func newerFormat() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["clusters/ledger": "1f"])
    stage.settle()
    let newer = ConnectionState.mark(ofClusterMeta: "1f")
    stage.connect(["clusters/ledger": newer])
    #expect(!stage.record { $0.settle() }.contains("--reconnect"))
    #expect(stage.status?.connections?.marks == ["clusters/ledger": newer])
    stage.connect(["clusters/ledger": ConnectionState.mark(ofClusterMeta: "2f")])
    #expect(stage.record { $0.settle() }.contains("script web-0 --reconnect"))
    #expect(stage.violations == [])
  }

  @Test("are updated in configmeta.json if they change while a member is being set up")
  func changedWhileInstalling() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    stage.heldScripts = ["web-0"]
    stage.settle()
    stage.connect(["configmaps/hadoop": "b"])
    stage.settle()
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        install web-0 fresh
        script web-0 --configure
        state configured
        """)
  }

  @Test("are notified only once a connected cluster that is changing is configured again")
  func unsettled() {
    var stage = Self.connected()
    stage.connect(["configmaps/hadoop": "a", "clusters/hdfs": "1"], unsettled: ["clusters/hdfs"])
    #expect(stage.record { $0.settle() } == "")
    stage.connect(["configmaps/hadoop": "a", "clusters/hdfs": "2"])
    #expect(stage.record { $0.settle() }.contains("script web-0 --reconnect"))
    stage.connect(["configmaps/hadoop": "b", "clusters/hdfs": "3"], unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(stage.status?.connections?.marks == ["configmaps/hadoop": "b", "clusters/hdfs": "2"])
  }

  @Test("are notified after a running upgrade, without disturbing its pods")
  func duringUpgrade() {
    var stage = Stage(
      [.init(id: "worker", members: 2), .init(id: "web")], versions: ["1.0": [:], "1.1": ["worker": "1.1"]])
    stage.connect(["secrets/key": "a"])
    stage.settle()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.connect(["secrets/key": "b"])
    let transcript = stage.record { $0.settle() }
    let lines = transcript.split(separator: "\n")
    #expect(lines.firstIndex(of: "end app-1.1") ?? 99 < lines.firstIndex(of: "script web-0 --reconnect") ?? 0)
    #expect(stage.violations == [])
  }

  @Test("replace a failed --reconnect by the notification of a newer change")
  func restored() {
    var stage = Self.connected()
    stage.exitCodes["web-1 reconnect"] = 9
    stage.connect(["configmaps/hadoop": "broken"])
    stage.settle()
    #expect(stage.member("web-1")?.state == .configError)
    stage.exitCodes = [:]
    stage.connect(["configmaps/hadoop": "restored"])
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled no more
        script web-0 --reconnect
        script web-1 --reconnect
        state configured
        """)
  }

  @Test("are notified as one change if several occur while a member is busy")
  func folded() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    for mark in ["b", "c", "d"] {
      stage.connect(["configmaps/hadoop": mark])
      stage.settle()
    }
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(transcript.split(separator: "\n").count { $0 == "script web-0 --reconnect" } == 1)
    #expect(stage.status?.state == .configured)
  }

  @Test("are notified after a notification that an earlier daemon started has finished")
  func begun() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    stage.connect(["configmaps/hadoop": "b"])
    stage.settle()
    stage.killDaemon()
    stage.connect(["configmaps/hadoop": "c"])
    stage.settle()
    stage.heldScripts = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("delay the setup of members until they can be read, without further conclusions")
  func unread() {
    var stage = Stage([.init(id: "web")])
    stage.connect([:], unread: ["secrets"])
    #expect(!stage.record { $0.settle() }.contains("install"))
    #expect(
      stage.status?.condition(.progressing)?.message
        == "members are being set up; members wait until secrets can be read")
    stage.connect(["secrets/key": "a"])
    stage.settle()
    #expect(stage.status?.state == .configured)
    stage.connect([:], unread: ["secrets"])
    #expect(stage.record { $0.settle() } == "")
  }

  @Test("are not notified if the spec is not stamped")
  func unstamped() {
    var stage = Self.connected()
    stage.isStamped = false
    stage.connect(["configmaps/hadoop": "a", "secrets/other": "x"])
    #expect(stage.record { $0.settle() } == "")
  }

  // MARK: A commit that changes nothing else

  /// Whether a reader of the status would consider the last change done.
  private static func isDone(_ stage: Stage) -> Bool {
    stage.status?.state == .configured
      && stage.status?.observedGeneration == stage.cluster.metadata.generation
  }

  private static func wait(_ stage: Stage) -> String? {
    guard let condition = stage.status?.condition(.progressing),
      condition.reason == .waitingForConnections
    else {
      return nil
    }
    return condition.message
  }

  @Test("make their commit done when every member is notified, and not before")
  func committed() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    stage.commit(connections: ["configmaps/hadoop": "a", "secrets/key": "1"])
    stage.settle()
    #expect(!Self.isDone(stage))
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(transcript == "state configured")
    #expect(Self.isDone(stage))
    #expect(stage.violations == [])
  }

  @Test("keep their commit unfinished while a named cluster is changing; the status stays configured")
  func neighbour() {
    var stage = Self.connected()
    let marks = ["configmaps/hadoop": "a", "clusters/hdfs": "1"]
    stage.commit(connections: marks, unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(!Self.isDone(stage))
    #expect(stage.status?.state == .configured)
    #expect(
      Self.wait(stage)
        == "the last change is not done; members are notified of clusters/hdfs when it is configured")
    #expect(stage.status?.wait == Self.wait(stage))
    stage.connect(marks)
    #expect(stage.record { $0.settle() }.contains("script web-0 --reconnect"))
    #expect(Self.isDone(stage) && Self.wait(stage) == nil)
    // Later changes of that cluster are not part of the commit.
    stage.connect(marks, unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(Self.isDone(stage))
    #expect(stage.violations == [])
  }

  @Test("keep a commit unfinished while they cannot be read, and also a later commit")
  func unreadable() {
    var stage = Self.connected()
    stage.commit(connections: ["configmaps/hadoop": "a"], unread: ["secrets"])
    stage.settle()
    #expect(!Self.isDone(stage))
    #expect(
      Self.wait(stage) == "the last change is not done; members are notified of secrets when they can be read"
    )
    // After the connection is removed, nothing waits.
    stage.commit(connections: ["configmaps/hadoop": "a"])
    stage.settle()
    #expect(Self.isDone(stage))
  }

  @Test("keep their commit unfinished while the engine is suspended, until it is resumed")
  func suspended() {
    var stage = Self.connected()
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.commit(connections: ["configmaps/hadoop": "b"])
    stage.settle()
    #expect(!Self.isDone(stage))
    #expect(stage.status?.isSuspended == true)
    stage.annotate(Wire.Annotation.suspend, nil)
    #expect(stage.record { $0.settle() }.contains("script web-1 --reconnect"))
    #expect(Self.isDone(stage))
  }

  @Test("let the generation advance if a member has failed, because the failure needs attention")
  func troubled() {
    var stage = Self.connected()
    stage.exitCodes["web-1 reconnect"] = 9
    stage.connect(["configmaps/hadoop": "b"])
    stage.settle()
    stage.commit(
      connections: ["configmaps/hadoop": "b", "clusters/hdfs": "1"], unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(stage.status?.observedGeneration == stage.cluster.metadata.generation)
    #expect(stage.status?.condition(.stalled)?.reason == "ConfigError")
  }

  @Test("may be mutual: both clusters become configured, and both commits are done")
  func mutual() {
    // Each cluster sees the other one only as changing, until it is done.
    var stage = Self.connected()
    stage.commit(connections: ["configmaps/hadoop": "a", "clusters/twin": "1"], unsettled: ["clusters/twin"])
    stage.settle()
    #expect(stage.status?.state == .configured, "so that the other one may be notified")
    stage.connect(["configmaps/hadoop": "a", "clusters/twin": "2"])
    stage.settle()
    #expect(Self.isDone(stage))
  }
}
