#include "pool/ssh/advice.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

#include "base/text.h"

namespace braid::pool::ssh {
namespace {

struct Advice {
  std::string_view words;  // in lower case
  std::string_view advice;
};
// The first that is found counts. HOST stands for the host.
constexpr Advice kAdvice[] = {
    {"identification has changed",
     "its host key is another one than before. If the machine was installed anew, `ssh-keygen -R "
     "HOST` forgets the old key; otherwise somebody may be between"},
    {"host key verification failed",
     "its host key is not known here, and none is accepted unseen: connect once by hand with `ssh "
     "HOST`, compare the fingerprint, and try again"},
    {"too many authentication failures",
     "it was offered too many keys: name one with --ssh-option IdentityFile=FILE --ssh-option "
     "IdentitiesOnly=yes"},
    {"permission denied (",
     "it takes none of your keys, and no password is asked for: `ssh-copy-id HOST` brings a key "
     "there, `ssh-add` unlocks one with a passphrase"},
    {"could not resolve hostname", "there is no such name: give the one that `ssh HOST` takes"},
    {"connection refused",
     "nothing listens there: is sshd running, and the port right (--ssh-option Port=N)?"},
    {"timed out", "it does not answer: is it on, and its address right?"},
    {"no answer", "it does not answer, or is very slow"},
    {"no route to host", "it does not answer: is it on, and its address right?"},
    {"network is unreachable", "it cannot be reached from here"},
    {"remote port forwarding failed",
     "its sshd lets nothing through (AllowTcpForwarding, PermitListen), or the port was taken in "
     "this moment"},
    {"no space left on device", "its disk is full: make room, or name another folder with --dir"},
    {"disk quota exceeded",
     "your quota there is used up: make room, or name another folder with --dir"},
    {"no such program: ssh", "install OpenSSH's client (openssh-client)"},
    {"connection closed", "the connection broke: try again"},
    {"connection reset", "the connection broke: try again"},
    {"broken pipe", "the connection broke: try again"},
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The lines, with "; " between, without those of @ with which ssh frames a warning.
std::string OneLine(const std::string& text) {
  std::string line;
  for (const std::string& raw : Split(text, '\n')) {
    const std::string part(Trim(raw));
    if (part.empty() || part.find_first_not_of("@ ") == std::string::npos) continue;
    line += (line.empty() ? "" : "; ") + part;
  }
  // ssh may print a banner of many lines before its error.
  constexpr size_t kMost = 400;
  return line.size() <= kMost ? line : line.substr(0, kMost) + "...";
}

std::string WithHost(std::string_view advice, const std::string& host) {
  std::string text(advice);
  for (size_t at = text.find("HOST"); at != std::string::npos;
       at = text.find("HOST", at + host.size()))
    text.replace(at, 4, host);
  return text;
}

}  // namespace

std::string AdviceOn(const std::string& host, const std::string& error) {
  const std::string lower = Lower(error);
  const auto* found = std::find_if(std::begin(kAdvice), std::end(kAdvice), [&](const Advice& one) {
    return lower.find(one.words) != std::string::npos;
  });
  const std::string said = host + ": " + OneLine(error);
  return found == std::end(kAdvice) ? said : said + ": " + WithHost(found->advice, host);
}

}  // namespace braid::pool::ssh
