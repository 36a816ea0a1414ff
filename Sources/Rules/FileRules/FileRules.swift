/// The rule `file/syntax`.
enum FileSyntax: ReadingRule {
  static let description = RuleDescription(
    "file/syntax", summary: "a file can be parsed: as JSON if its name ends in `.json`, else as YAML",
    rationale: """
      The content of a file that cannot be parsed is unknown. Its objects stay as they were applied before: \
      a typing error in one line deletes nothing.
      """,
    passing: [.given("flow style", .cluster("storage: {size: 10Gi}", "storage: {\"size\": \"10Gi\"}"))],
    failing: [
      .given("a tab", .add("clusters/broken.yaml", "metadata:\n\tname: broken\n")),
      .given("an incomplete object", .add("apps/broken.json", "{\"kind\": \"KubeDirectorApp\",\n")),
    ])
}

/// The rule `file/duplicate-key`.
enum FileDuplicateKey: ReadingRule {
  static let description = RuleDescription(
    "file/duplicate-key", summary: "no object has the same key twice",
    rationale: """
      Parsers differ in which of the two values they use, so a reviewer may see another value than the \
      cluster gets.
      """,
    passing: [.given("the same key in two roles", .cluster("members: 3", "members: 1"))],
    failing: [.given("members twice", .cluster("members: 3", "members: 3\n      members: 5"))])
}

/// The rule `file/limit`.
enum FileLimit: ReadingRule {
  static let description = RuleDescription(
    "file/limit", summary: "files and folders stay within the limits of size, number, depth and aliases",
    rationale: """
      A user who can push must not be able to exhaust the daemon. Per file: 1 MiB, 64 levels and 100,000 \
      values, where each alias counts as everything that it expands to. For all files that match the globs \
      together: 250,000 files, 100,000 folders, 128 MiB and 2,000,000 values. A size is checked before \
      anything is read. If a commit exceeds a limit for all files together, nothing of it is applied.
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
    "file/encoding", summary: "a file and its name are UTF-8",
    rationale: "Review tools show any other encoding in different ways.",
    passing: [
      .given("letters beyond ASCII", .candidate(#"{"name": "Spark"}"#, #"{"name": "Spärk"}"#)),
      .given(
        "a byte order mark",
        .add(
          "clusters/ledger.yaml",
          "\u{FEFF}" + Fixture.cluster.replacing("name: analytics", with: "name: ledger"))),
    ],
    failing: [.given("UTF-16", .add("clusters/wide.yaml", "\u{0}k\u{0}i\u{0}n\u{0}d"))])
}

/// The rule `file/link`. The code that lists the files of a commit reports it, because only that code sees links.
enum FileLink: ReadingRule {
  static let description = RuleDescription(
    "file/link",
    summary: "paths that match the globs in `.kdops.yaml` are files, not symbolic links or submodules",
    rationale: """
      A link may point outside the repository, or its target may change without a commit. Links are never \
      followed. A link is not text, so this rule has no example here.
      """,
    passing: [], failing: [])
}

/// The rule `file/tree`. The code that reads the folders of a commit reports it.
enum FileTree: ReadingRule {
  static let description = RuleDescription(
    "file/tree", summary: "the folders of a commit are valid git trees",
    rationale: """
      Tools read a folder differently if it has a name twice, or its names in the wrong order. Nothing of \
      such a commit is applied; what was applied before does not change. A folder is not text, so this rule \
      has no example here.
      """,
    passing: [], failing: [])
}

/// The rule `file/unknown-kind`.
enum FileUnknownKind: ReadingRule {
  static let description = RuleDescription(
    "file/unknown-kind", .warning, summary: "files contain only apps and clusters",
    rationale: "Other objects are not applied, but a reader of the repository may believe that they are.",
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
    "file/more-findings", .warning, summary: "at most 100 findings are shown per file and per object",
    rationale: """
      More findings do not help, and a file can have one for each of its lines. The most severe ones are \
      shown. This finding gives the number of the omitted ones, and is as severe as the most severe of them. \
      It has no example here, because the example would be as long.
      """,
    passing: [], failing: [])
}

/// The rule `object/duplicate`. The judge reports it, from the duplicates in the snapshot.
enum DuplicateObject: ReadingRule {
  static let description = RuleDescription(
    "object/duplicate", summary: "no two objects have the same kind, namespace and name",
    rationale: """
      Which of them is applied would depend on the order of the files. Neither is applied until one is \
      removed.
      """,
    passing: [
      .given(
        "the same name in another namespace",
        .add("apps/staging.json", Fixture.candidate.replacing("\"prod\"", with: "\"staging\"")))
    ],
    failing: [.given("a copy", .add("clusters/copy.yaml", Fixture.cluster))])
}
