/// Texts that have broken programs before.
enum HostileText {
  static func any(_ random: inout some RandomNumberGenerator) -> String {
    guard Int.random(in: 0..<12, using: &random) == 0 else {
      return short.randomElement(using: &random) ?? ""
    }
    let unit = units.randomElement(using: &random) ?? "a"
    return String(repeating: unit, count: Int.random(in: 1...20_000, using: &random))
  }

  private static let units = [
    "a", "/", "-", "://", "\u{301}", "a\u{301}", "\"", "\\", "'", " ", "*", "a*", "🇩🇪", "👩‍👩‍👧", "=", ",", "%",
    "\u{202E}",
    "../", "é", "ﬀ", "\n",
  ]

  static let short = [
    "", " ", "~", "null", "true", "no", "0", "-0", "00", "1e400", "-1", "0x10", "1_000", ".inf", ".nan",
    "9223372036854775807",
    "-9223372036854775808", "18446744073709551616", "1.0.0", "1.0.0-", "v1", "1.0", "..", ".", "/", "//",
    "../..", "a/b", "-",
    "--", "*", "**", "<<", "&a", "*a", "!t", "%", "@", "`", "[", "{", "]", "}", "'", "\"", "\\", "$(id)",
    "`id`", "'; id; '",
    "\u{0}", "\u{7}", "\u{1B}[31m", "\u{1B}]0;x\u{7}", "\u{7F}", "\u{9B}31m", "\r", "\r\n", "\t", "\u{2028}",
    "\u{2029}",
    "\u{202E}abc", "\u{2066}", "\u{FEFF}", "\u{FFFF}", "\u{10FFFF}", "\u{301}", "e\u{301}", "é", "ﬀ", "İ",
    "ß", "😀", "🇩🇪🇩", "👩‍👩‍👧",
    "::error::x", "##[error]x", "@team", "<img src=x>", "[a](b)", "]]>", "&lt;", "kube-system",
    "KubeDirectorApp",
    "KubeDirectorCluster", "List", "kubedirector.hpe.com/v1beta1", "spark-1.0.0", "spark-1.1.0", "worker",
    "controller",
    "kdops.dev/suspend", "configured", "updating", "2026-01-01T00:00:00Z", "9999-99-99T99:99:99Z",
    "0000-00-00T00:00:00Z",
    "10Gi", "1e18", "1e-27", "99999999999999999999999999999E", "0.0000000000000000000000000001", "3+",
    "99999999999+",
    "file:///a.tgz", "https://a:b@c.tgz", "https://x:y/z@w", "token=abcdef",
  ]
}
