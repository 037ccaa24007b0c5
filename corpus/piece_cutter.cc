#include "corpus/piece_cutter.h"

#include <algorithm>

#include "corpus/piece_scanner.h"

namespace braid::corpus {
namespace {

// Joins each match to the stretch before it, unless that is a match too. `stretches` are in the
// order in which that is done.
void MergeMatches(std::vector<Stretch>* stretches) {
  std::vector<Stretch>& s = *stretches;
  size_t kept = 0;
  bool match_before = false;
  for (const Stretch& one : s) {
    const bool joins = one.match && !match_before && kept > 0;
    match_before = one.match;
    if (joins) {
      s[kept - 1].begin = std::min(s[kept - 1].begin, one.begin);
      s[kept - 1].end = std::max(s[kept - 1].end, one.end);
    } else {
      s[kept++] = one;
    }
  }
  s.resize(kept);
}

void JoinEqual(std::vector<Stretch>* stretches) {
  std::vector<Stretch>& s = *stretches;
  size_t kept = 0;
  for (const Stretch& one : s) {
    if (kept > 0 && s[kept - 1].match == one.match) {
      s[kept - 1].end = one.end;
    } else {
      s[kept++] = one;
    }
  }
  s.resize(kept);
}

void SplitByPattern(const CutterStep& step, std::string_view piece, PatternScratch* scratch,
                    CutText* cut) {
  std::vector<Stretch>& stretches = cut->stretches;
  stretches.clear();
  step.pattern->Cut(piece, scratch, &stretches);
  if (step.invert) {
    for (Stretch& one : stretches) one.match = !one.match;
  }
  switch (step.behavior) {
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kRemoved:
      std::erase_if(stretches, [](const Stretch& one) { return one.match; });
      break;
    case SplitBehavior::kContiguous:
      JoinEqual(&stretches);
      break;
    case SplitBehavior::kMergedWithPrevious:
      MergeMatches(&stretches);
      break;
    case SplitBehavior::kMergedWithNext:
      std::reverse(stretches.begin(), stretches.end());
      MergeMatches(&stretches);
      std::reverse(stretches.begin(), stretches.end());
      break;
  }
  for (const Stretch& one : stretches)
    cut->next.push_back(piece.substr(one.begin, one.end - one.begin));
}

void SplitWords(std::string_view piece, CutText* cut) {
  size_t begin = 0;
  for (size_t at = piece.find(kSpaceMark); at != std::string_view::npos;
       at = piece.find(kSpaceMark, at + kSpaceMark.size())) {
    // A run of marks begins one word.
    if (at == begin || piece.substr(0, at).ends_with(kSpaceMark)) continue;
    cut->next.push_back(piece.substr(begin, at - begin));
    begin = at;
  }
  cut->next.push_back(piece.substr(begin));
}

std::string_view WithSpaceMarks(const CutterStep& step, std::string_view piece, bool first,
                                CutText* cut) {
  const bool front = step.prepend == CutterStep::Prepend::kAlways ||
                     (step.prepend == CutterStep::Prepend::kFirst && first);
  std::string& out = cut->changed.emplace_back();
  if (front && !piece.starts_with(' ') && !piece.starts_with(kSpaceMark)) out += kSpaceMark;
  for (const char c : piece) c == ' ' ? out.append(kSpaceMark) : out.append(1, c);
  return out;
}

}  // namespace

void PieceCutter::Cut(std::string_view text, bool first, PatternScratch* scratch,
                      CutText* cut) const {
  cut->pieces.assign(1, text);
  cut->changed.clear();
  for (const CutterStep& step : steps_) {
    cut->next.clear();
    for (size_t i = 0; i < cut->pieces.size(); ++i) {
      const std::string_view piece = cut->pieces[i];
      switch (step.kind) {
        case CutterStep::Kind::kSplit:
          SplitByPattern(step, piece, scratch, cut);
          break;
        case CutterStep::Kind::kGpt2:
          ForEachPiece(piece, [&](size_t begin, size_t size) {
            cut->next.push_back(piece.substr(begin, size));
          });
          break;
        case CutterStep::Kind::kSpace:
          cut->next.push_back(piece.starts_with(' ')
                                  ? piece
                                  : std::string_view(cut->changed.emplace_back(" ").append(piece)));
          break;
        case CutterStep::Kind::kMetaspace:
          cut->next.push_back(
              WithSpaceMarks(step, piece, first && piece.data() == text.data(), cut));
          break;
        case CutterStep::Kind::kWords:
          SplitWords(piece, cut);
          break;
      }
    }
    cut->pieces.swap(cut->next);
  }
}

}  // namespace braid::corpus
