#include "storage/catalog/credentials.h"

namespace braid::catalog {

const CredentialRecord* CredentialTable::WithDigest(const std::string& sha256) const {
  const auto found = by_digest_.find(sha256);
  return found == by_digest_.end() ? nullptr : &rows_.at(found->second);
}

const std::set<std::string>& CredentialTable::IdsOf(const std::string& name) const {
  static const std::set<std::string> none;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? none : found->second;
}

void CredentialTable::Put(CredentialRecord credential) {
  Erase(credential.id);
  by_digest_[credential.sha256] = credential.id;
  by_name_[credential.name].insert(credential.id);
  std::string id = credential.id;
  rows_.insert_or_assign(std::move(id), std::move(credential));
}

void CredentialTable::Erase(const std::string& id) {
  const auto row = rows_.find(id);
  if (row == rows_.end()) return;
  by_digest_.erase(row->second.sha256);
  const auto named = by_name_.find(row->second.name);
  named->second.erase(id);
  if (named->second.empty()) by_name_.erase(named);
  rows_.erase(row);
}

}  // namespace braid::catalog
