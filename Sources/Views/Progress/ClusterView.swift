import StatusWriter
import Terminal

/// What the progress display shows of one cluster.
public struct ClusterView: Hashable, Sendable {
  public enum State: Int, Hashable, Sendable, CaseIterable {
    case stalled
    case rollingBack
    case upgrading
    /// Members are set up, come or go.
    case changing
    case configured

    var word: String {
      switch self {
      case .stalled: "\(Stall.symbol) \(Stall.word)"
      case .rollingBack: "rolling back"
      case .upgrading: "upgrading"
      case .changing: "in the making"
      case .configured: "configured"
      }
    }
  }

  /// The same without how long things have taken: where nothing goes on, time that goes by is no progress.
  public var withoutTimers: ClusterView {
    var view = self
    view.since = nil
    for index in view.roles.indices { view.roles[index].since = nil }
    return view
  }

  /// `namespace/name`.
  var name: String
  var state: State
  /// The app being left; nil outside an upgrade and a rollback.
  var fromApp: String?
  var app: String
  /// Short.
  var commit: String?
  var subject: String?
  /// When this began, in whole seconds since 1970.
  var since: Int?
  var roles: [Role] = []
  /// The engine takes no further step until somebody lets it.
  var isSuspended = false
  /// A command to copy.
  var wayOut: String?

  struct Role: Hashable, Sendable {
    var id: String
    /// A cell a member, the last ordinal first.
    var cells: [Cell]
    /// How many members are done, and of how many; nil where nothing happens to the role.
    var count: (done: Int, total: Int)?
    /// What goes on, in words.
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

  enum Cell: Character, Hashable, Sendable {
    case done = "●"
    case underWay = "◐"
    case toCome = "○"
    case stuck = "✗"
    case untouched = "–"

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
