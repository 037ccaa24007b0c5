#include "spec/card.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Schema;

const Schema& CardRun::Fields() {
  static const Schema fields = [] {
    Builder<CardRun> field("run", "The run that made the model.");
    field("id", &CardRun::id, "Its id.").OmitDefault();
    field("name", &CardRun::name, "Its name.").OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& CardCorpus::Fields() {
  static const Schema fields = [] {
    Builder<CardCorpus> field("corpora", "A corpus that it was trained on.");
    field("name", &CardCorpus::name, "Its name.").Required();
    field("tokens", &CardCorpus::tokens, "Its tokens; 0: not known.").AtLeast(0).OmitDefault();
    field("documents", &CardCorpus::documents, "Its documents; 0: not known.")
        .AtLeast(0)
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& CardParent::Fields() {
  static const Schema fields = [] {
    Builder<CardParent> field("parents", "A model that it was made from.");
    field("name", &CardParent::name, "Its name.").Required();
    field("artifact", &CardParent::artifact, "Its artifact.").OmitDefault();
    field("tokens", &CardParent::tokens, "Tokens that it was trained on; 0: not known.")
        .AtLeast(0)
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& ModelCard::Fields() {
  static const Schema fields = [] {
    Builder<ModelCard> field("card", "Facts for the model card.");
    field("summary", &ModelCard::summary, "Its first sentence.").OmitDefault();
    field("license", &ModelCard::license, "Of the weights.").OmitDefault();
    field("tokens", &ModelCard::tokens,
          "Tokens that the model was trained on, its parents' too; 0: not known.")
        .AtLeast(0)
        .OmitDefault();
    field("run", &ModelCard::run).OmitDefault();
    field("corpora", &ModelCard::corpora, "What it was trained on: `name`, `tokens`, `documents`.");
    field("parents", &ModelCard::parents, "What it was made from: `name`, `artifact`, `tokens`.");
    field("evaluation", &ModelCard::evaluation,
          "By corpus `loss`, `perplexity` and `tokens` on its validation documents.")
        .Optional();
    field("recipe", &ModelCard::recipe, "The text of the recipe.").OmitDefault();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
