import Foundation
import TestSupport

/// A small repository: one family of apps, `web`, whose scripts record their events.
///
/// Roles: `worker` with storage, `front` with a service, and `gateway` whose image is the same in every
/// version.
struct Fixture: Sendable {
  /// The delays and faults of an image's version.
  struct Image: Sendable {
    var version: String
    /// Before the container starts, on the embedded node; a real node has its own delay.
    var pull = "0s"
    var start = "0s"
    /// Duration of a hook in seconds.
    var hook = "0"
    /// The exit code with which `--pod_upgraded` fails; nil if it succeeds.
    var failsUpgraded: Int?
    /// The event whose script hangs the first time that a container runs it; nil for none.
    var hangs: String?
    /// A script that runs in each event; its output is in `/srv/said-EVENT`.
    var calls: String?
    /// The one pod in which it fails or hangs; nil for any.
    var failsIn: String?

    /// Distinguishes it from the plain image of its version; part of a tag.
    fileprivate var variant: String {
      (hook == "0" ? "" : "-hook\(hook)") + (failsUpgraded.map { "-fails\($0)" } ?? "")
        + (hangs.map { "-hangs-\($0)" } ?? "") + (failsIn.map { "-in-\($0)" } ?? "")
        + (calls == nil ? "" : "-calls")
    }
  }

  let backend: Backend
  /// The namespace of the clusters; on Kubernetes only this fixture uses it.
  let namespace: String
  let workers: Int
  private let images: [Image]

  init(_ backend: Backend, workers: Int = 3, _ changed: Image...) {
    self.backend = backend
    self.workers = workers
    namespace =
      backend == .embedded
      ? "default" : "scn-" + String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
    images = ["1.0", "1.1", "1.2"].map { version in
      changed.first { $0.version == version } ?? Image(version: version)
    }
  }

  // MARK: Images

  /// The image that an app's version names.
  func image(_ version: String) -> String {
    let image = images.first { version.hasPrefix("\($0.version).") }
    return webImage(tag: version + (backend == .kubernetes ? image?.variant ?? "" : ""))
  }

  func webImage(tag: String) -> String { "\(registry)web:\(tag)" }

  var gatewayImage: String { "\(registry)gateway:2.4" }

  private var registry: String {
    backend.pick(embedded: "registry.example/", kubernetes: "localhost/kdops-test-")
  }

  /// Every image that can be pulled, with the files laid over its root.
  var imageFiles: [String: [String: String]] {
    var files = Dictionary(uniqueKeysWithValues: images.map { (image("\($0.version).0"), Self.root($0)) })
    files[gatewayImage] = Self.root(Image(version: "2.4"))
    return files
  }

  private static func root(_ image: Image) -> [String: String] {
    var files = [
      "srv/image-version": image.version + "\n", "srv/hook-seconds": image.hook + "\n",
      "opt/configscripts/appconfig/startscript": script,
    ]
    files["srv/fail-pod_upgraded"] = image.failsUpgraded.map { "\($0)\n" }
    if let event = image.hangs { files["srv/hang-\(event)"] = "" }
    files["srv/fail-in"] = image.failsIn.map { "\($0)\n" }
    files["srv/calls"] = image.calls
    return files
  }

  /// It records one line at the start and one at the end of an event: the time in hundredths of a second
  /// since boot, event, version, an id of the container, and start or end. The lines go to the volume, if
  /// there is one, and to the container's own folder.
  private static let script = """
    #!/bin/sh
    set -u
    event=${1#--}
    shift
    if [ ! -s /srv/container ]; then od -An -N8 -tx8 /dev/urandom | tr -d ' \\n' > /srv/container; fi
    record() {
      read -r now rest < /proc/uptime
      line="${now%.*}${now#*.} $event $(cat /srv/image-version) $(cat /srv/container) $*"
      echo "$line" >> /srv/runs
      if [ -d /data ]; then echo "$line" >> /data/runs; fi
    }
    record begin "$@"
    if [ -f /srv/calls ]; then sh /srv/calls > "/srv/said-$event" 2>&1 || exit 9; fi
    case $event in pod_*) sleep "$(cat /srv/hook-seconds 2> /dev/null || echo 0)" ;; esac
    read -r host < /proc/sys/kernel/hostname
    if [ ! -f /srv/fail-in ] || grep -qx "$host" /srv/fail-in; then
      if [ -f "/srv/hang-$event" ]; then rm "/srv/hang-$event"; sleep 100000; fi
      if [ -f "/srv/fail-$event" ]; then exit "$(cat "/srv/fail-$event")"; fi
    fi
    record end "$@"
    """

  // MARK: Files

