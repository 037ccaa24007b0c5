#include "coordinator/core/transaction.h"

#include <memory>

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
  if (Status allowed = catalog::Check(update, state_->image()); !allowed.ok())
    throw UpdateRefused(std::move(allowed));
  // State::Apply erases the live part of an attempt that ends, and UndoOf restores only the
  // catalog's rows.
  if (const auto* ended = std::get_if<catalog::AttemptEnded>(&update))
    undo_.push_back(Restore(&state_->attempts, ended->attempt));
  updates_.push_back(update);
  // The undo is made before the update is applied, because it copies the rows as they are.
  undo_.push_back([state = state_, update, undo = catalog::UndoOf(update, state_->image())] {
    state->TakeBack(update, undo);
  });
  state_->Apply(update);
}

LiveWorker& Transaction::worker(const std::string& id) {
  undo_.push_back(Restore(&state_->workers, id));
  return state_->workers[id];
}

LiveAttempt& Transaction::attempt(const AttemptKey& key) {
  undo_.push_back(Restore(&state_->attempts, key));
  return state_->attempts[key];
}

void Transaction::TakeBack(const Mark& mark) {
  while (undo_.size() > mark.undo) {
    undo_.back()();
    undo_.pop_back();
  }
  updates_.resize(mark.updates);
  effects_.resize(mark.effects);
}

void Transaction::DoEffects() {
  for (const auto& effect : effects_) effect();
  effects_.clear();
}

}  // namespace braid::coordinator
