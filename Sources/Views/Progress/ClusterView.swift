import Diagnostics
import Reports

/// The data that the progress display shows about one cluster.
public struct ClusterView: Hashable, Sendable {
  public enum State: Int, Hashable, Sendable, CaseIterable {
    case stalled
    case rollingBack
    case upgrading
    /// Members are being configured, created or deleted.
    case changing
    case configured

    var word: String {
      switch self {
      case .stalled: "\(StallLabel.symbol) \(StallLabel.word)"
      case .rollingBack: "rolling back"
      case .upgrading: "upgrading"
      case .changing: "changing"
      case .configured: "configured"
      }
    }
  }

  /// The view without elapsed times: without a daemon, elapsed time is not progress.
  public var withoutTimers: ClusterView {
    var view = self
    view.since = nil
    for index in view.roles.indices { view.roles[index].since = nil }
    return view
  }

  /// `namespace/name`.
  var name: String
  var state: State
  /// The previous app; nil outside an upgrade and a rollback.
  var fromApp: String?
  var app: String
  /// The abbreviated commit id.
  var commit: String?
  var subject: String?
  /// When the current operation began, in whole seconds since 1970.
  var since: Int?
  var roles: [Role] = []
  /// Whether the engine takes no further step until the cluster is resumed.
  var isSuspended = false
  /// A remediation command to copy.
  var remedyCommand: String?

  struct Role: Hashable, Sendable {
    var id: String
    /// One cell per member, the last ordinal first.
    var cells: [Cell]
    /// The number of completed members and the total; nil if the role does not change.
    var count: (done: Int, total: Int)?
    /// The current operation, as text.
    var words = ""
    /// When that began, in whole seconds since 1970.
    var since: Int?
    var isStalled = false

    static func == (left: Role, right: Role) -> Bool {
      left.id == right.id && left.cells == right.cells && left.count?.done == right.count?.done
        && left.count?.total == right.count?.total && left.words == right.words && left.since == right.since
        && left.isStalled == right.isStalled
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(id)
      hasher.combine(cells)
      hasher.combine(words)
    }
  }

  enum Cell: Character, Hashable, Sendable, CaseIterable {
    case done = "●"
    case underWay = "◐"
    case toCome = "○"
    case stuck = "✗"
    case untouched = "–"

    /// The meaning, for the legend.
    var word: String {
      switch self {
      case .done: "done"
      case .underWay: "in progress"
      case .toCome: "pending"
      case .stuck: "stuck"
      case .untouched: "not affected"
      }
    }

    var style: StyledLine.Style? {
      switch self {
      case .done: .green
      case .underWay: .yellow
      case .stuck: .red
      case .toCome, .untouched: .dim
      }
    }
  }
}
