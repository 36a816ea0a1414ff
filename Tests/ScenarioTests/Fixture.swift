import TestSupport

/// A small repository: one family of apps, `web`, whose scripts write down what they were told.
///
/// Roles: `worker` with storage, `front` without, and `gateway` whose image is the same in every version.
enum Fixture {
  /// The delays and faults of an image's version, for `.kdops.yaml` and for its files.
  struct Image {
    var version: String
    /// Before the container runs.
    var pull = "0s"
    var start = "0s"
    /// Seconds that a hook takes.
    var hook = "0"
    /// With what exit code `--pod_upgraded` fails; nil where it does not.
    var failsUpgraded: Int?
  }

  static let images = ["1.0", "1.1", "1.2"].map { Image(version: $0) }

  /// `.kdops.yaml` and the files of the images.
  static func base(_ changed: [Image] = []) -> [String: String?] {
    let images = images.map { image in changed.first { $0.version == image.version } ?? image }
    var catalog = ""
    var files: [String: String?] = [:]
    for image in images {
      catalog += """
            - {image: "registry.example/web:\(image.version).*", rootfs: images/web/\(image.version), \
        pull: \(image.pull), start: \(image.start)}

        """
      let root = "images/web/\(image.version)"
      files["\(root)/srv/image-version"] = image.version + "\n"
      files["\(root)/srv/hook-seconds"] = image.hook + "\n"
      if let code = image.failsUpgraded { files["\(root)/srv/fail-pod_upgraded"] = "\(code)\n" }
      files["\(root)/opt/configscripts/appconfig/startscript"] = script
    }
    files["images/gateway/srv/image-version"] = "2.4\n"
    files["images/gateway/opt/configscripts/appconfig/startscript"] = script
    files[".kdops.yaml"] = """
      schemaVersion: 1
      embedded:
        images:
          - {image: "registry.example/gateway:2.4", rootfs: images/gateway}
      \(catalog)
      """
    return files
  }

  /// One line a begin and one an end: time in nanoseconds, event, version, a word for the container, and which of the
  /// two; on the volume, where there is one, as well as in the container's own folder.
  private static let script = """
    #!/bin/sh
    set -u
    event=${1#--}
    shift
    if [ ! -s /srv/container ]; then od -An -N8 -tx8 /dev/urandom | tr -d ' \\n' > /srv/container; fi
    record() {
      line="$(date +%s%N) $event $(cat /srv/image-version) $(cat /srv/container) $*"
      echo "$line" >> /srv/runs
      if [ -d /data ]; then echo "$line" >> /data/runs; fi
    }
    record begin "$@"
    case $event in pod_*) sleep "$(cat /srv/hook-seconds 2> /dev/null || echo 0)" ;; esac
    if [ -f "/srv/fail-$event" ]; then exit "$(cat "/srv/fail-$event")"; fi
    record end "$@"
    """

  static func appPath(_ version: String) -> String { "apps/web-\(version).json" }

  /// - Parameter tag: the tag of the image; the version where it is nil.
  static func app(_ version: String, tag: String? = nil, events: [String]? = nil) -> String {
    let image = "registry.example/web:\(tag ?? version)"
    let eventList =
      events.map { ", \"defaultEventList\": [\($0.map { "\"\($0)\"" }.joined(separator: ", "))]" } ?? ""
    return """
      {
        "apiVersion": "kubedirector.hpe.com/v1beta1",
        "kind": "KubeDirectorApp",
        "metadata": {"name": "web-\(version)"},
        "spec": {
          "label": {"name": "Web"}, "distroID": "example/web", "version": "\(version)", "upgradable": true,
          "configSchemaVersion": 7,
          "defaultConfigPackage": {
            "packageURL": "file:///opt/configscripts/appconfig.tgz", "useNewSetupLayout": true
          },
          "defaultPersistDirs": ["/data"]\(eventList),
          "roles": [
            {"id": "worker", "cardinality": "1+", "imageRepoTag": "\(image)"},
            {"id": "front", "cardinality": "1", "imageRepoTag": "\(image)"},
            {"id": "gateway", "cardinality": "1", "imageRepoTag": "registry.example/gateway:2.4"}
          ],
          "config": {"selectedRoles": ["worker", "front", "gateway"], "roleServices": [], "configMeta": {}}
        }
      }

      """
  }

  static func clusterPath(_ name: String) -> String { "clusters/\(name).yaml" }

  static func cluster(_ name: String = "shop", app version: String, workers: Int = 3) -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata:
      name: \(name)
    spec:
      app: web-\(version)
      namingScheme: CrNameRole
      roles:
        - id: worker
          members: \(workers)
          resources:
            limits: {cpu: 100m, memory: 64Mi}
          storage: {size: 1Gi}
        - id: front
          members: 1
          resources:
            limits: {cpu: 100m, memory: 64Mi}
        - id: gateway
          members: 1
          resources:
            limits: {cpu: 100m, memory: 64Mi}

    """
  }

  /// The files of a repository with cluster `shop` on version 1.0.0.
  static func shop(workers: Int = 3, _ images: Image...) -> [String: String?] {
    var files = base(images)
    files[appPath("1.0.0")] = app("1.0.0")
    files[clusterPath("shop")] = cluster(app: "1.0.0", workers: workers)
    return files
  }

  /// The files of the commit that upgrades `shop`.
  static func upgrade(to version: String = "1.1.0", tag: String? = nil, workers: Int = 3) -> [String: String?]
  {
    [
      appPath(version): app(version, tag: tag),
      clusterPath("shop"): cluster(app: version, workers: workers),
    ]
  }
}
