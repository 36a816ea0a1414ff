/// The rule `file/syntax`.
enum FileSyntax: ReadingRule {
  static let description = RuleDescription(
    "file/syntax", summary: "a file can be read: JSON where its name ends in `.json`, YAML elsewhere",
    rationale: """
      What cannot be read might be anything. The objects that stood in the file stay as they are: a slip in one \
      line is no deletion.
      """,
    passing: [.given("flow style", .cluster("storage: {size: 10Gi}", "storage: {\"size\": \"10Gi\"}"))],
    failing: [
      .given("a tab", .add("clusters/broken.yaml", "metadata:\n\tname: broken\n")),
      .given("half an object", .add("apps/broken.json", "{\"kind\": \"KubeDirectorApp\",\n")),
    ])
}

/// The rule `file/duplicate-key`.
enum FileDuplicateKey: ReadingRule {
  static let description = RuleDescription(
    "file/duplicate-key", summary: "no object has the same key twice",
    rationale:
      "Readers disagree which of the two counts, so a reviewer may see another value than the cluster gets.",
    passing: [.given("the same key in two roles", .cluster("members: 3", "members: 1"))],
    failing: [.given("members twice", .cluster("members: 3", "members: 3\n      members: 5"))])
}

/// The rule `file/limit`.
enum FileLimit: ReadingRule {
  static let description = RuleDescription(
    "file/limit", summary: "files and folders stay within the limits of size, number, depth and aliases",
    rationale: """
      Nobody who can push may exhaust the daemon: 1 MiB a file, 64 levels, 100,000 values, and as much as aliases can \
      stand for; 250,000 files and 100,000 folders within the globs, 128 MiB and 2,000,000 values in all files together. \
      A size is known before anything is read. \
      Of a commit that goes beyond what may be in all, nothing is taken in.
      """,
    passing: [
      .given(
        "an alias",
        .cluster(
          "limits: {cpu: \"1\", memory: 2Gi}", "limits: &small {cpu: \"1\", memory: 2Gi}",
          also: ["limits: {cpu: \"2\", memory: 4Gi}": "limits: *small"]))
    ],
    failing: [
      .given(
        "aliases of aliases of aliases",
        .add(
          "clusters/bomb.yaml",
          """
          a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
          b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
          c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
          d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
          e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
          f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]

          """))
    ])
}

/// The rule `file/encoding`.
enum FileEncoding: ReadingRule {
  static let description = RuleDescription(
    "file/encoding", summary: "a file and its name are UTF-8, the file without a byte order mark",
    rationale: "Anything else is shown differently by the tools that people review with.",
    passing: [.given("letters beyond ASCII", .candidate(#"{"name": "Spark"}"#, #"{"name": "Spärk"}"#))],
    failing: [
      .given("a byte order mark", .add("clusters/marked.yaml", "\u{FEFF}kind: KubeDirectorCluster\n"))
    ])
}

/// The rule `file/link`. The code that lists the files of a commit reports it, because only that code sees links.
enum FileLink: ReadingRule {
  static let description = RuleDescription(
    "file/link", summary: "what is named in `.kdops.yaml` are files, not symbolic links or submodules",
    rationale: """
      A link may point out of the repository, or change what it means without a commit. Links are never followed. \
      A link is no text, so this rule has no example here.
      """,
    passing: [], failing: [])
}

/// The rule `file/tree`. The code that reads the folders of a commit reports it.
enum FileTree: ReadingRule {
  static let description = RuleDescription(
    "file/tree", summary: "the folders of a commit are ones that git can write",
    rationale: """
      A folder that has a name twice, or its names in another order, is read by each tool in another way, so of such a \
      commit nothing is taken in; what was applied before stays as it is. A folder is no text, so this rule has no \
      example here.
      """,
    passing: [], failing: [])
}

/// The rule `file/unknown-kind`.
enum FileUnknownKind: ReadingRule {
  static let description = RuleDescription(
    "file/unknown-kind", .warning, summary: "files hold apps and clusters alone",
    rationale: "Other objects are not applied, and a reader of the repository may believe that they are.",
    passing: [
      .given("a List of clusters", .add("clusters/list.yaml", "apiVersion: v1\nkind: List\nitems: []\n"))
    ],
    failing: [
      .given(
        "a Secret", .add("clusters/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n"))
    ])
}

/// The rule `file/more-findings`. The code that shows the findings of a file or an object reports it.
enum FileMoreFindings: ReadingRule {
  static let description = RuleDescription(
    "file/more-findings", .warning, summary: "a file, and an object, has at most 100 findings that are shown",
    rationale: """
      Nobody reads more, and a file can have one for each of its lines. The worst are shown; this one says how many are \
      left out and is as severe as the worst of them. It has no example here, which would be as long.
      """,
    passing: [], failing: [])
}

/// The rule `object/duplicate`. The judge reports it, from the duplicates in the snapshot.
enum DuplicateObject: ReadingRule {
  static let description = RuleDescription(
    "object/duplicate", summary: "no two objects have the same kind, namespace and name",
    rationale:
      "It would depend on the order of files which of them is applied. Neither is, until one is gone.",
    passing: [
      .given(
        "the same name in another namespace",
        .add("apps/staging.json", Fixture.candidate.replacing("\"prod\"", with: "\"staging\"")))
    ],
    failing: [.given("a copy", .add("clusters/copy.yaml", Fixture.cluster))])
}
