import KubeDirector
import Testing
import Upgrade

@Suite("What a cluster is connected to")
struct ConnectionTests {
  /// A cluster at rest that was made with a connection.
  static func connected() -> Stage {
    var stage = Stage([.init(id: "web", members: 2), .init(id: "plain", hasPackage: false)])
    stage.connect(["configmaps/hadoop": "a"])
    stage.settle()
    return stage
  }

  @Test("who is set up with it does not hear of it")
  func created() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    let told = stage.record { $0.settle() }
    #expect(told.contains("script web-0 --configure") && !told.contains("--reconnect"))
    #expect(stage.status?.connections == ConnectionState(marks: ["configmaps/hadoop": "a"], changes: 1))
    #expect(stage.violations == [])
  }

  @Test("when it changes, comes or goes, every member with a package hears --reconnect, once")
  func changed() {
    var stage = Self.connected()
    for marks in [["configmaps/hadoop": "b"], ["configmaps/hadoop": "a"], [:]] {
      stage.connect(marks)
      let told = stage.record { $0.settle() }
      #expect(
        told == """
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

  @Test("what changes while a member is being set up stands in its configmeta.json, which is written again")
  func changedWhileInstalling() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    stage.heldScripts = ["web-0"]
    stage.settle()
    stage.connect(["configmaps/hadoop": "b"])
    stage.settle()
    stage.heldScripts = []
    let told = stage.record { $0.settle() }
    #expect(
      told == """
        install web-0 fresh
        script web-0 --configure
        state configured
        """)
  }

  @Test("a cluster that is changing is told of when it is at rest again")
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

  @Test("what changes while an upgrade runs is told when it has ended, and disturbs none of its pods")
  func duringUpgrade() {
    var stage = Stage(
      [.init(id: "worker", members: 2), .init(id: "web")], versions: ["1.0": [:], "1.1": ["worker": "1.1"]])
    stage.connect(["secrets/key": "a"])
    stage.settle()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.connect(["secrets/key": "b"])
    let told = stage.record { $0.settle() }
    let lines = told.split(separator: "\n")
    #expect(lines.firstIndex(of: "end app-1.1") ?? 99 < lines.firstIndex(of: "script web-0 --reconnect") ?? 0)
    #expect(stage.violations == [])
  }

  @Test("a --reconnect that failed is void once there is something newer to tell")
  func mended() {
    var stage = Self.connected()
    stage.exitCodes["web-1 reconnect"] = 9
    stage.connect(["configmaps/hadoop": "broken"])
    stage.settle()
    #expect(stage.member("web-1")?.state == .configError)
    stage.exitCodes = [:]
    stage.connect(["configmaps/hadoop": "mended"])
    let told = stage.record { $0.settle() }
    #expect(
      told == """
        stalled no more
        script web-0 --reconnect
        script web-1 --reconnect
        state configured
        """)
  }

  @Test("several changes while a member is busy are told as one")
  func folded() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    for mark in ["b", "c", "d"] {
      stage.connect(["configmaps/hadoop": mark])
      stage.settle()
    }
    stage.heldScripts = []
    let told = stage.record { $0.settle() }
    #expect(told.split(separator: "\n").count { $0 == "script web-0 --reconnect" } == 1)
    #expect(stage.status?.state == .configured)
  }

  @Test("what an earlier daemon has begun to tell is heard to its end before the newest is told")
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

  @Test("before they can be read nobody is set up without them, and nothing is concluded")
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

  @Test("a spec that nobody vouches for tells nobody anything")
  func unstamped() {
    var stage = Self.connected()
    stage.isStamped = false
    stage.connect(["configmaps/hadoop": "a", "secrets/other": "x"])
    #expect(stage.record { $0.settle() } == "")
  }

  // MARK: A commit that changes nothing else

  /// Whether whoever reads the status takes the last change for done.
  private static func isDone(_ stage: Stage) -> Bool {
    stage.status?.state == .configured
      && stage.status?.observedGeneration == stage.cluster.metadata.generation
  }

  private static func wait(_ stage: Stage) -> String? {
    guard let condition = stage.status?.condition(.progressing),
      condition.reason == Condition.waitingForConnections
    else {
      return nil
    }
    return condition.message
  }

  @Test("is done when every member has heard of it, and not before")
  func committed() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    stage.commit(connections: ["configmaps/hadoop": "a", "secrets/key": "1"])
    stage.settle()
    #expect(!Self.isDone(stage))
    stage.heldScripts = []
    let told = stage.record { $0.settle() }
    #expect(told == "state configured")
    #expect(Self.isDone(stage))
    #expect(stage.violations == [])
  }

  @Test("is not done while a cluster that it names is changing; the status says so, and stays configured")
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
    // What becomes of it later is no part of that commit.
    stage.connect(marks, unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(Self.isDone(stage))
    #expect(stage.violations == [])
  }

  @Test("is not done while what it names cannot be read; nor is another change that comes on top")
  func unreadable() {
    var stage = Self.connected()
    stage.commit(connections: ["configmaps/hadoop": "a"], unread: ["secrets"])
    stage.settle()
    #expect(!Self.isDone(stage))
    #expect(
      Self.wait(stage) == "the last change is not done; members are notified of secrets when they can be read"
    )
    // Taken away again, nobody waits.
    stage.commit(connections: ["configmaps/hadoop": "a"])
    stage.settle()
    #expect(Self.isDone(stage))
  }

  @Test("is not done by an engine that is suspended, and done once it goes on")
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

  @Test("is spoken of where a member is in trouble, for that is what needs somebody")
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

  @Test("names two clusters to each other: both come to rest, and both commits are done")
  func mutual() {
    // Each sees of the other only that it is changing, until it no longer is.
    var stage = Self.connected()
    stage.commit(connections: ["configmaps/hadoop": "a", "clusters/twin": "1"], unsettled: ["clusters/twin"])
    stage.settle()
    #expect(stage.status?.state == .configured, "so the other one may hear of it")
    stage.connect(["configmaps/hadoop": "a", "clusters/twin": "2"])
    stage.settle()
    #expect(Self.isDone(stage))
  }
}
