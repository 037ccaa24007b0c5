// What is said to ssh and to a host's shell, and what their answers mean.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "pool/command.h"
#include "pool/shell.h"
#include "pool/ssh/advice.h"
#include "pool/ssh/host.h"
#include "pool/ssh/remote.h"
#include "pool/ssh/script.h"

namespace braid::pool::ssh {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

HostSettings Box(const std::string& folder) {
  HostSettings host;
  host.id = "w1";
  host.owner = "login:/home/ada/.braid";
  host.remote.host = "ada@box";
  host.folder = folder;
  host.slots = 2;
  host.labels = {"room=it's 12"};
  return host;
}

Probed Found(const std::string& folder) {
  Probed probed;
  probed.folder = folder;
  probed.arch = "x86_64";
  probed.glibc = "2.36";
  probed.torch = "2.11.0";
  probed.libraries = "/opt/torch/lib";
  probed.free_bytes = int64_t{1} << 40;
  return probed;
}

// The script on this machine, as a host's shell would run it.
CommandResult RunHere(const std::string& script) {
  return RunCommand({"sh", "-c", script}, 60'000).value();
}

TEST(SshTest, WhatSshSaysIsFollowedByWhatToDo) {
  const std::pair<const char*, const char*> cases[] = {
      {"@@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@@@@@\nHost key "
       "verification failed.",
       "`ssh-keygen -R box` forgets the old key"},
      {"No ED25519 host key is known for box and you have requested strict checking.\nHost key "
       "verification failed.",
       "connect once by hand with `ssh box`, compare the fingerprint"},
      {"ada@box: Permission denied (publickey).", "`ssh-copy-id box` brings a key there"},
      {"ssh: Could not resolve hostname box: Name or service not known", "there is no such name"},
      {"ssh: connect to host box port 22: Connection refused", "is sshd running"},
      {"ssh: connect to host box port 22: Connection timed out", "is it on"},
      {"Error: remote port forwarding failed for listen port 4711", "AllowTcpForwarding"},
      {"tar: ./lib/libgrpc.so: Cannot write: No space left on device", "another folder with --dir"},
      {"no such program: ssh", "openssh-client"}};
  for (const auto& [error, advice] : cases) {
    const std::string said = AdviceOn("box", error);
    EXPECT_THAT(said, HasSubstr(advice)) << error;
    EXPECT_THAT(said, Not(HasSubstr("\n")));
    EXPECT_THAT(said, Not(HasSubstr("@@")));
    EXPECT_TRUE(said.starts_with("box: ")) << said;
  }
  EXPECT_EQ(AdviceOn("box", "something new\n"), "box: something new");
}

TEST(SshTest, NothingIsAskedForAndNoHostKeyTakenUnseen) {
  Remote remote{"box", "/home/ada/my config", {"StrictHostKeyChecking=no", "Port=2222"}};
  for (const auto& words : {SshWords(remote, "sh -s"), TunnelWords(remote, "1:127.0.0.1:2")}) {
    const auto at = [&](const std::string& word) {
      return std::find(words.begin(), words.end(), word) - words.begin();
    };
    EXPECT_THAT(words, Contains("BatchMode=yes"));
    EXPECT_THAT(words, Contains("Port=2222"));
    EXPECT_THAT(words, Contains("/home/ada/my config"));
    EXPECT_LT(at("StrictHostKeyChecking=yes"), at("StrictHostKeyChecking=no"))
        << "the first of two counts";
    EXPECT_LT(at("--"), at("box"));
  }
  for (const char* host : {"", "-oProxyCommand=x", "box;rm", "a b"})
    EXPECT_THAT(Check(Remote{host, "", {}}).message(), HasSubstr("is no host")) << host;
  EXPECT_THAT(Check(Remote{"box", "", {"Port 22"}}).message(), HasSubstr("expected NAME=VALUE"));
}

TEST(SshTest, SettingsAreReadAsTheyWereWritten) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  HostSettings host = Box("/data/it's here");
  host.address = "login:7070";
  host.unit = true;
  host.kinds = {"train"};
  ASSERT_TRUE(WriteHost(folder.path(), host).ok());
  const auto read = ReadHost(folder.path());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_TRUE(*read == host);
  host.id = "../w1";
  EXPECT_THAT(Check(host).message(), HasSubstr("is no id of a worker"));
  host = Box("/data");
  host.address = "login";
  EXPECT_THAT(Check(host).message(), HasSubstr("--address login: expected HOST:PORT"));
}

TEST(SshTest, AHostThatCannotRunTheProgramsSaysWhy) {
  const HostSettings host = Box("/data");
  EXPECT_TRUE(CheckProbe(host, Found("/data"), "x86_64", 1 << 20).ok());
  EXPECT_THAT(CheckProbe(host, Found("/data"), "aarch64", 1).message(),
              HasSubstr("its processor is x86_64, and the programs here are for aarch64"));
  Probed full = Found("/data");
  full.free_bytes = 5 << 20;
  EXPECT_THAT(CheckProbe(host, full, "x86_64", 1 << 20).message(),
              HasSubstr("/data has 5.0 MiB left, and"));
  HostSettings direct = host;
  direct.address = "login:7070";
  Probed apart = Found("/data");
  apart.reach = "timed out";
  EXPECT_THAT(CheckProbe(direct, apart, "x86_64", 1).message(),
              HasSubstr("does not reach the coordinator at login:7070 (timed out)"));
  apart.reach = "yes";
  EXPECT_TRUE(CheckProbe(direct, apart, "x86_64", 1).ok());
}

TEST(SshTest, AnAnswerIsReadLineByLine) {
  const auto probed = ParseProbe(
      "dir /data/w 1\narch x86_64\nglibc 2.36\ncores 16\ngpus 2\nfree 1000\nunit yes\nlinger "
      "yes\nprograms yes\ntorch 2.11.0+cu130\nlibraries /a b/lib:/c\nreach [Errno 111] refused\n");
  ASSERT_TRUE(probed.ok());
  EXPECT_EQ(probed->folder, "/data/w 1");
  EXPECT_EQ(probed->libraries, "/a b/lib:/c");
  EXPECT_EQ(probed->free_bytes, 1'024'000);
  EXPECT_EQ(probed->gpus, 2);
  EXPECT_TRUE(probed->unit && probed->lingers && probed->has_programs);
  EXPECT_EQ(probed->reach, "[Errno 111] refused");
  EXPECT_FALSE(ParseProbe("Welcome to box!\n").ok());
}

// A folder of a host with programs that were copied and behave as `program` says.
class InstallTest : public ::testing::Test {
 protected:
  CommandResult Install(const std::string& program, bool tunnel = true) {
    const std::string bin = JoinPath(PartFolder(host_, "d1"), "bin");
    EXPECT_TRUE(MakeFolder(bin).ok());
    for (const char* name : {"braid-worker", "braid-trainer"}) {
      EXPECT_TRUE(WriteFileAtomic(JoinPath(bin, name), "#!/bin/sh\n" + program + "\n").ok());
      EXPECT_EQ(chmod(JoinPath(bin, name).c_str(), 0755), 0);
    }
    if (!tunnel) host_.address = "login:7070";
    return RunHere(InstallScript(host_, Found(host_.folder), "d1", {"secret", "abc"}));
  }
  std::string Read(const std::string& name) {
    const auto text = ReadFile(JoinPath(host_.folder, name));
    return text.ok() ? *text : text.status().message();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create("braid it's").value();
  HostSettings host_ = Box(folder_.path() + "/w 1");
};

TEST_F(InstallTest, ProgramsThatDoNotLoadAreNotInstalled) {
  const CommandResult old = Install(
      "echo \"$0: /lib/libc.so.6: version GLIBC_2.38 not found (required by x)\" >&2; "
      "exit 1");
  EXPECT_EQ(old.code, 3);
  EXPECT_THAT(old.out, HasSubstr("its C or C++ library is older than the one braid was built with "
                                 "(here 2.36)"));
  const CommandResult torch = Install(
      "echo 'x: symbol lookup error: undefined symbol: c10' >&2; "
      "exit 127");
  EXPECT_EQ(torch.code, 3);
  EXPECT_THAT(torch.out, HasSubstr("does not run with its torch 2.11.0"));
  EXPECT_FALSE(PathExists(PartFolder(host_, "d1")));
}

TEST_F(InstallTest, AWorkerIsKeptRunningUntilItIsRemoved) {
  // Ends with a code for which it is started again, and then runs on.
  const CommandResult done = Install(
      "[ \"$1\" = --version ] && exit 0\n"
      "echo \"$@ LIBRARIES $LD_LIBRARY_PATH\"; [ -e once ] || { touch once; exit 1; }\n"
      "trap 'echo handed back; exit 0' TERM; touch runs; while :; do sleep 0.05; done",
      /*tunnel=*/false);
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_THAT(Read("address.json"), HasSubstr("\"grpc\":\"login:7070\""));
  EXPECT_THAT(Read("address.json"), HasSubstr("\"ca_sha256\":\"abc\""));
  EXPECT_EQ(Read("token"), "secret\n");
  const std::string runs = ShellQuoted(JoinPath(host_.folder, "runs"));
  (void)RunHere("until [ -e " + runs + " ]; do sleep 0.05; done");
  EXPECT_THAT(Read("log"), HasSubstr("--id w1 --slots 2 --label room=it's 12"));
  EXPECT_THAT(Read("log"), HasSubstr("/w 1/current/lib:/opt/torch/lib"));
  const std::string log = JoinPath(folder_.path(), "log");
  (void)RunHere("ln " + ShellQuoted(JoinPath(host_.folder, "log")) + " " + ShellQuoted(log));
  ASSERT_TRUE(MakeFolder(JoinPath(host_.folder, "worker/outbox/one")).ok());
  // The folder's mark is made when the host is asked.
  ASSERT_TRUE(WriteFileAtomic(JoinPath(host_.folder, ".braid-worker"), host_.owner + "\n").ok());
  const CommandResult kept = RunHere(RemoveScript(host_, /*force=*/false));
  EXPECT_EQ(kept.code, 3);
  EXPECT_THAT(kept.out, HasSubstr("has what the coordinator does not have yet"));
  EXPECT_THAT(ReadFile(log).value(), HasSubstr("handed back")) << "it was ended, not killed";
  const CommandResult removed = RunHere(RemoveScript(host_, /*force=*/true));
  EXPECT_EQ(removed.out, "removed\n") << removed.err;
  EXPECT_FALSE(PathExists(host_.folder));
  EXPECT_EQ(RunHere(RemoveScript(host_, false)).out, "gone\n");
}

TEST_F(InstallTest, AFolderThatBraidHasNotMadeStays) {
  ASSERT_TRUE(MakeFolder(host_.folder).ok());
  const CommandResult kept = RunHere(RemoveScript(host_, /*force=*/true));
  EXPECT_EQ(kept.code, 3);
  EXPECT_THAT(kept.out, HasSubstr("is no folder of braid worker add, and stays"));
  EXPECT_TRUE(PathExists(host_.folder));
}

TEST_F(InstallTest, AFolderOfSomebodyElseIsNotTaken) {
  ASSERT_TRUE(MakeFolder(host_.folder).ok());
  const std::string thesis = JoinPath(host_.folder, "thesis.tex");
  ASSERT_TRUE(WriteFileAtomic(thesis, "x").ok());
  const CommandResult full = RunHere(ProbeScript(host_, "d1"));
  EXPECT_EQ(full.code, 3);
  EXPECT_THAT(full.out,
              HasSubstr("has files that are not of a worker: name a folder that is new or "
                        "empty with --dir"));
  EXPECT_FALSE(PathExists(JoinPath(host_.folder, ".braid-worker")));
  // One that was added from another state folder.
  ASSERT_TRUE(WriteFileAtomic(JoinPath(host_.folder, ".braid-worker"), "login:/other\n").ok());
  const CommandResult kept = RunHere(RemoveScript(host_, /*force=*/true));
  EXPECT_EQ(kept.code, 3);
  EXPECT_THAT(kept.out, HasSubstr("is of a worker that was added from login:/other, and stays"));
  EXPECT_TRUE(PathExists(thesis));
}

TEST_F(InstallTest, ATunnelsPortIsToldToTheWorker) {
  ASSERT_TRUE(MakeFolder(host_.folder).ok());
  host_.python = JoinPath(folder_.path(), "python");
  ASSERT_TRUE(WriteFileAtomic(host_.python, "#!/bin/sh\necho 4711\n").ok());
  ASSERT_EQ(chmod(host_.python.c_str(), 0755), 0);
  EXPECT_EQ(RunHere(PortScript(host_, "abc")).out, "port 4711\n");
  EXPECT_THAT(Read("address.json"), HasSubstr("\"grpc\":\"127.0.0.1:4711\""));
  EXPECT_THAT(Read("address.json"), HasSubstr("\"token_file\":\"token\""));
}

TEST_F(InstallTest, AUnitOfSystemdIsWrittenAndStarted) {
  // A systemctl that notes what it is asked for.
  const std::string bin = JoinPath(folder_.path(), "bin");
  ASSERT_TRUE(MakeFolder(bin).ok());
  const std::string program = JoinPath(bin, "systemctl"), asked = JoinPath(folder_.path(), "asked");
  ASSERT_TRUE(
      WriteFileAtomic(program, "#!/bin/sh\necho \"$@\" >> " + ShellQuoted(asked) + "\n").ok());
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  host_.unit = true;
  const std::string before = "PATH=" + ShellQuoted(bin) +
                             ":$PATH; export XDG_CONFIG_HOME=" + ShellQuoted(folder_.path()) + "\n";
  ASSERT_TRUE(MakeFolder(JoinPath(PartFolder(host_, "d1"), "bin")).ok());
  (void)RunHere("cd " + ShellQuoted(PartFolder(host_, "d1")) +
                " && for name in worker trainer; do cp /bin/true bin/braid-$name; done");
  const CommandResult done = RunHere(
      before + InstallScript(host_, Found(host_.folder), "d1", {"secret", ""}));
  ASSERT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(ReadFile(asked).value(),
            "--user daemon-reload\n--user enable --quiet braid-worker-w1\n"
            "--user restart braid-worker-w1\n");
  const std::string unit =
      ReadFile(JoinPath(folder_.path(), "systemd/user/braid-worker-w1.service")).value();
  EXPECT_THAT(unit, HasSubstr("ExecStart=/bin/sh \"" + host_.folder + "/run\"\n"));
  EXPECT_THAT(unit, HasSubstr("RestartPreventExitStatus=5 78\n"));
  ASSERT_TRUE(WriteFileAtomic(JoinPath(host_.folder, ".braid-worker"), host_.owner + "\n").ok());
  EXPECT_EQ(RunHere(before + RemoveScript(host_, false)).out, "removed\n");
  EXPECT_THAT(ReadFile(asked).value(), HasSubstr("--user disable --now --quiet braid-worker-w1\n"));
  EXPECT_FALSE(PathExists(JoinPath(folder_.path(), "systemd/user/braid-worker-w1.service")));
}

}  // namespace
}  // namespace braid::pool::ssh
