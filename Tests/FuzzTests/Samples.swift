import TestSupport

/// Valid files of every kind that kdops reads.
enum Samples {
  static let paths = ["apps/spark-1.0.0.json", "apps/spark-1.1.0.json", SmallFleet.cluster]

  static func file(_ path: String) -> String { SmallFleet.start[path].flatMap(\.self) ?? "" }

  /// A cluster with a value in every field that rules read, after its upgrade.
  static let cluster = """
    # größe
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata:
      name: analytics
      namespace: prod
      labels: &labels {team: insight, 'x': "y"}
      annotations: {kdops.dev/role-order: "worker, controller", kdops.dev/max-unavailable: "2"}
    spec:
      app: spark-1.1.0
      appCatalog: local
      serviceType: ClusterIP
      defaultSecret: {name: keys, mountPath: /keys}
      connections: {clusters: [ledger], configmaps: [site], secrets: [keys]}
      roles:
        - id: worker
          members: 3
          resources: {limits: {cpu: "1", memory: 1Gi}, requests: {cpu: 500m}}
          storage: {size: 10Gi, storageClassName: fast}
          env: [{name: MODE, value: fast}, {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: a}}}]
          podLabels: *labels
          serviceAnnotations: {example.com/a: "b"}
          secretKeys: [{name: password, value: hunter2}]
          volumeProjections: [{pvcName: shared, mountPath: /data}]
          fileInjections: [{srcURL: "https://example.com/a", destDir: /tmp}]
          affinity: {podAntiAffinity: {}}
    ---
    {apiVersion: v1, kind: List, items: [{kind: ConfigMap}, ~]}

    """

  static let layout = """
    schemaVersion: 1
    apps: ["apps/**"]
    clusters: ["clusters/**", "**/x?.yaml"]
    defaultNamespace: prod
    embedded:
      images:
        - {image: "registry.example/spark:1.*", rootfs: images/spark, pull: 300ms, start: 2s}
        - {image: "registry.example/bad:1", crash: true}

    """

  static let note = """
    analytics: upgrading

    schemaVersion: 1
    commit: 1d0e77c1d0e77c1d0e77c1d0e77c1d0e77c1d0e7
    objects:
      - kind: KubeDirectorCluster
        namespace: prod
        name: analytics
        change: upgrade
        verdict: accepted
        phase: upgrading
        rules: [upgrade/newer]
        message: "analytics-worker-1: ErrImagePull"
        upgrade:
          fromApp: spark-1.0.0
          toApp: spark-1.1.0
          isRollingBack: false
          roles: [{id: worker, done: 1, total: 3, stalled: true}]

    """

  static let statusFile = """
    schemaVersion: 1
    commit: 1d0e77c1d0e77c1d0e77c1d0e77c1d0e77c1d0e7
    state: updating
    app: spark-1.1.0
    appCatalog: local
    upgradeInfo: {isRollingBack: false, prevApp: spark-1.0.0, id: 1d0e77c-2}
    roles: [{id: worker, members: 3, noWayBack: true}]
    verdict: accepted
    phase: failed
    message: "analytics-worker-1: ErrImagePull"
    journal:
      - {id: a, change: upgrade, from: a, to: b, began: "2026-01-01T00:00:00Z",
         pods: [{role: worker, pod: p, at: 3, replace: 4, pull: 5, start: 6, hook: 7, waited: 1, retries: 1}],
         waits: [{what: a budget, at: 1, took: 5}], omitted: 3}

    """

  static let status = #"""
    {"state": "updating", "app": "spark-1.1.0", "appCatalog": "local", "specCommit": "1d0e77c",
     "upgradeInfo": {"isRollingBack": false, "prevApp": "spark-1.0.0", "id": "1d0e77c-2",
       "startedAt": "2026-01-01T00:00:00Z", "announced": true},
     "observedGeneration": 3, "lastNodeID": 4, "lastRetry": "x",
     "connections": {"changes": 2, "marks": {"clusters/ledger": "a"}},
     "conditions": [{"type": "Stalled", "status": "True", "reason": "ErrImagePull", "message": "analytics-worker-1: no image",
       "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 3}],
     "roles": [{"id": "worker", "statefulSet": "analytics-worker", "roleUpgradeStatus": "RoleUpgrading",
       "progressedAt": "2026-01-01T00:00:00Z",
       "members": [
         {"pod": "analytics-worker-0", "nodeID": 1, "state": "configured", "podUpgradeStatus": "PodConfigured",
          "app": "spark-1.1.0", "service": "analytics-worker-0", "pvc": "p-analytics-worker-0",
          "upgrade": {"id": "1d0e77c-2", "revision": "2", "containerID": "c", "script": "pod_upgraded", "exitCode": 0,
            "done": true, "since": "2026-01-01T00:00:00Z"},
          "stateDetail": {"lastConfiguredContainer": "c", "pendingNotifyCmds": [{"event": "addnodes", "id": "1",
            "nodes": {"role": "worker", "statefulSet": "analytics-worker", "ordinals": "1-2"}}]}},
         {"pod": "analytics-worker-1", "nodeID": 2, "state": "config error", "podUpgradeStatus": "PodUpgrading",
          "stateDetail": {"configErrorDetail": "exit 3", "failedStep": "startscript", "waitingReason": "ErrImagePull"}}]}],
     "journal": [{"id": "a", "change": "upgrade", "from": "a", "to": "b", "began": "2026-01-01T00:00:00Z",
       "pods": [{"role": "worker", "pod": "analytics-worker-0", "at": 3, "replace": 4, "pull": 5, "start": 6, "hook": 7}]}]}
    """#

  static let kubeconfig = """
    apiVersion: v1
    kind: Config
    current-context: a
    contexts: [{name: a, context: {cluster: a, user: a, namespace: prod}}]
    clusters: [{name: a, cluster: {server: "https://127.0.0.1:6443/x", certificate-authority-data: YQ==}}]
    users: [{name: a, user: {token: abc, exec: {command: nothing, args: [x], env: [{name: A, value: b}]}}}]

    """
}