  /// `.kdops.yaml` and, for the embedded node, the files of the images.
  func base() -> [String: String?] {
    var settings = "schemaVersion: 1\ndefaultNamespace: \(namespace)\n"
    guard backend == .embedded else { return [".kdops.yaml": settings] }
    var files: [String: String?] = [:]
    settings += """
      embedded:
        images:
          - {image: "\(gatewayImage)", rootfs: images/gateway}

      """
    for image in images {
      settings += """
            - {image: "\(webImage(tag: image.version)).*", rootfs: images/web/\(image.version), \
        pull: \(image.pull), start: \(image.start)}

        """
      for (path, content) in Self.root(image) { files["images/web/\(image.version)/\(path)"] = content }
    }
    for (path, content) in Self.root(Image(version: "2.4")) { files["images/gateway/\(path)"] = content }
    files[".kdops.yaml"] = settings
    return files
  }

  static func appPath(_ version: String) -> String { "apps/web-\(version).json" }

  /// - Parameters:
  ///   - tag: the tag of the image; nil for the version's.
  ///   - gateway: the image of the role that otherwise has the same image in every version.
  func app(
    _ version: String, tag: String? = nil, events: [String]? = nil, namespace: String? = nil,
    gateway: String? = nil
  ) -> String {
    let place = namespace.map { ", \"namespace\": \"\($0)\"" } ?? ""
    let image = tag.map(webImage) ?? image(version)
    let eventList =
      events.map { ", \"defaultEventList\": [\($0.map { "\"\($0)\"" }.joined(separator: ", "))]" } ?? ""
    return """
      {
        "apiVersion": "kubedirector.hpe.com/v1beta1",
        "kind": "KubeDirectorApp",
        "metadata": {"name": "web-\(version)"\(place)},
        "spec": {
          "label": {"name": "Web"}, "distroID": "example/web", "version": "\(version)", "upgradable": true,
          "configSchemaVersion": 7,
          "defaultConfigPackage": {
            "packageURL": "file:///opt/configscripts/appconfig.tgz", "useNewSetupLayout": true
          },
          "defaultPersistDirs": ["/data"]\(eventList),
          "services": [{"id": "http", "label": {"name": "HTTP"}, "endpoint": {"port": 80, "urlScheme": "http"}}],
          "roles": [
            {"id": "worker", "cardinality": "1+", "imageRepoTag": "\(image)"},
            {"id": "front", "cardinality": "0+", "imageRepoTag": "\(image)"},
            {"id": "gateway", "cardinality": "1", "imageRepoTag": "\(gateway ?? gatewayImage)"}
          ],
          "config": {
            "selectedRoles": ["worker", "front", "gateway"],
            "roleServices": [{"roleID": "front", "serviceIDs": ["http"]}], "configMeta": {}
          }
        }
      }

      """
  }

  static func clusterPath(_ name: String) -> String { "clusters/\(name).yaml" }

  /// - Parameters:
  ///   - workers: nil for the fixture's number.
  ///   - front: nil for a cluster without that role.
  ///   - namespace: the namespace that the file itself names.
  ///   - order: the order in which its roles are upgraded, as in the annotation.
  ///   - annotations: further ones, each with its value.
  ///   - connections: in YAML's flow style.
  func cluster(
    _ name: String = "shop", app version: String, workers: Int? = nil, front: Int? = 1,
    namespace: String? = nil, order: String? = nil, annotations: [String: String] = [:],
    connections: String? = nil
  ) -> String {
    var annotations = annotations
    annotations["kdops.dev/role-order"] = order
    let pairs = annotations.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"" }
    // The requests are tiny, so that many pods fit on a small node.
    let resources = "{limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 2m, memory: 8Mi}}"
    return """
      apiVersion: kubedirector.hpe.com/v1beta1
      kind: KubeDirectorCluster
      metadata:
        name: \(name)
      \(namespace.map { "  namespace: \($0)" } ?? "")
      \(pairs.isEmpty ? "" : "  annotations: {\(pairs.joined(separator: ", "))}")
      spec:
        app: web-\(version)
        namingScheme: CrNameRole
      \(connections.map { "  connections: \($0)" } ?? "")
        roles:
          - id: worker
            members: \(workers ?? self.workers)
            resources: \(resources)
            storage: {size: 1Gi}
      \(front.map { "    - {id: front, members: \($0), resources: \(resources)}" } ?? "")
          - {id: gateway, members: 1, resources: \(resources)}

      """
  }

  /// The files of a repository with cluster `shop` on version 1.0.0.
  func shop() -> [String: String?] {
    var files = base()
    files[Self.appPath("1.0.0")] = app("1.0.0")
    files[Self.clusterPath("shop")] = cluster(app: "1.0.0")
    return files
  }

  /// The files of the commit that upgrades `shop`.
  func upgrade(to version: String = "1.1.0", tag: String? = nil, workers: Int? = nil) -> [String: String?] {
    [
      Self.appPath(version): app(version, tag: tag),
      Self.clusterPath("shop"): cluster(app: version, workers: workers),
    ]
  }

  /// The file that gives `shop` another number of workers.
  func resize(_ workers: Int, app version: String = "1.0.0") -> [String: String?] {
    [Self.clusterPath("shop"): cluster(app: version, workers: workers)]
  }
}
