#include "pool/ssh/script.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "pool/shell.h"

namespace braid::pool::ssh {
namespace {

// The beginning of all scripts. A script is a function that is called last, so that nothing that it
// runs can read the rest of it.
constexpr char kBegin[] = R"sh(
LC_ALL=C
export LC_ALL
umask 077
fail() { echo "fail $*"; exit 3; }
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
export XDG_RUNTIME_DIR
units() { echo "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"; }
has_units() {
  command -v systemctl >/dev/null && systemctl --user show-environment >/dev/null 2>&1
}
)sh";

constexpr char kProbe[] = R"sh(
here=
fail() {
  if [ -n "$here" ] && [ "$(ls -A "$here")" = .braid-worker ]; then cd / && rm -r "$here"; fi
  echo "fail $*"
  exit 3
}
main() {
  [ "$(uname -s)" = Linux ] || fail "it runs $(uname -s), and braid's programs run on Linux"
  said=$(mkdir -p "$dir" 2>&1) || fail "the worker's folder cannot be made: $said"
  cd "$dir" || fail "the worker's folder $dir cannot be entered"
  if [ -e .braid-worker ] && [ "$(cat .braid-worker)" != "$owner" ]; then
    fail "$PWD is of a worker that was added from $(cat .braid-worker): name another --id or --dir"
  fi
  if [ ! -e .braid-worker ] && [ -n "$(ls -A .)" ]; then
    fail "$PWD has files that are not of a worker: name a folder that is new or empty with --dir"
  fi
  said=$( (printf '%s\n' "$owner" > .braid-worker) 2>&1 ) ||
    fail "nothing can be written in $PWD: $said"
  here=$PWD
  for tool in tar gzip df tail setsid; do
    command -v "$tool" >/dev/null || fail "it has no $tool"
  done
  command -v "$python" >/dev/null ||
    fail "it has no $python: name a Python that has torch with --python"
  said=$("$python" -c "$ask" "$address" 2>&1) ||
    fail "$(command -v "$python") has no torch that can be used ($(echo "$said" | tail -n 1)): install it there, or name another Python with --python"
  echo "dir $PWD"
  echo "arch $(uname -m)"
  echo "glibc $(getconf GNU_LIBC_VERSION 2>/dev/null | tail -c +7)"
  echo "cores $(getconf _NPROCESSORS_ONLN 2>/dev/null)"
  echo "gpus $(nvidia-smi -L 2>/dev/null | grep -c '^GPU')"
  set -- $(df -Pk . | tail -n 1)
  echo "free $4"
  has_units && echo "unit yes"
  [ "$(loginctl show-user "$(id -un)" --property=Linger 2>/dev/null)" = Linger=yes ] && echo "linger yes"
  [ -d "programs/$digest" ] && echo "programs yes"
  echo "$said"
  rm -rf programs/*.part
}
main </dev/null
)sh";

// Asked of the host's Python. It imports nothing of torch, which takes seconds.
constexpr char kAsk[] = R"py(
import importlib.util, os, socket, sys
spec = importlib.util.find_spec("torch")
if spec is None or not spec.submodule_search_locations:
    sys.exit("No module named torch")
torch = spec.submodule_search_locations[0]
try:
    import importlib.metadata
    version = importlib.metadata.version("torch")
except Exception:
    version = "unknown"
vendor = os.path.join(os.path.dirname(torch), "nvidia")
found = [os.path.join(torch, "lib")]
if os.path.isdir(vendor):
    found += [os.path.join(vendor, name, "lib") for name in sorted(os.listdir(vendor))]
if not os.path.exists(os.path.join(found[0], "libtorch_cpu.so")):
    sys.exit("there is no libtorch_cpu.so in " + found[0])
print("torch", version)
# pyarrow may be installed later.
arrow = os.path.join(os.path.dirname(torch), "pyarrow")
print("libraries", ":".join([folder for folder in found if os.path.isdir(folder)] + [arrow]))
if sys.argv[1:] and sys.argv[1]:
    host, port = sys.argv[1].rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), 10).close()
        print("reach yes")
    except OSError as error:
        print("reach", error)
)py";

// Ends the worker of this folder, however it was started. Needs `name`.
constexpr char kStop[] = R"sh(
keeper() {
  pid=$(cat keep.pid 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(pwd -P)" ]
}
stop() {
  # Under this name another folder may have one.
  if grep -qsF "$PWD/run" "$(units)/$name.service"; then
    systemctl --user disable --now --quiet "$name" 2>/dev/null
    rm -f "$(units)/$name.service"
    systemctl --user daemon-reload 2>/dev/null
  fi
  keeper || return 0
  : > stop
  kill -TERM "$pid" 2>/dev/null
  tries=0
  while keeper && [ "$tries" -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done
  keeper && fail "its worker (process $pid of $PWD) does not end"
  return 0
}
)sh";

constexpr char kInstall[] = R"sh(
try() {
  said=$(LD_LIBRARY_PATH=$PWD/programs/$digest.part/lib:$libraries LD_BIND_NOW=1 \
    "programs/$digest.part/bin/$1" --version 2>&1)
  [ $? = 126 ] || case "$said" in
    *"error while loading"* | *"symbol lookup error"* | *"required by"* | *"xec format error"*) ;;
    *) return 0 ;;
  esac
  rm -rf "programs/$digest.part"
  case "$said" in
    *GLIBC_* | *GLIBCXX_*)
      fail "its C or C++ library is older than the one braid was built with (here $glibc): $said: build braid there, or on a machine as old" ;;
    *) fail "$1 does not run with its torch $torch: $said: braid needs the torch that it was built with; name a Python that has it with --python" ;;
  esac
}
main() {
  cd "$dir" || fail "$dir is not there"
  if [ ! -d "programs/$digest" ]; then
    try braid-worker
    try braid-trainer
    mv "programs/$digest.part" "programs/$digest" || fail "$PWD: programs cannot be moved"
  fi
  unit_file=$(units)/$name.service
  if [ "$unit" = yes ] && [ -e "$unit_file" ] && ! grep -qF "$PWD/run" "$unit_file"; then
    fail "systemd of its user knows $name already, from another folder: name another --id, or --no-unit"
  fi
  stop
  rm -f stop
  ln -sfn "programs/$digest" current &&
    printf '%s\n' "$token" > token &&
    printf '%s\n' "$run" > run && printf '%s\n' "$keep" > keep && chmod 700 run keep ||
    fail "$PWD: its files cannot be written"
  if [ -n "$address_json" ]; then
    printf '%s\n' "$address_json" > address.json || fail "$PWD: its files cannot be written"
  fi
  for other in programs/*; do
    [ "$other" = "programs/$digest" ] || rm -rf "$other"
  done
  if [ "$unit" = yes ]; then
    mkdir -p "$(units)" && printf '%s\n' "$unit_text" > "$(units)/$name.service" &&
      systemctl --user daemon-reload && systemctl --user enable --quiet "$name" &&
      systemctl --user restart "$name" ||
      fail "systemd of its user does not start $name: \`systemctl --user status $name\` there says why; or --no-unit"
  else
    rm -f keep.pid
    setsid sh ./keep </dev/null >/dev/null 2>&1 &
    tries=0
    until keeper; do
      tries=$((tries + 1))
      [ "$tries" -gt 600 ] && fail "$PWD/keep does not start"
      sleep 0.1
    done
  fi
}
main </dev/null
)sh";

// Starts the worker again when it dies, later each time. It ends where a new start would meet the
// same: with codes 0 (it has left), 5 (there is another one) and 78 (something has to be changed).
constexpr char kKeep[] = R"sh(#!/bin/sh
# Keeps the braid worker of this folder running; made by `braid worker add`.
echo "$$" > keep.pid
child=
trap ': > stop; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT HUP
pause=1
while [ ! -e stop ]; do
  [ "$(wc -c < log 2>/dev/null || echo 0)" -gt 20000000 ] && mv log log.old
  ./run >> log 2>&1 </dev/null &
  child=$!
  began=$(date +%s)
  wait "$child"
  code=$?
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  case $code in 0 | 5 | 78) break ;; esac
  [ $(($(date +%s) - began)) -gt 60 ] && pause=1
  [ -e stop ] && break
  sleep "$pause" &
  child=$!
  wait "$child"
  child=
  [ "$pause" -lt 60 ] && pause=$((pause * 2))
done
rm -f keep.pid)sh";

constexpr char kPort[] = R"sh(
main() {
  cd "$dir" || fail "$dir is not there: add the worker again"
  port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') ||
    fail "$python finds no free port"
  printf '%s%s%s\n' "$before" "$port" "$after" > address.json.new && mv address.json.new address.json ||
    fail "$PWD: address.json cannot be written"
  echo "port $port"
}
main </dev/null
)sh";

constexpr char kRemove[] = R"sh(
main() {
  [ -e "$dir" ] || { echo "gone"; return 0; }
  cd "$dir" || fail "the worker's folder $dir cannot be entered"
  [ -e .braid-worker ] || fail "$PWD is no folder of braid worker add, and stays"
  [ "$(cat .braid-worker)" = "$owner" ] ||
    fail "$PWD is of a worker that was added from $(cat .braid-worker), and stays"
  stop
  if [ "$force" != yes ] && [ -n "$(ls -A worker/outbox 2>/dev/null)" ]; then
    fail "$PWD/worker/outbox has what the coordinator does not have yet: add the worker again to deliver it, or remove it with --force"
  fi
  here=$(pwd -P)
  cd / && rm -rf "$here" || fail "$here cannot be removed"
  echo "removed"
}
main </dev/null
)sh";

std::string Header(const HostSettings& s) {
  return ShellVariable("dir", s.folder) + ShellVariable("name", UnitName(s)) +
         ShellVariable("python", s.python) + ShellVariable("owner", s.owner);
}

Json AddressJson(const std::string& address, const std::string& ca_sha256) {
  Json json = {{"grpc", address}, {"token_file", "token"}};
  if (!ca_sha256.empty()) json["ca_sha256"] = ca_sha256;
  return json;
}

// The file that starts the worker.
std::string RunText(const HostSettings& s, const Probed& probed) {
  std::string text =
      "#!/bin/sh\n"
      "# Starts the braid worker of this folder; made by `braid worker add`.\n";
  const std::string folder = ShellQuoted(probed.folder);
  text += "cd " + folder + " || exit 78\n";
  text += "LD_LIBRARY_PATH=" + folder + "/current/lib:" + ShellQuoted(probed.libraries) + "\n";
  text += "export LD_LIBRARY_PATH\n";
  text += "exec " + folder + "/current/bin/braid-worker --address-file address.json --dir worker";
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) text += " " + option + " " + ShellQuoted(value);
  };
  add("--id", s.id);
  add("--slots", s.slots > 0 ? std::to_string(s.slots) : "");
  add("--gpus", s.gpus);
  add("--site", s.site);
  add("--cache-limit", s.cache_limit);
  add("--advertise", s.advertise);
  add("--kinds", Join(s.kinds, ","));
  for (const std::string& label : s.labels) add("--label", label);
  for (const std::string& root : s.data_roots) add("--data-root", root);
  for (const std::string& host : s.fetch_from) add("--fetch-from", host);
  return text;
}

// A path as one word of a unit file.
std::string UnitWord(const std::string& path) {
  std::string word = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
    if (c == '%' || c == '$') word += c;
  }
  return word + "\"";
}

std::string UnitText(const HostSettings& s, const std::string& folder) {
  // The comment has the path as it is, by which the unit of this folder is recognised.
  return "# " + JoinPath(folder, "run") + "\n[Unit]\nDescription=braid worker " + s.id +
         "\nStartLimitIntervalSec=0\n\n[Service]\nExecStart=/bin/sh " +
         UnitWord(JoinPath(folder, "run")) + "\nStandardOutput=append:" + JoinPath(folder, "log") +
         "\nStandardError=inherit\nRestart=on-failure\nRestartSec=5\n"
         "RestartPreventExitStatus=5 78\nKillMode=mixed\nTimeoutStopSec=60\n\n"
         "[Install]\nWantedBy=default.target";
}

}  // namespace

std::string UnitName(const HostSettings& settings) {
  return "braid-worker-" + settings.id;
}

std::string PartFolder(const HostSettings& settings, const std::string& digest) {
  return JoinPath(JoinPath(settings.folder, "programs"), digest + ".part");
}

std::string ProbeScript(const HostSettings& s, const std::string& digest) {
  return Header(s) + ShellVariable("digest", digest) + ShellVariable("address", s.address) +
         ShellVariable("ask", kAsk) + kBegin + kProbe;
}

std::string InstallScript(const HostSettings& s, const Probed& probed, const std::string& digest,
                          const Credentials& credentials) {
  return Header(s) + ShellVariable("digest", digest) + ShellVariable("glibc", probed.glibc) +
         ShellVariable("torch", probed.torch) + ShellVariable("libraries", probed.libraries) +
         ShellVariable("token", credentials.token) +
         ShellVariable("address_json",
                       s.tunnel() ? "" : AddressJson(s.address, credentials.ca_sha256).dump()) +
         ShellVariable("run", RunText(s, probed)) + ShellVariable("keep", kKeep) +
         ShellVariable("unit", s.unit ? "yes" : "no") +
         ShellVariable("unit_text", UnitText(s, probed.folder)) + kBegin + kStop + kInstall;
}

std::string PortScript(const HostSettings& s, const std::string& ca_sha256) {
  const std::string mark = "PORT";
  const std::string text = AddressJson("127.0.0.1:" + mark, ca_sha256).dump();
  const size_t at = text.find(mark);
  return Header(s) + ShellVariable("before", text.substr(0, at)) +
         ShellVariable("after", text.substr(at + mark.size())) + kBegin + kPort;
}

std::string LogScript(const HostSettings& s) {
  return Header(s) + "cd \"$dir\" && tail -n 5 log </dev/null\n";
}

std::string RemoveScript(const HostSettings& s, bool force) {
  return Header(s) + ShellVariable("force", force ? "yes" : "no") + kBegin + kStop + kRemove;
}

}  // namespace braid::pool::ssh
