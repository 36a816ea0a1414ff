/// The script that git starts. The same stands in the folder `hooks`, for those who put it in place themselves.
enum HookScript {
  /// By this line a file is known to be ours, of whatever version.
  static let marker = "# kdops git hook "

  /// What the name of a hook gets that was there before, and is asked first.
  static let before = ".before-kdops"

  static let text = #"""
    #!/bin/sh
    # kdops git hook 1: has kdops judge what is about to be committed, pushed or received.
    # `kdops hook install` puts it in place, `kdops hook install --uninstall` takes it away; what is changed here is lost.
    name=${0##*/}
    kdops=$(command -v kdops || git config --type=path --get kdops.program)
    if [ ! -x "$kdops" ]; then
      {
        echo "kdops: this repository has kdops asked at $name, and there is no kdops on the PATH:"
        echo "  $PATH"
        echo "install it there, or say where it is: git config kdops.program /path/to/kdops"
      } >&2
      exit 1
    fi

    # The hook that was here before is asked first.
    before=$0.before-kdops
    [ -x "$before" ] || exec "$kdops" hook run "$name" "$@"
    case $name in
      pre-push | pre-receive)
        refs=$(cat)
        refs=${refs:+$refs
    }
        printf '%s' "$refs" | "$before" "$@" || exit $?
        printf '%s' "$refs" | "$kdops" hook run "$name" "$@"
        ;;
      *)
        "$before" "$@" || exit $?
        exec "$kdops" hook run "$name" "$@"
        ;;
    esac

    """#
}
