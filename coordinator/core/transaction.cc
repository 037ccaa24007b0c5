#include "coordinator/core/transaction.h"

#include <iterator>
#include <memory>
#include <utility>

#include "storage/catalog/rules.h"

namespace braid::coordinator {
namespace {

// Returns a function that gives the entry of `map` at `key` its present value again, or erases it
// if there is none now.
template <typename Map>
std::function<void()> Restore(Map* map, const typename Map::key_type& key) {
  const auto found = map->find(key);
  if (found == map->end()) return [map, key] { map->erase(key); };
  return [map, key, value = found->second] { (*map)[key] = value; };
}

}  // namespace

void Transaction::Add(catalog::Update update) {
  state_->RecallFor(update);
  if (Status allowed = catalog::Check(update, state_->image()); !allowed.ok())
    throw UpdateRefused(std::move(allowed));
  // State::Apply erases the live part of an attempt that ends, and UndoOf restores only the
  // catalog's rows.
  if (const auto* ended = std::get_if<catalog::AttemptEnded>(&update))
    undo_.push_back(Restore(&state_->attempts, ended->attempt));
  // The undo is made before the update is applied, because it copies the rows as they are.
  undo_.push_back([state = state_, update, undo = catalog::UndoOf(update, state_->image())] {
    state->TakeBack(update, undo);
  });
  state_->Apply(update);
  updates_.push_back(std::move(update));
}

void Transaction::MoveUpdatesTo(catalog::Updates* all) {
  all->insert(all->end(), std::make_move_iterator(updates_.begin()),
              std::make_move_iterator(updates_.end()));
}

LiveWorker& Transaction::worker(const std::string& id) {
  state_->changes.desired.insert(id);
  state_->changes.scheduling = state_->changes.peers = state_->changes.gpus = true;
  return QuietWorker(id);
}

LiveAttempt& Transaction::attempt(const AttemptKey& key) {
  state_->changes.attempts.insert(key);
  if (const AttemptRecord* record = state_->FindAttempt(key))
    state_->changes.desired.insert(record->workers.begin(), record->workers.end());
  return QuietAttempt(key);
}

LiveWorker& Transaction::QuietWorker(const std::string& id) {
  state_->changes.workers.insert(id);
  undo_.push_back(Restore(&state_->workers, id));
  return state_->workers[id];
}

LiveAttempt& Transaction::QuietAttempt(const AttemptKey& key) {
  undo_.push_back(Restore(&state_->attempts, key));
  return state_->attempts[key];
}

void Transaction::TakeBack(const Mark& mark) {
  if (undo_.size() > mark.undo) state_->changes.MarkAll();
  while (undo_.size() > mark.undo) {
    undo_.back()();
    undo_.pop_back();
  }
  updates_.resize(mark.updates);
  effects_.resize(mark.effects);
}

std::string Transaction::DoEffects() {
  std::string faults;
  for (const auto& effect : std::exchange(effects_, {})) {
    try {
      effect();
    } catch (const std::exception& error) {
      faults += (faults.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  return faults;
}

}  // namespace braid::coordinator
