// braid token create, list, revoke; braid whoami.
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/file.h"
#include "base/private_folder.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/commands/list_command.h"
#include "cli/shared/completion.h"
#include "cli/shared/duration.h"
#include "cli/shared/print.h"
#include "rpc/tls/certificates.h"

namespace braid::cli {
namespace {

struct NewTokenFlags {
  std::string name, role, expires, file, password_file;
  bool certificate = false;
};

// "SUBMITTER" <-> "submitter".
std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

Result<v1::Role> RoleOf(const std::string& word) {
  for (const v1::Role role : {v1::VIEWER, v1::SUBMITTER, v1::OPERATOR, v1::ADMIN, v1::WORKER}) {
    if (Lower(v1::Role_Name(role)) == word) return role;
  }
  return InvalidArgument("--role " + word +
                         ": there are viewer, submitter, operator, admin and worker");
}

// The request without what is secret, for a token as for a certificate.
Result<v1::CreateTokenRequest> RequestOf(const NewTokenFlags& flags) {
  v1::CreateTokenRequest request;
  BRAID_ASSIGN_OR_RETURN(const v1::Role role, RoleOf(flags.role));
  request.set_name(flags.name);
  request.set_role(role);
  if (!flags.expires.empty()) {
    BRAID_ASSIGN_OR_RETURN(const int64_t lifetime_ms, ParseDuration(flags.expires));
    if (lifetime_ms == 0) {
      return InvalidArgument(
          "--expires 0: such a token is never good; leave --expires out for one "
          "that is good until it is revoked, or of a certificate for a year");
    }
    request.set_lifetime_ms(lifetime_ms);
  }
  if (!flags.file.empty() && PathExists(flags.file))
    return AlreadyExists(flags.file + " is there already; --file names a new file");
  return request;
}

bool IsPkcs12(const std::string& file) {
  return file.ends_with(".p12") || file.ends_with(".pfx");
}

// The password of the PKCS#12 file: from a file of the user's, or drawn. It is typed or pasted
// once, when the file is imported.
Result<std::string> PasswordOf(const NewTokenFlags& flags) {
  constexpr size_t kDrawn = 20;
  constexpr uint64_t kMaxBytes = 1024;
  if (flags.password_file.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string secret, NewSecret());
    return secret.substr(0, kDrawn);
  }
  BRAID_ASSIGN_OR_RETURN(std::string password, ReadFile(flags.password_file, kMaxBytes));
  // As `openssl -passin file:` reads it.
  password = password.substr(0, password.find_first_of(std::string_view("\r\n\0", 3)));
  if (password.empty()) {
    return InvalidArgument(flags.password_file +
                           " begins with an empty line; its first line is the password");
  }
  return password;
}

// The key is drawn here, and the coordinator signs its public half: nobody else ever has the key.
Result<int> CreateCertificate(const Globals& globals, const NewTokenFlags& flags) {
  if (flags.file.empty()) {
    return InvalidArgument(
        "--certificate needs --file: NAME.p12 for a browser, NAME.pem for curl and other programs");
  }
  const bool pkcs12 = IsPkcs12(flags.file);
  if (!pkcs12 && !flags.file.ends_with(".pem")) {
    return InvalidArgument("--file " + flags.file +
                           ": the name of a certificate's file ends with .p12 (for browsers) or "
                           ".pem (for programs)");
  }
  if (!pkcs12 && !flags.password_file.empty())
    return InvalidArgument(
        "--password-file is for files that end with .p12; a .pem has no password");
  BRAID_ASSIGN_OR_RETURN(v1::CreateTokenRequest request, RequestOf(flags));
  std::string password;
  if (pkcs12) {
    BRAID_ASSIGN_OR_RETURN(password, PasswordOf(flags));
  }
  rpc::Certified pair;
  BRAID_ASSIGN_OR_RETURN(pair.key, rpc::MakeKey());
  BRAID_ASSIGN_OR_RETURN(*request.mutable_request_pem(), rpc::MakeRequest(pair.key, flags.name));
  // Before the certificate is good: a folder that cannot be written is found by then.
  BRAID_RETURN_IF_ERROR(WriteSecretFile(flags.file, ""));
  const auto made = [&]() -> Result<v1::Credential> {
    BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
    return client.Call<v1::Credential>(&v1::Access::Stub::CreateToken, client.access(), request);
  }();
  (void)RemoveFile(flags.file);
  BRAID_RETURN_IF_ERROR(made.status());
  pair.certificate = made->certificate_pem();
  const Result<std::string> content = pkcs12
                                          ? rpc::Pkcs12Of(pair, flags.name + " (braid)", password)
                                          : Result<std::string>(pair.key + pair.certificate);
  Status written = content.status();
  if (written.ok()) written = WriteSecretFile(flags.file, *content);
  if (!written.ok())
    return written.Wrap("the certificate is made and lost (braid token revoke " + made->id() + ")");
  if (globals.json()) {
    Json said = {{"id", made->id()},
                 {"name", made->name()},
                 {"role", flags.role},
                 {"expires_ms", made->expires_ms()},
                 {"file", flags.file}};
    if (pkcs12 && flags.password_file.empty()) said["password"] = password;
    return PrintJson(globals, said), kOkExit;
  }
  const char* const how =
      !pkcs12 ? "; who has the file is let in: keep it as a password is kept"
      : flags.password_file.empty()
          ? ", whose password is shown this once; a browser asks for it when it "
            "imports the file"
          : "";
  std::fprintf(stderr, "certificate %s of %s, role %s, until %s; it is in %s%s\n",
               made->id().c_str(), made->name().c_str(), flags.role.c_str(),
               FormatUtc(made->expires_ms()).c_str(), flags.file.c_str(), how);
  if (pkcs12 && flags.password_file.empty()) std::printf("%s\n", password.c_str());
  return kOkExit;
}

Result<int> Create(const Globals& globals, const NewTokenFlags& flags) {
  if (flags.certificate) return CreateCertificate(globals, flags);
  if (!flags.password_file.empty())
    return InvalidArgument("--password-file is for --certificate: a token needs no password");
  BRAID_ASSIGN_OR_RETURN(v1::CreateTokenRequest request, RequestOf(flags));
  // The secret is drawn here. The coordinator gets its digest only, so neither the network nor the
  // catalog ever holds the secret.
  BRAID_ASSIGN_OR_RETURN(const std::string secret, NewSecret());
  request.set_secret_sha256(Sha256Hex(secret));
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  // Before the token is good: were it written afterwards and could not be, nobody would have the
  // secret of a token that works.
  if (!flags.file.empty()) BRAID_RETURN_IF_ERROR(WriteSecretFile(flags.file, secret + "\n"));
  const Result<v1::Credential> token = client.Call<v1::Credential>(&v1::Access::Stub::CreateToken,
                                                                   client.access(), request);
  if (!token.ok()) {
    if (!flags.file.empty()) (void)RemoveFile(flags.file);
    return token.status();
  }
  const std::string until = token->expires_ms() == 0 ? "until it is revoked"
                                                     : "until " + FormatUtc(token->expires_ms());
  if (globals.json()) {
    Json said = {{"id", token->id()},
                 {"name", token->name()},
                 {"role", flags.role},
                 {"expires_ms", token->expires_ms()}};
    // With --file, the secret must not also end up in the log of a script.
    if (flags.file.empty()) said["token"] = secret;
    return PrintJson(globals, said), kOkExit;
  }
  std::fprintf(stderr, "token %s of %s, role %s, %s; %s\n", token->id().c_str(),
               token->name().c_str(), flags.role.c_str(), until.c_str(),
               flags.file.empty()
                   ? "it is shown this once: keep it in a file of mode 0600, for --token-file or "
                     "BRAID_TOKEN_FILE"
                   : ("it is in " + flags.file).c_str());
  // Alone on standard output, for SECRET=$(braid token create ...); everything else goes to
  // standard error.
  if (flags.file.empty()) std::printf("%s\n", secret.c_str());
  return kOkExit;
}

std::string KindOf(const v1::Credential& credential) {
  if (credential.kind() == v1::KEY && credential.role() != v1::WORKER) return "certificate";
  return Lower(v1::CredentialKind_Name(credential.kind()));
}

std::string StateOf(const v1::Credential& credential) {
  if (credential.ended_ms() != 0) {
    return (credential.kind() == v1::INVITATION ? "used by " : "ended by ") +
           credential.ended_by() + " " + Ago(credential.ended_ms()) + " ago";
  }
  const int64_t now_ms = SystemClock().WallMs();
  if (credential.expires_ms() == 0) return "good";
  return credential.expires_ms() <= now_ms ? "expired"
                                           : "good until " + FormatUtc(credential.expires_ms());
}

Result<List> Credentials(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListCredentialsResponse response,
      (client.Call<v1::ListCredentialsResponse>(&v1::Access::Stub::ListCredentials, client.access(),
                                                v1::ListCredentialsRequest())));
  List list{.header = {"ID", "KIND", "NAME", "ROLE", "SITE", "BY", "USED", "STATE"},
            .json = JsonText(response)};
  for (const v1::Credential& credential : response.credentials()) {
    list.rows.push_back(
        {credential.id(),
         {credential.id(), KindOf(credential), credential.name(),
          Lower(v1::Role_Name(credential.role())), credential.site(), credential.created_by(),
          AgeCell(credential.last_used_ms()), StateOf(credential)}});
  }
  return list;
}

