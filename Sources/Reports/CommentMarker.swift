/// Invisible lines by which kdops recognizes its comments on merge requests.
public enum CommentMarker {
  /// The first line of a plan.
  public static let plan = "<!-- kdops:plan -->"
}
