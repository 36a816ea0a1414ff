// swift-tools-version: 6.2
import PackageDescription

// `make lint` and CI set KDOPS_STRICT. It turns every warning in this package's targets into an error.
let strict = Context.environment["KDOPS_STRICT"] != nil
let settings: [SwiftSetting] =
  [.enableUpcomingFeature("ExistentialAny")]
  + (strict ? [.treatAllWarnings(as: .error)] : [])

// `make build` sets KDOPS_COMMIT for `kdops version`.
let commit = Context.environment["KDOPS_COMMIT"].flatMap { text in
  text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } ? text : nil
}

/// Declares a library target whose sources are in the folder of the same name under `Sources`.
func target(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// Declares the test target of a library target.
func tests(
  _ target: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource] = []
) -> Target {
  .testTarget(
    name: "\(target)Tests",
    dependencies: [.byName(name: target), "TestSupport"] + dependencies,
    exclude: exclude,
    resources: resources, swiftSettings: settings)
}

let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let hashTrees = Target.Dependency.product(
  name: "HashTreeCollections", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
  name: "kdops",
  products: [.executable(name: "kdops", targets: ["kdops"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    .systemLibrary(name: "CLibgit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CLibyaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

    .target(
      name: "CBuildInfo", cSettings: commit.map { [.define("KDOPS_COMMIT", to: "\"\($0)\"")] } ?? []),
    .target(name: "CClock"),
    target("Values", [deque]),
    target("Diagnostics", ["Values", crypto]),
    target("Manifests", ["CLibyaml", "Values", "Diagnostics"]),
    target("KubeDirector", ["Values", "Diagnostics", crypto], resources: [.embedInCode("Schemas")]),
    target("Rules", ["Values", "Diagnostics", "KubeDirector", "Manifests", hashTrees]),
    target("GitStore", ["CLibgit2", "Values", "Diagnostics", crypto]),
    target(
      "Signatures",
      ["Values", "Diagnostics", "GitStore", .product(name: "Subprocess", package: "swift-subprocess")]),
    target(
      "DesiredState",
      ["Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", crypto, hashTrees]),
    target("ClusterAPI", ["Values", "KubeDirector", logging]),
    target("LiveState", ["Values", "Diagnostics", "ClusterAPI"]),
    target("SQLite", ["CSQLite"]),
    target(
      "EmbeddedCluster",
      [
        "Values", "Diagnostics", "KubeDirector", "ClusterAPI", logging, crypto, deque,
        "SQLite",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    target(
      "Kubernetes",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "ClusterAPI", logging, nioCore, nioPosix,
        nioHTTP1,
        nioTLS,
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        certificates,
      ]),
    target(
      "HTTPServing",
      [logging, nioCore, .product(name: "HummingbirdCore", package: "hummingbird")]),
    target("Installation", ["Values", "KubeDirector", "ClusterAPI"]),
    target(
      "Admission",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "ClusterAPI", "LiveState",
        "HTTPServing", logging,
        lifecycle,
        nioCore, nioPosix, nioTLS, crypto,
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        certificates,
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ]),
    target(
      "EmbeddedAPI",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "ClusterAPI", "Admission", logging,
        lifecycle, nioCore, nioPosix, nioHTTP1, nioTLS,
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ]),
    target("Upgrade", ["Values", "KubeDirector"]),
    target(
      "Controller", ["Values", "KubeDirector", "Upgrade", "ClusterAPI", "LiveState", logging],
      resources: [.embedInCode("Resources")]),
    target("Reports", ["Values", "Diagnostics", "KubeDirector"]),
    target("StatusWriter", ["Values", "Diagnostics", "GitStore", "Reports"]),
    target(
      "Control", ["Values", "KubeDirector", "ClusterAPI", "Reports", logging, nioCore, nioPosix]),
    target(
      "Validation",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "DesiredState", "Reports",
      ]),
    target(
      "Hooks",
      [
        "Values", "Diagnostics", "GitStore", "Validation",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    target(
      "Plan",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "Upgrade", "Reports",
        "Validation",
      ]),
    target(
      "Forge",
      [
        "Values", "Diagnostics", "GitStore", "Reports", logging, nioCore,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
      ]),
    target(
      "Webhooks",
      [
        "Values", "Diagnostics", "HTTPServing", logging, lifecycle, nioCore, nioPosix, crypto,
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ]),
    target(
      "Notifications",
      [
        "Values", "Diagnostics", "KubeDirector", "GitStore", "Reports", logging, nioCore, crypto,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
      ]),
    target(
      "Reconciler",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "Signatures",
        "DesiredState",
        "ClusterAPI", "LiveState", "Reports", logging,
      ]),
    target(
      "Views",
      [
        "Values", "Diagnostics", "KubeDirector", "Rules", "ClusterAPI", "Reports", logging,
      ]),
    target(
      "Daemon",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "Signatures",
        "DesiredState",
        "ClusterAPI", "EmbeddedCluster", "Kubernetes", "Controller", "Reports", "StatusWriter", "Control",
        "Forge", "Notifications",
        "Reconciler", "Views", logging, lifecycle, signals,
      ]),
    target(
      "Rehearsal",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "DesiredState",
        "ClusterAPI",
        "EmbeddedCluster", "Upgrade", "Reports", "Plan", "Views", "Daemon", logging,
      ]),
    .executableTarget(
      name: "kdops",
      dependencies: [
        "CBuildInfo", "CClock",
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "GitStore", "Signatures",
        "DesiredState",
        "ClusterAPI", "EmbeddedCluster", "Kubernetes", "Installation", "Control", "Admission", "EmbeddedAPI",
        "Reports", "Validation", "Hooks", "Plan", "Forge", "Notifications", "Webhooks", "Reconciler", "Views",
        "Daemon", "Rehearsal",
        logging, lifecycle, signals,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: settings),

    target(
      "TestSupport",
      [
        "Values", "Diagnostics", "KubeDirector", "ClusterAPI", "GitStore", nioCore, nioPosix, nioHTTP1,
        nioTLS, crypto, certificates,
      ]),
    // Shared by the tests of Plan and Rehearsal. Not in TestSupport, so that a change of Plan rebuilds few test targets.
    .target(
      name: "PlanFixture",
      dependencies: ["Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "Reports", "Plan"],
      path: "Tests/PlanFixture", swiftSettings: settings),
    tests("Values"),
    tests("Diagnostics", ["Values"], exclude: ["Golden"]),
    tests("Manifests", ["Values", "Diagnostics"]),
    tests("KubeDirector", ["Values", "Diagnostics"]),
    tests("Rules", ["Values", "Diagnostics", "KubeDirector", "Manifests"]),
    tests("GitStore", ["Values", "Diagnostics", "CLibgit2"]),
    tests("Signatures", ["GitStore"]),
    tests("DesiredState", ["Diagnostics", "GitStore", "Manifests"]),
    tests("LiveState", ["Values", "Diagnostics", "ClusterAPI"]),
    tests("ClusterAPI", ["Values", "KubeDirector", "EmbeddedCluster", logging]),
    tests("SQLite", []),
    tests("EmbeddedCluster", ["Values", "KubeDirector", "ClusterAPI", "SQLite", logging]),
    tests(
      "Kubernetes",
      [
        "Values", "KubeDirector", "ClusterAPI", logging, nioCore, nioPosix, nioHTTP1, nioTLS,
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        certificates, crypto,
      ]),
    tests(
      "Installation",
      [
        "Values", "KubeDirector", "ClusterAPI", "Controller", "EmbeddedCluster", "GitStore", "Manifests",
        "Reconciler", "Reports", logging,
      ],
      exclude: ["Golden"]),
    tests(
      "Admission",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "ClusterAPI", "Rules", "HTTPServing", logging,
        lifecycle, nioCore, nioPosix, nioTLS,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    tests(
      "EmbeddedAPI",
      [
        "Values", "KubeDirector", "ClusterAPI", "EmbeddedCluster", "Manifests", "Admission", "Rules",
        logging, lifecycle, nioCore, nioPosix,
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    tests("Upgrade", ["Values", "KubeDirector"]),
    tests(
      "Controller", ["Values", "KubeDirector", "ClusterAPI", "EmbeddedCluster", "Upgrade", logging],
      exclude: ["Golden"]),
    tests("Reports", ["Values", "Diagnostics", "KubeDirector", "Manifests"], exclude: ["Golden"]),
    tests("StatusWriter", ["Values", "GitStore", "KubeDirector", "Manifests", "Reports"]),
    tests("Forge", ["Values", "GitStore", "Reports", logging]),
    tests(
      "Webhooks",
      [
        "Values", logging, lifecycle, nioCore, crypto,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
      ]),
    tests(
      "Notifications", ["Values", "Diagnostics", "KubeDirector", "Reports", logging, crypto]),
    // Runs the health checks for other tools with their interpreters, where these are installed.
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "TestSupport", "Values", "KubeDirector", "Manifests",
      ],
      swiftSettings: settings),
    tests(
      "Validation", ["Values", "Diagnostics", "Rules", "GitStore", "DesiredState", "Reports"]),
    // These tests let git run the kdops executable.
    tests("Hooks", ["kdops", "Diagnostics", "GitStore"]),
    tests(
      "Plan", ["Values", "Diagnostics", "KubeDirector", "Rules", "PlanFixture"], exclude: ["Golden"]),
    tests("Control", ["Values", "KubeDirector", "ClusterAPI", "Reports"]),
    tests(
      "Views",
      [
        "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "ClusterAPI", "Reports",
      ], exclude: ["Golden"]),
    tests(
      "Daemon",
      [
        "Values", "Diagnostics", "KubeDirector", "ClusterAPI", "EmbeddedCluster", "GitStore", "Notifications",
        "Reports", logging,
      ]),
    tests("Rehearsal", ["Values", "Diagnostics", "KubeDirector", "Rules", "PlanFixture"]),
    tests(
      "kdops",
      [
        "Values", "Diagnostics", "KubeDirector", "ClusterAPI", "EmbeddedCluster", "GitStore", "Installation",
        "Signatures", "Reports", "Notifications", "Webhooks", "Daemon", logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests(
      "Reconciler",
      [
        "Values", "Diagnostics", "KubeDirector", "ClusterAPI", "EmbeddedCluster", "GitStore", "Rules",
        "Signatures", "DesiredState", "Reports", logging,
      ]),
    // Feeds hostile input to the readers of external data and to the renderers that show it.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "TestSupport", "Values", "Diagnostics", "Manifests", "KubeDirector", "Rules", "ClusterAPI",
        "DesiredState",
        "Upgrade", "Reports", "Plan", "Views", "Kubernetes", "GitStore",
      ],
      swiftSettings: settings),
    // `ScenarioTests` runs the daemon as a process, with git as the user's client.
    // `CrashingDaemon` is a daemon for the tests that kill it.
    .executableTarget(
      name: "CrashingDaemon",
      dependencies: [
        "Values", "KubeDirector", "Rules", "ClusterAPI", "EmbeddedCluster", "GitStore", "Kubernetes",
        "Daemon",
        "TestSupport", logging,
      ],
      path: "Tests/CrashingDaemon", swiftSettings: settings),
    .testTarget(
      name: "ScenarioTests",
      dependencies: [
        "kdops", "CrashingDaemon", "TestSupport", "Values", "KubeDirector", "Rules", "ClusterAPI",
        "EmbeddedCluster",
        "GitStore",
        "Installation", "Kubernetes", "Manifests", "Reports", "Daemon", logging, nioCore, nioPosix,
        nioHTTP1,
      ],
      exclude: ["Golden"],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