Result<int> Revoke(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::RevokeTokenRequest request;
  request.set_id(id);
  BRAID_ASSIGN_OR_RETURN(
      const v1::Credential token,
      (client.Call<v1::Credential>(&v1::Access::Stub::RevokeToken, client.access(), request)));
  if (globals.json()) return PrintJson(globals, token), kOkExit;
  std::printf("%s\n", token.id().c_str());
  return kOkExit;
}

Result<int> WhoAmI(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Credential own,
                         (client.Call<v1::Credential>(&v1::Access::Stub::WhoAmI, client.access(),
                                                      v1::WhoAmIRequest())));
  if (globals.json()) return PrintJson(globals, own), kOkExit;
  std::printf("%s, role %s%s\n", own.name().c_str(), Lower(v1::Role_Name(own.role())).c_str(),
              own.id().empty() ? "" : (", " + KindOf(own) + " " + own.id()).c_str());
  return kOkExit;
}

}  // namespace

void RegisterToken(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("token", "Who may use this coordinator");
  command->require_subcommand(1);
  auto flags = std::make_shared<NewTokenFlags>();
  CLI::App* create = command->add_subcommand("create",
                                             "Make a token and print it, once; or a certificate");
  create->add_option("--name", flags->name, "whose it is; of a worker, its id")->required();
  create->add_option("--role", flags->role, "viewer, submitter, operator, admin or worker")
      ->required();
  create->add_option("--expires", flags->expires,
                     "for how long: 12h, 30d (default: for good; a certificate a year)");
  create->add_option("--file", flags->file, "write it to this new file (mode 0600) instead")
      ->type_name(kFileValue);
  create->add_flag("--certificate", flags->certificate,
                   "a certificate and its key for a browser (--file NAME.p12) or for programs "
                   "(NAME.pem), in place of a token; it is shown over HTTPS");
  create
      ->add_option("--password-file", flags->password_file,
                   "the password of NAME.p12 is in this file (default: one is drawn and printed)")
      ->type_name(kFileValue);
  create->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Create(globals, *flags); };
  });
  MakeList(
      registry,
      command->add_subcommand("list", "All tokens, certificates, invitations and keys of workers"),
      Credentials);
  auto id = std::make_shared<std::string>();
  CLI::App* revoke = command->add_subcommand(
      "revoke", "End a token, a certificate, a worker's key, or an invitation that was not used");
  revoke->add_option("id", *id, "its id, or the name of who has it")
      ->type_name(kTokenValue)
      ->required();
  revoke->callback([registry, id] {
    registry.chosen = [&globals = registry.globals, id] { return Revoke(globals, *id); };
  });
}

void RegisterWhoAmI(const Registry& registry) {
  registry.app.add_subcommand("whoami", "The name and role of the token that is used")
      ->callback([registry] {
        registry.chosen = [&globals = registry.globals] { return WhoAmI(globals); };
      });
}

}  // namespace braid::cli
