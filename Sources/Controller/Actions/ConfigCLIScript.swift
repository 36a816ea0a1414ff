import KubeDirector

extension ConfigCLI {
  /// The program that members get if the administrator names no archive.
  ///
  /// It has the calls, the output and the exit codes of KubeDirector's configcli 1.0 (github.com/bluek8s/configcli):
  /// keys are looked up in the known namespaces only, lists are joined by commas, an object is the list of its keys,
  /// and a missing key is exit code 1 without output. It requires only a POSIX shell and awk in the image.
  ///
  /// Quotation marks separate the records of the file, because a line of it may be as long as the file.
  static let script = #"""
    #!/bin/sh
    # configcli of kdops: prints values of /etc/guestconfig/configmeta.json.
    #
    # It has the calls, the output and the exit codes of KubeDirector's configcli, and needs only awk. Arguments and the
    # contents of the file are data: neither the shell nor awk evaluates them.
    set -uf
    meta=/etc/guestconfig/configmeta.json
    name=${0##*/}

    usage() {
      cat << 'END'
    usage: configcli --get KEY                     print the value of a key, such as node.role_id
           configcli namespace NAMESPACE [KEY]     the same
           configcli macro node      --get_self_index | --get_self_id | --get_index FQDN | --get_id FQDN
           configcli macro nodegroup --num_nodegroups | --get_local_group_fqdns | --get_nodegroup_fqdns ID | --get_all_fqdns
           configcli --get_local_group_fqdns | --get_nodegroup_fqdns ID | --get_all_fqdns
           configcli --version | --baseimg_version
    Namespaces: node version cluster distros services tenant auth platform connections
    END
    }
    # Prints the reason and ends: 2 for wrong options, 1 for anything else, as the original does.
    fail() {
      printf '%s: %s\n' "$name" "$2" >&2
      exit "$1"
    }
    ask() {
      [ -r "$meta" ] || fail 1 "$meta cannot be read"
      if command -v awk > /dev/null 2>&1; then
        LC_ALL=C awk -- "$program" "$meta" "$@"
      elif command -v busybox > /dev/null 2>&1; then
        LC_ALL=C busybox awk -- "$program" "$meta" "$@"
      else
        fail 127 "the image has no awk, which configcli needs; add awk, or a configcli of your own, to the image"
      fi
      exit
    }

    program='
    function put(type, text,    n, parent, i, k) {
      n = ++nodes; T[n] = type; V[n] = text; C[n] = 0
      if (depth == 0) { if (root) bad = 1; root = n; return n }
      parent = S[depth]
      if (T[parent] == "o") {
        k = key[depth]
        if ((parent, k) in I) { X[parent, I[parent, k]] = n; return n }
        i = ++C[parent]; K[parent, i] = k; I[parent, k] = i
      } else i = ++C[parent]
      X[parent, i] = n
      return n
    }
    # The part of the file between two strings.
    function between(text,    i, c, word) {
      gsub(/[ \t\r\n]/, "", text)
      for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "{" || c == "[") {
          if (state !~ /^V/) bad = 1
          c = put(c == "{" ? "o" : "a", "")
          S[++depth] = c
          state = T[c] == "o" ? "K0" : "V0"
        } else if (c == "}" || c == "]") {
          if (depth == 0 || T[S[depth]] != (c == "}" ? "o" : "a") || (state != "E" && state !~ /0$/)) { bad = 1; return }
          depth--; state = "E"
        } else if (c == ",") {
          if (depth == 0 || state != "E") { bad = 1; return }
          state = T[S[depth]] == "o" ? "K" : "V"
        } else if (c == ":") {
          if (state != "C") bad = 1
          state = "V"
        } else {
          if (state !~ /^V/) bad = 1
          match(substr(text, i), /[^][{},:]+/)
          word = substr(text, i, RLENGTH)
          i += RLENGTH - 1
          if (word == "null") put("z", "")
          else if (word == "true" || word == "false") put("b", word)
          else if (word ~ /^-?[0-9]+$/) put("n", word)
          else if (word ~ /^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$/) put("f", word)
          else bad = 1
          state = "E"
        }
        if (bad) return
      }
    }
    # A string, as the pieces R[1] to R[pieces], each of which ends at a quotation mark. They stay apart: a long value with
    # many quotation marks would otherwise be copied for each of them.
    function string(    n, i) {
      if (state ~ /^V/) {
        n = put("s", R[1])
        if (pieces > 1) for (M[n] = pieces; i++ < pieces;) V[n, i] = R[i]
        state = "E"
      } else if (state ~ /^K/) {
        key[depth] = ""
        for (i = 1; i <= pieces; i++) key[depth] = key[depth] plain(R[i])
        state = "C"
      } else bad = 1
    }
    # The text of a string, and whether it is this one. Nothing that is compared is long.
    function text_of(n,    i, out) {
      if (!(n in M)) return plain(V[n])
      for (i = 1; i <= M[n]; i++) out = out plain(V[n, i])
      return out
    }
    function is_text(n, token) { return !(n in M && M[n] > 100) && text_of(n) == token }
    function show_text(n,    i) {
      if (!(n in M)) { show(V[n]); return }
      for (i = 1; i <= M[n]; i++) show(V[n, i])
    }
    function hex(s,    i, n) {
      n = 0
      for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
      return n
    }
    function utf8(n) {
      if (n < 128) return sprintf("%c", n)
      if (n < 2048) return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
      if (n < 65536) return sprintf("%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64)
      return sprintf("%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64)
    }
    # Splits a string of the file at its backslashes and replaces its escapes: O[1] to O[n].
    function unescape(raw,    n, i, c, high, code) {
      n = split(raw, O, /\\/)
      high = 0
      for (i = 2; i <= n; i++) {
        c = substr(O[i], 1, 1)
        if (c == "u") {
          code = hex(substr(O[i], 2, 4))
          O[i] = substr(O[i], 6)
          if (code >= 55296 && code < 56320 && O[i] == "") { high = code; continue }
          if (high && code >= 56320 && code < 57344) code = 65536 + (high - 55296) * 1024 + code - 56320
          high = 0
          if (code >= 55296 && code < 57344) code = 65533
          O[i] = utf8(code) O[i]
          continue
        }
        high = 0
        if (c == "") { O[i] = "\\"; i++; continue }
        if (c == "n") c = "\n"
        else if (c == "t") c = "\t"
        else if (c == "r") c = "\r"
        else if (c == "b") c = "\b"
        else if (c == "f") c = "\f"
        O[i] = c substr(O[i], 2)
      }
      return n
    }
    function plain(raw,    n, i, out) {
      if (index(raw, "\\") == 0) return raw
      n = unescape(raw)
      for (i = 1; i <= n; i++) out = out O[i]
      return out
    }
    function show(raw,    n, i) {
      if (index(raw, "\\") == 0) { printf "%s", raw; return }
      n = unescape(raw)
      for (i = 1; i <= n; i++) printf "%s", O[i]
    }
    function die(why) {
      printf "configcli: %s\n", why | "cat >&2"
      close("cat >&2")
      failed = 1
      exit 1
    }
    function only(list, type,    i) {
      for (i = 1; i <= C[list]; i++) if (T[X[list, i]] != type) return 0
      return 1
    }
    # Replaces the first tokens of Q, which led to a reference, by those of the reference.
    function refer(object, from,    list, i, n) {
      list = X[object, I[object, tag]]
      if (T[list] != "a" || !only(list, "s")) return 0
      n = 0
      for (i = 1; i <= C[list]; i++) W[++n] = text_of(X[list, i])
      for (i = from; i <= length_q; i++) W[++n] = Q[i]
      for (i = 1; i <= n; i++) Q[i] = W[i]
      length_q = n
      return 1
    }
    # Finds the value of the tokens in Q. Sets `found` and `kind`: value, keys, or merged keys of a list of objects.
    function resolve(    turn, node, i, j, rest) {
      for (turn = 0; turn < 200; turn++) {
        node = root
        for (i = 1; i <= length_q && T[node] == "o" && (node, Q[i]) in I; i++) node = X[node, I[node, Q[i]]]
        rest = length_q - i + 1
        found = node
        if (rest > 0 && T[node] == "a" && C[node] > 0 && only(node, "o")) {
          # One token selects from all objects of a list, the last object first.
          for (j = C[node]; j > 0; j--) if ((X[node, j], Q[i]) in I) break
          if (j == 0) return 0
          found = X[X[node, j], I[X[node, j], Q[i]]]
          i++; rest--
          if (T[found] == "o" && !((found, tag) in I) && rest > 0) {
            if (rest == 1) {
              if (!((found, Q[i]) in I)) return 0
              found = X[found, I[found, Q[i]]]
              kind = "value"
              return 1
            }
            kind = "keys"
            return C[found] > 0
          }
          if (T[found] == "a" && rest == 0) { kind = "value"; return 1 }
        }
        if (T[found] == "o" && (found, tag) in I) {
          if (!refer(found, i)) return 0
          continue
        }
        if (rest > 0) return 0
        kind = "value"
        if (T[found] == "o") kind = "keys"
        else if (T[found] == "a" && !only(found, "s")) {
          if (!only(found, "o")) return 0
          kind = "merged"
        }
        return T[found] != "f"
      }
      return 0
    }
    # The result of `resolve` as a list, L[1] to L[listed]: of keys, or of values that are strings. False for a single value.
    function list(    i, j, n) {
      split("", seen); listed = 0; cooked = 0
      if (kind == "value") {
        if (T[found] != "a") return 0
        for (i = 1; i <= C[found]; i++) L[++listed] = X[found, i]
        return 1
      }
      cooked = 1
      if (kind == "keys") { for (i = 1; i <= C[found]; i++) L[++listed] = K[found, i]; return 1 }
      for (i = 1; i <= C[found]; i++) {
        n = X[found, i]
        for (j = 1; j <= C[n]; j++) if (!(K[n, j] in seen)) { seen[K[n, j]]; L[++listed] = K[n, j] }
      }
      return 1
    }
    function print_list(    i) {
      for (i = 1; i <= listed; i++) {
        if (i > 1) printf ","
        if (cooked) printf "%s", L[i]
        else show_text(L[i])
      }
      printf "\n"
    }
    function print_value(what) {
      if (!resolve()) die("no value of " what " in " file)
      if (kind == "value" && T[found] == "a" && !only(found, "s")) {
        if (T[X[found, 1]] != "o") die("the value of " what " is no list of strings")
        found = X[found, 1]
        kind = "keys"
      } else if (kind == "value" && (T[found] == "o" || T[found] == "f")) die("the value of " what " is no string")
      if (list()) { print_list(); return }
      if (T[found] == "s") show_text(found)
      else printf "%s", V[found]
      printf "\n"
    }
    function load(from,    i) {
      length_q = PL[from]
      for (i = 1; i <= length_q; i++) Q[i] = P[from, i]
    }
    function push(from, token,    i) {
      last++
      PL[last] = PL[from] + 1
      for (i = 1; i <= PL[from]; i++) P[last, i] = P[from, i]
      P[last, PL[last]] = token
      return last
    }
    # Searches below the path P[from] breadth first. The paths that end in the token are HIT[1] to HIT[hits].
    function search(from, token,    at, i, is_list, there) {
      split("", done); hits = 0; last = from
      for (at = from; at <= last; at++) {
        if (done[at]) continue
        load(at)
        if (!resolve()) continue
        is_list = list(); there = 0
        if (is_list) { for (i = 1; i <= listed; i++) if (cooked ? L[i] == token : is_text(L[i], token)) { there = 1; break } }
        else there = T[found] == "s" && is_text(found, token)
        if (there) { HIT[++hits] = push(at, token); done[last] = 1 }
        else if (is_list) for (i = 1; i <= listed; i++) push(at, cooked ? L[i] : text_of(L[i]))
      }
    }
    function start(from, text) { PL[from] = 0; while (text != "") { P[from, ++PL[from]] = text; text = "" } }
    function below(from, token) { P[from, ++PL[from]] = token }
    function string_of(a, b) {
      Q[1] = a; Q[2] = b; length_q = 2
      if (!resolve() || kind != "value" || T[found] != "s") die("no value of " a "." b " in " file)
      return text_of(found)
    }
    function digits(id) {
      if (!match(id, /[0-9]+$/)) die("node id " id " has no number")
      return substr(id, RSTART) + 0
    }
    function index_of(id,    h, i, n, place, own) {
      own = digits(id); place = 0; n = 0
      start(1000000, "nodegroups"); search(1000000, "node_ids")
      for (h = 1; h <= hits; h++) {
        load(HIT[h])
        if (!resolve() || !list()) die("no list of node ids in " file)
        for (i = 1; i <= listed; i++) ids[++n] = cooked ? L[i] : text_of(L[i])
      }
      for (i = 1; i <= n; i++) if (ids[i] == id) break
      if (i > n) die("node id " id " is not in a nodegroup of " file)
      for (h = 1; h <= n; h++) if (digits(ids[h]) < own || (digits(ids[h]) == own && h < i)) place++
      return place
    }
    function id_of(fqdn,    h, n) {
      start(1000000, "nodegroups"); search(1000000, "fqdn_mappings")
      n = hits
      for (h = 1; h <= n; h++) MAP[h] = HIT[h]
      for (h = 1; h <= n; h++) {
        load(MAP[h])
        if (!resolve() || kind != "keys" || !((found, fqdn) in I)) continue
        return text_of(X[found, I[found, fqdn]])
      }
      die("no node has the FQDN " fqdn)
    }
    function add_fqdns(group,    h, i, name) {
      start(1000000, "nodegroups"); below(1000000, group); search(1000000, "fqdns")
      if (hits == 0) die("no nodegroup " group " in " file)
      for (h = 1; h <= hits; h++) {
        load(HIT[h])
        if (!resolve() || !list()) die("no list of FQDNs in " file)
        for (i = 1; i <= listed; i++) {
          name = cooked ? L[i] : text_of(L[i])
          if (!(name in once)) { once[name]; F[++fs] = name }
        }
      }
    }
    function print_fqdns(    i) {
      for (i = 1; i <= fs; i++) L[i] = F[i]
      listed = fs; cooked = 1
      print_list()
    }
    BEGIN {
      tag = "bdvlibrefkey"; state = "V"; RS = "\""
      file = ARGV[1]; call = ARGV[2]; first = ARGV[3]; second = ARGV[4]
      ARGC = 2
    }
    {
      if (!inside) { if (!bad) between($0); inside = 1; pieces = 0; next }
      # A quotation mark after an odd number of backslashes belongs to the string.
      marks = 0
      for (at = length($0); at > 0 && substr($0, at, 1) == "\\"; at--) marks++
      R[++pieces] = marks % 2 ? $0 "\"" : $0
      if (marks % 2) next
      if (!bad) string()
      inside = 0
    }
    END {
      if (failed) exit 1
      if (bad || depth > 0 || !root || state != "E") die(file " is not JSON")
      if (call == "get") {
        Q[1] = first; length_q = 1
        if (second != "") { length_q += split(second, W, /[.]/); for (i = 2; i <= length_q; i++) Q[i] = W[i - 1] }
        print_value(first (second == "" ? "" : "." second))
      } else if (call == "self_id") print string_of("node", "id")
      else if (call == "self_index") print index_of(string_of("node", "id"))
      else if (call == "id") print id_of(first)
      else if (call == "index") print index_of(id_of(first))
      else if (call == "groups") {
        Q[1] = "nodegroups"; length_q = 1
        if (!resolve() || kind != "keys") die("no nodegroups in " file)
        print C[found]
      } else if (call == "local") { add_fqdns(string_of("node", "nodegroup_id")); print_fqdns() }
      else if (call == "group") { add_fqdns(first); print_fqdns() }
      else if (call == "all") {
        Q[1] = "nodegroups"; length_q = 1
        if (!resolve() || kind != "keys") die("no nodegroups in " file)
        group_node = found
        for (g = 1; g <= C[group_node]; g++) add_fqdns(K[group_node, g])
        print_fqdns()
      }
    }
    '

    namespace() {
      case ${1-} in
        node | cluster | distros | services | tenant | auth | platform | connections) ;;
        version) set -- version ;;
        *) fail 1 "no namespace ${1:-is named}; choose one of node version cluster distros services tenant auth platform connections" ;;
      esac
      [ $# -le 2 ] || fail 1 "unrecognized arguments after $2"
      case ${2-} in -*) fail 1 "unrecognized argument $2" ;; esac
      ask get "$1" "${2-}"
    }
    # An option of a macro and its value, in one word or two.
    macro() {
      group=${1-}
      [ $# -eq 0 ] || shift
      option=${1-} value=
      case $option in
        --get_index=* | --get_id=* | --get_nodegroup_fqdns=*) value=${option#*=} option=${option%%=*} ;;
        --get_index | --get_id | --get_nodegroup_fqdns)
          case ${2--} in -*) fail 1 "argument $option: expected one argument" ;; esac
          value=$2
          ;;
      esac
      case $group$option in
        node--get_self_index) ask self_index ;;
        node--get_self_id) ask self_id ;;
        node--get_index) ask index "$value" ;;
        node--get_id) ask id "$value" ;;
        nodegroup--num_nodegroups) ask groups ;;
        nodegroup--get_local_group_fqdns) ask local ;;
        nodegroup--get_nodegroup_fqdns) ask group "$value" ;;
        nodegroup--get_all_fqdns) ask all ;;
        node | nodegroup) fail 2 "macro $group: at least one argument must be provided" ;;
        *) fail 1 "macro: unrecognized arguments: $group $option" ;;
      esac
    }
    # Base images of an earlier product have this file.
    baseimg() {
      line=
      if [ -e /etc/guestconfig/base_img_version ]; then IFS= read -r line < /etc/guestconfig/base_img_version || :; fi
      printf '%s\n' "$line"
    }
    unknown() { printf '*** Unknown syntax: %s\n\n' "$*"; }
    instruction() {
      case ${1-} in
        namespace) shift && namespace "$@" ;;
        macro) shift && macro "$@" ;;
        ccli)
          [ "${2-}" = version ] || fail 1 "ccli: unrecognized arguments"
          echo 1.0
          ;;
        baseimg)
          [ "${2-}" = version ] || fail 1 "baseimg: unrecognized arguments"
          baseimg
          ;;
        help) usage ;;
        exit | EOF) printf '\n\n' ;;
        '') echo ;;
        *) unknown "$@" ;;
      esac
    }
    words() {
      # Unquoted: an argument with blanks counts as several, as in the original.
      # shellcheck disable=SC2048
      instruction $*
    }

    if [ "$name" = configmacro ]; then
      words macro "$@"
      exit
    fi
    version='' base='' get='' wait='' token='' host=None timeout=3600 wake='' service='' manager='' unregister=''
    old='' tenant='' tenant_key='' local='' group='' all=''
    while [ $# -gt 0 ]; do
      option=$1 value=''
      case $option in
        --*=*)
          value=${option#*=} option=${option%%=*}
          ;;
        -[gwt]?*)
          value=${option#-?}
          option=${option%"$value"}
          ;;
        --get | -g | --wait | -w | --tokenwait | --fqdn | --timeout | -t | --tokenwake | --service_key | --systemv | \
          --systemctl | --unregister_srvc | --node | --src | --dest | --perms | --remote_node | --script | \
          --tenant_info_lookup | --get_nodegroup_fqdns)
          case ${2--} in -*) fail 2 "argument $option: expected one argument" ;; esac
          value=$2
          shift
          ;;
      esac
      case $option in
        -h | --help) usage && exit 0 ;;
        -v | --version) version=1 ;;
        --baseimg_version) base=1 ;;
        -g | --get) get=$value ;;
        -w | --wait) wait=$value ;;
        --tokenwait) token=$value ;;
        --fqdn) host=$value ;;
        -t | --timeout)
          case $value in '' | *[!0-9]*) fail 2 "argument $option: invalid number: $value" ;; esac
          timeout=$value
          ;;
        --tokenwake) wake=$value ;;
        --success | --error) ;;
        --service_key) service=$value ;;
        --systemv | --systemctl) manager="$option $value" ;;
        --unregister_srvc) unregister=$value ;;
        --node | --src | --dest | --perms | --remote_node | --script) ;;
        --cp | --execute) old=1 ;;
        --tenant_info) tenant=1 ;;
        --tenant_info_lookup) tenant_key=$value ;;
        --get_local_group_fqdns) local=1 ;;
        --get_nodegroup_fqdns) group=x$value ;;
        --get_all_fqdns) all=1 ;;
        --) shift && break ;;
        -*) fail 2 "unrecognized arguments: $option" ;;
        *) break ;;
      esac
      shift
    done
    if [ -n "$version" ]; then
      words ccli version
    elif [ -n "$base" ]; then
      words baseimg version
    elif [ -n "$get" ]; then
      case $get in *.*) words namespace "${get%%.*}" "${get#*.}" ;; *) words namespace "$get" ;; esac
    elif [ -n "$wait" ]; then
      unknown dsync wait --srvckey "$wait" --timeout "$timeout"
    elif [ -n "$token" ]; then
      unknown dsync tokenwait --token "$token" --fqdn "$host" --timeout "$timeout"
    elif [ -n "$wake" ]; then
      fail 1 "--tokenwake needs an agent, which kdops does not have"
    elif [ -n "$service" ]; then
      [ -n "$manager" ] || fail 1 "--service_key needs --systemv or --systemctl"
      unknown service register --app-srvc "$service" "$manager"
    elif [ -n "$unregister" ]; then
      unknown service unregister "$unregister"
    elif [ -n "$old" ]; then
      fail 1 "--cp and --execute need an agent, which kdops does not have"
    elif [ -n "$tenant" ]; then
      fail 1 "unrecognized arguments: --info"
    elif [ -n "$tenant_key" ]; then
      words namespace tenant "$tenant_key"
    elif [ -n "$local" ]; then
      ask local
    elif [ -n "$group" ]; then
      ask group "${group#x}"
    elif [ -n "$all" ]; then
      ask all
    elif [ $# -gt 0 ]; then
      words "$@"
    else
      usage >&2
      exit 2
    fi

    """#

  /// The word by which `PodScripts.install` tells the cases apart.
  var word: String {
    switch self {
    case .own: "own"
    case .archive: "archive"
    }
  }

  var bytes: [UInt8] {
    switch self {
    case .own: Array(Self.script.utf8)
    case .archive(let bytes): bytes
    }
  }
}
