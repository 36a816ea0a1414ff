/// The script that git runs. The folder `hooks` has a copy for users who install it themselves.
enum HookScript {
  /// This line identifies a kdops hook of any version.
  static let marker = "# kdops git hook "

  /// The suffix of the name of the previous hook, which runs first.
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
